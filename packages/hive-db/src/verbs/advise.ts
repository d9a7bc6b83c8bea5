import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { duration, repeated } from '../option.ts';
import { WrongUse } from '../wrong-use.ts';
import type { Run } from './verb.ts';

interface AdviseOptions {
  readonly app?: string;
  readonly database?: string;
  readonly interval: number;
  readonly input?: readonly string[];
}

export function addAdvise(program: Command, run: Run): void {
  const advise = program
    .command('advise')
    .description('what size each pool should have, with the numbers, and which sums cannot work: exit code 1 for these')
    .option('--app <name>', 'of this app only')
    .option('--database <name>', 'of this database only')
    .addOption(
      duration('--interval <duration>', 'how far two looks lie apart; 0s: one, since the start', 0, 3_600_000, 0, '0s'),
    )
    .option(
      '-i, --input <file>',
      'an earlier export or recording instead of what is so now (may be repeated)',
      repeated,
    )
    .action(async ({ app, database, interval, input = [] }: AdviseOptions) => {
      if (input.length > 0 && interval > 0)
        throw new WrongUse('--interval is for what is so now, --input for what was');
      const filter = { app, database };
      await run(async (invocation) =>
        input.length > 0
          ? (await import('../commands/advise-input.ts')).adviseOnInput(invocation, input, filter)
          : (await import('../commands/advise.ts')).advise(invocation, interval, filter),
      );
    });
  examples(advise, [
    ['hive-db advise', 'by what was measured since each process started'],
    ['hive-db advise --interval 60s --database orders', 'by the next minute'],
    ['hive-db advise -i monday.json -i tuesday.json', 'by what was between two exports'],
  ]);
}

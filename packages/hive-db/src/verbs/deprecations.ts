import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { WrongUse } from '../wrong-use.ts';
import type { Run } from './verb.ts';

export function addDeprecations(program: Command, run: Run): void {
  const deprecations = program
    .command('deprecations')
    .description('which old APIs are still called, from where, and what to write instead')
    .allowExcessArguments()
    .action(async (_: object, { args }: Command) => {
      if (args.length > 0)
        throw new WrongUse('deprecations asks processes what they call, which no file knows: leave the file out');
      await run(async (invocation) => (await import('../commands/deprecations.ts')).deprecations(invocation));
    });
  examples(deprecations, [['hive-db deprecations --json', 'call sites for a script']]);
}

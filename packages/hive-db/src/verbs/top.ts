import { Option, type Command } from 'commander';
import type { TopSort } from '../documents/top.ts';
import { examples } from '../examples.ts';
import { duration, number } from '../option.ts';
import type { Run } from './verb.ts';

const SORTS: readonly TopSort[] = ['spent', 'mean', 'max', 'rate'];

interface TopOptions {
  readonly interval: number;
  readonly sort: TopSort;
  readonly limit: number;
  readonly slow: number;
}

export function addTop(program: Command, run: Run): void {
  const top = program
    .command('top')
    .description('what the time is spent on: rates, and the heaviest labels and statements; and what was slow')
    .addOption(
      duration('--interval <duration>', 'how far two looks lie apart; 0s: since the start', 0, 60_000, 1_000, '1s'),
    )
    .addOption(new Option('--sort <key>', 'what to order by').choices(SORTS).default('spent'))
    .addOption(number('--limit <number>', 'how many labels and statements', 1, 1_000, 10))
    .addOption(duration('--slow <duration>', 'how long a statement took that is listed as slow', 0, 3_600_000, 0, '0s'))
    .action(async ({ interval, sort, limit, slow: slowMs }: TopOptions) => {
      const options = { sort, limit, slowMs };
      await run(async (invocation) => (await import('../commands/top.ts')).top(invocation, interval, options));
    });
  examples(top, [
    ['hive-db top', 'the last second'],
    ['hive-db top --interval 0s --sort max', 'the longest single runs since the start'],
    ['hive-db top --slow 500ms --json', 'statements that took half a second, for programs'],
  ]);
}

import type { Command } from 'commander';
import { examples } from '../examples.ts';
import type { Run } from './verb.ts';

interface ReplayOptions {
  readonly from?: string;
  readonly to?: string;
}

export function addReplay(program: Command, run: Run): void {
  const replay = program
    .command('replay')
    .description('a saved recording: its worst moments, and what changed at each step')
    .argument('<file>', 'what hive-db record has saved')
    .option('--from <time>', 'the first step, such as 11:52 or 2026-11-21T11:52:07Z (UTC)')
    .option('--to <time>', 'the last step')
    .action(async (file: string, { from, to }: ReplayOptions) => {
      await run(async (invocation) => (await import('../commands/replay.ts')).replay(invocation, { file, from, to }));
    });
  examples(replay, [
    ['hive-db replay incident.json', 'worst moments, then each step'],
    ['hive-db replay incident.json --from 11:52', 'a part of it'],
  ]);
}

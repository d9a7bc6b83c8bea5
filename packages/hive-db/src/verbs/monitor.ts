import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { duration } from '../option.ts';
import { WrongUse } from '../wrong-use.ts';
import type { Run } from './verb.ts';

interface MonitorOptions {
  readonly continuous?: boolean;
  readonly interval: number;
}

export function addMonitor(program: Command, run: Run): void {
  const monitor = program
    .command('monitor')
    .description(
      'a report on use, acquire times, errors, suspected leaks, and what stands out, or on the named SQLite files',
    )
    .argument('[file...]', 'SQLite files instead of processes; they are looked at, not opened')
    .option(
      '--continuous',
      'look again and again: a live view on a terminal (? explains it), else one JSON object a line',
    )
    .addOption(duration('--interval <duration>', 'how long between two looks', 100, 3_600_000, 1_000, '1s'))
    .action(async (files: readonly string[], { continuous = false, interval }: MonitorOptions) => {
      if (!continuous && monitor.getOptionValueSource('interval') !== 'default')
        throw new WrongUse('--interval belongs to --continuous');
      await run(async (invocation) =>
        continuous
          ? (await import('../commands/monitor-continuous.ts')).monitorContinuously(invocation, files, interval)
          : (await import('../commands/monitor.ts')).monitor(invocation, files),
      );
    });
  examples(monitor, [
    ['hive-db monitor', 'one report'],
    ['hive-db monitor --continuous --interval 2s', 'a live view until q'],
    ['hive-db monitor --continuous data/orders.db', 'who uses a file, live'],
    ['hive-db monitor --continuous | jq .processes', 'a stream for programs'],
  ]);
}

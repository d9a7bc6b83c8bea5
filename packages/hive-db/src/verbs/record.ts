import type { Command } from 'commander';
import { examples } from '../examples.ts';
import type { Run } from './verb.ts';

interface RecordOptions {
  readonly output: string;
}

export function addRecord(program: Command, run: Run): void {
  const record = program
    .command('record')
    .description('what the processes were like over the last 15 minutes, second by second, as one JSON document')
    .option('--output <file>', 'a new file, or an earlier recording; - is standard output', '-')
    .action(async ({ output }: RecordOptions) => {
      await run(async (invocation) => (await import('../commands/record.ts')).record(invocation, output));
    });
  examples(record, [['hive-db record --output incident.json', 'before anybody restarts anything']]);
}

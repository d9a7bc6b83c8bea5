import type { Command } from 'commander';
import { examples } from '../examples.ts';
import type { Run } from './verb.ts';

interface ExportOptions {
  readonly output: string;
}

export function addExport(program: Command, run: Run): void {
  const verb = program
    .command('export')
    .description('everything that the processes know of themselves, as one JSON document')
    .option('--output <file>', 'a new file, or an earlier export; - is standard output', '-')
    .action(async ({ output }: ExportOptions) => {
      await run(async (invocation) => (await import('../commands/export.ts')).exportSnapshots(invocation, output));
    });
  examples(verb, [['hive-db export --output snapshot.json', 'to attach to a report']]);
}

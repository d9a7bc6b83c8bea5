import type { Command } from 'commander';
import { examples } from '../examples.ts';
import type { Run } from './verb.ts';

interface ExportOptions {
  readonly output: string;
}

export function addExport(program: Command, run: Run): void {
  const verb = program
    .command('export')
    .description(
      'everything that the processes know of themselves, or the named SQLite files tell, as one JSON document',
    )
    .argument('[file...]', 'SQLite files instead of processes; they are looked at, not opened')
    .option('--output <file>', 'a new file, or an earlier export; - is standard output', '-')
    .action(async (files: readonly string[], { output }: ExportOptions) => {
      await run(async (invocation) => (await import('../commands/export.ts')).exportAll(invocation, files, output));
    });
  examples(verb, [
    ['hive-db export --output snapshot.json', 'to attach to a report'],
    ['hive-db export data/*.db --output files.json', 'the same of files'],
  ]);
}

import type { Command } from 'commander';
import { examples } from '../examples.ts';
import type { Run } from './verb.ts';

export function addDiagnose(program: Command, run: Run): void {
  const diagnose = program
    .command('diagnose')
    .description(
      'what is wrong with processes, or with the named SQLite files, and what mends it: exit code 1 for errors',
    )
    .argument('[file...]', 'SQLite files; they are looked at, not opened')
    .action(async (files: readonly string[]) => {
      await run(async (invocation) => (await import('../commands/diagnose.ts')).diagnose(invocation, files));
    });
  examples(diagnose, [
    ['hive-db diagnose', 'every process of this user'],
    ['hive-db diagnose data/orders.db', 'a file that makes trouble'],
  ]);
}

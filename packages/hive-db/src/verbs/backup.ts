import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { addCopyOptions, type CopyOptions } from './copy-options.ts';
import type { Run } from './verb.ts';

export function addBackup(program: Command, run: Run): void {
  const backup = program
    .command('backup')
    .description(
      'copy a database that may be in use, and verify the copy (opens the database, in a process of its own)',
    )
    .argument('<database>', 'name of an open database, or a SQLite file')
    .argument('<to>', 'a new file');
  addCopyOptions(backup, 'replace an earlier backup that has this name').action(
    async (source: string, target: string, { replace = false, deadline }: CopyOptions) => {
      const request = { source, target, replace, deadlineMs: deadline };
      await run(async (invocation) => (await import('../commands/backup.ts')).backup(invocation, request));
    },
  );
  examples(backup, [
    ['hive-db backup orders /backups/monday.db', 'while everybody goes on'],
    ['hive-db backup data/orders.db copy.db --json', 'with rows and digests'],
  ]);
}

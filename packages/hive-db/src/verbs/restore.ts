import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { addCopyOptions, type CopyOptions } from './copy-options.ts';
import type { Run } from './verb.ts';

export function addRestore(program: Command, run: Run): void {
  const restore = program
    .command('restore')
    .description('put a verified copy of a backup where services open it (opens the backup, nothing that is in use)')
    .argument('<backup>', 'a SQLite file')
    .argument('<to>', 'where the database belongs');
  addCopyOptions(restore, 'keep a database that is there under a dated name, with its log').action(
    async (source: string, target: string, { replace = false, deadline }: CopyOptions) => {
      const request = { source, target, replace, deadlineMs: deadline };
      await run(async (invocation) => (await import('../commands/restore.ts')).restore(invocation, request));
    },
  );
  examples(restore, [['hive-db restore monday.db data/orders.db --replace', 'after stopping what uses it']]);
}

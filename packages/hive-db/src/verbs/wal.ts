import type { Command } from 'commander';
import { examples } from '../examples.ts';
import type { Run } from './verb.ts';

export function addWal(program: Command, run: Run): void {
  const wal = program
    .command('wal')
    .description('how long the write-ahead log of a database is, who keeps it so, and why it cannot shrink now')
    .argument('[database...]', 'names of databases, or SQLite files; they are looked at, not opened')
    .action(async (databases: readonly string[]) => {
      await run(async (invocation) => (await import('../commands/wal.ts')).wal(invocation, databases));
    });
  examples(wal, [
    ['hive-db wal orders', 'its frames, and every reader with what it keeps'],
    ['hive-db wal data/orders.db', 'any SQLite file, whatever programs use it'],
  ]);
}

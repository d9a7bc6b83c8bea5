import type { Command } from 'commander';
import { examples } from '../examples.ts';
import type { Run } from './verb.ts';

export function addLocks(program: Command, run: Run): void {
  const locks = program
    .command('locks')
    .description('who writes, who reads and who waits, on every database or on the named ones, whatever program it is')
    .argument('[database...]', 'names of databases, or SQLite files; they are looked at, not opened')
    .action(async (databases: readonly string[]) => {
      await run(async (invocation) => (await import('../commands/locks.ts')).locks(invocation, databases));
    });
  examples(locks, [
    ['hive-db locks', 'every database that a process has open'],
    ['hive-db locks orders', 'one of them by its name'],
    ['hive-db locks data/orders.db', 'any SQLite file, whatever programs use it'],
  ]);
}

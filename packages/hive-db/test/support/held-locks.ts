import { readLockTable, type FileLock } from '@hive/shared-db/health';

/** Everything that a process has locked, as the kernel has it. */
export function heldLocks({ pid }: { readonly pid: number }): readonly FileLock[] {
  return readLockTable()
    .filter((lock) => lock.pid === pid)
    .toSorted((a, b) => a.inode - b.inode || a.start - b.start);
}

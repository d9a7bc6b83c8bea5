import { readLockTable, type FileLock } from '@hive/shared-db/health';

/** Bytes of the shared memory of a log (sqlite.org/walformat.html, section 2.3): who writes, and behind it who checkpoints and who reads. */
const WRITE_BYTE = 120;
const LAST_READ_BYTE = 127;
const READINGS = 3;

/**
 * Everything that a process has locked, as the kernel has it, but for what its own thread takes and gives back while it keeps the log
 * short.
 */
export function heldLocks({ pid }: { readonly pid: number }): readonly FileLock[] {
  // The system gives its table page by page: one that other processes change meanwhile may come with a lock left out.
  const seen = new Map<string, FileLock>();
  for (let reading = 0; reading < READINGS; reading++)
    for (const lock of readLockTable())
      if (lock.pid === pid && !isFleeting(lock)) seen.set(`${lock.inode} ${lock.start}`, lock);
  return [...seen.values()]
    .map((lock) => (lock.start === WRITE_BYTE ? { ...lock, end: WRITE_BYTE } : lock))
    .toSorted((a, b) => a.inode - b.inode || a.start - b.start);
}

function isFleeting({ start, end }: FileLock): boolean {
  return start > WRITE_BYTE && end <= LAST_READ_BYTE;
}

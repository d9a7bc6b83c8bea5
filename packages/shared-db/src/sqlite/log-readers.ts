import { readLockTable, type FileLock } from './lock-table.ts';
import { locksOnFile } from './locks-on-file.ts';

/** Bytes of the `-shm` file on which those lie who read the log (sqlite.org/walformat.html, "WAL-Index Locks"). */
const FIRST_READ_MARK = 123;
const LAST_READ_MARK = 127;

/** A process that reads a database, and on which of the five marks. What a mark stands for only the `-shm` file says. */
export interface LogReader {
  readonly pid: number;
  /** 0 to 4. */
  readonly mark: number;
}

/**
 * Who has a database open for reading at this moment, this process included, whatever program it is. Needs no descriptor on the file,
 * so it is safe in a process that has it open. Linux only: elsewhere nobody.
 */
export function logReaders(path: string, locks: readonly FileLock[] = locksNow()): readonly LogReader[] {
  return locksOnFile(`${path}-shm`, locks)
    .filter(({ exclusive, start, end }) => !exclusive && start <= LAST_READ_MARK && end >= FIRST_READ_MARK)
    .flatMap(({ pid, start, end }) => {
      const first = Math.max(start, FIRST_READ_MARK);
      const marks = Math.min(end, LAST_READ_MARK) - first + 1;
      return Array.from({ length: marks }, (_, index) => ({ pid, mark: first + index - FIRST_READ_MARK }));
    });
}

function locksNow(): readonly FileLock[] {
  try {
    return readLockTable();
  } catch {
    return [];
  }
}

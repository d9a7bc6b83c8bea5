import { readFileSync, statSync } from 'node:fs';
import type { Culprit } from '../errors.ts';
import { parseLocks } from './lock-table.ts';

/** Byte of the `-shm` file on which the write lock of WAL mode lies (sqlite.org/walformat.html, "WAL-Index Locks"). */
const WAL_WRITE_LOCK = 120;

/**
 * Who holds the write lock of a database right now, whatever program it is. Needs no descriptor on the file, so it is safe in a
 * process that has it open. Linux only: elsewhere, and where nobody holds it any more, nobody.
 */
export function writeLockHolders(path: string): readonly Culprit[] {
  try {
    const { ino } = statSync(`${path}-shm`);
    return parseLocks(readFileSync('/proc/locks', 'utf8'))
      .filter(
        ({ inode, exclusive, start, end }) =>
          inode === ino && exclusive && start <= WAL_WRITE_LOCK && WAL_WRITE_LOCK <= end,
      )
      .map(({ pid }) => ({ pid, command: commandOf(pid) }));
  } catch {
    return [];
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, 3).join(' ').trim().slice(0, 80);
  } catch {
    return 'unknown';
  }
}

import { readFileSync } from 'node:fs';
import type { Culprit } from '../errors.ts';
import { parseLocks } from './lock-table.ts';
import { locksOnFile } from './locks-on-file.ts';

/** Byte of the `-shm` file on which the write lock of WAL mode lies (sqlite.org/walformat.html, "WAL-Index Locks"). */
const WAL_WRITE_LOCK = 120;

/**
 * Who holds the write lock of a database right now, whatever program it is. Needs no descriptor on the file, so it is safe in a
 * process that has it open. Linux only: elsewhere, and where nobody holds it any more, nobody.
 */
export function writeLockHolders(path: string, locks: string = readLocks()): readonly Culprit[] {
  return locksOnFile(`${path}-shm`, parseLocks(locks))
    .filter(({ exclusive, start, end }) => exclusive && start <= WAL_WRITE_LOCK && WAL_WRITE_LOCK <= end)
    .map(({ pid }) => ({ pid, command: commandOf(pid) }));
}

function readLocks(): string {
  try {
    return readFileSync('/proc/locks', 'utf8');
  } catch {
    return '';
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, 3).join(' ').trim().slice(0, 80);
  } catch {
    return 'unknown';
  }
}

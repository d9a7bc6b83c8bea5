import { readFileSync, statSync } from 'node:fs';
import type { Culprit } from '../errors.ts';

/** Byte of the `-shm` file on which the write lock of WAL mode lies (sqlite.org/walformat.html, "WAL-Index Locks"). */
const WAL_WRITE_LOCK = 120;

/** One line of /proc/locks. */
export interface FileLock {
  readonly pid: number;
  readonly exclusive: boolean;
  readonly inode: number;
  readonly start: number;
  readonly end: number;
}

/** Reads the text of /proc/locks. Lines that are not POSIX locks of a process are left out. Pure. */
export function parseLocks(text: string): readonly FileLock[] {
  const locks: FileLock[] = [];
  const line = /^\d+: POSIX\s+\S+\s+(READ|WRITE)\s+(\d+)\s+[\da-f]+:[\da-f]+:(\d+)\s+(\d+)\s+(\d+|EOF)\s*$/gm;
  for (const [, mode, pid, inode, start, end] of text.matchAll(line))
    locks.push({
      pid: Number(pid),
      exclusive: mode === 'WRITE',
      inode: Number(inode),
      start: Number(start),
      end: end === 'EOF' ? Infinity : Number(end),
    });
  return locks;
}

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

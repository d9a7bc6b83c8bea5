import { existsSync, readFileSync } from 'node:fs';
import { displaySafe } from '../display-safe.ts';
import type { Culprit } from '../errors.ts';
import { readLockTable, type FileLock } from './lock-table.ts';
import { locksOnFile } from './locks-on-file.ts';

/** Byte of the `-shm` file on which the write lock of WAL mode lies (sqlite.org/walformat.html, "WAL-Index Locks"). */
const WAL_WRITE_LOCK = 120;
/** Where SQLite locks the database file itself: who waits, who writes, then 510 bytes of readers (sqlite.org/lockingv3.html). */
const FIRST_FILE_LOCK = 0x4000_0000;
const LAST_FILE_LOCK = FIRST_FILE_LOCK + 511;
/** What is shown of a command line: enough to recognise a program and its script. */
const SHOWN_WORDS = 3;
const SHOWN = 80;

/**
 * Who is in the way of a writer right now, whatever program it is: who holds the write lock or has the file for itself alone; of a database
 * in rollback mode, which opening changes, also who reads. Needs no descriptor on the file, so it is safe in a process that has it open.
 * Linux only: elsewhere, and where nobody is any more, nobody.
 */
export function writeLockHolders(path: string, locks: readonly FileLock[] = locksNow()): readonly Culprit[] {
  const index = `${path}-shm`;
  const onFile = locksOnFile(path, locks).filter((lock) => covers(lock, FIRST_FILE_LOCK, LAST_FILE_LOCK));
  const writers = [
    ...locksOnFile(index, locks).filter((lock) => lock.exclusive && covers(lock, WAL_WRITE_LOCK, WAL_WRITE_LOCK)),
    ...onFile.filter(({ exclusive }) => exclusive),
  ];
  // In WAL mode, in which there is an index, everybody who has the file open has a lock on it that is in nobody's way.
  const found = writers.length > 0 || existsSync(index) ? writers : onFile;
  return [...new Set(found.map(({ pid }) => pid))].map((pid) => ({ pid, command: commandOf(pid) }));
}

function covers({ start, end }: FileLock, first: number, last: number): boolean {
  return start <= last && first <= end;
}

function locksNow(): readonly FileLock[] {
  try {
    return readLockTable();
  } catch {
    return [];
  }
}

/** The beginning of the command line of a process. */
export function commandOf(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, SHOWN_WORDS);
    return displaySafe(words.join(' ').trim(), SHOWN);
  } catch {
    return 'unknown';
  }
}

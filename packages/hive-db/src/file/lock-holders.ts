import { locksOnFile, readLockTable, type FileLock } from '@hive/shared-db/health';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { safe } from '../render/safe-text.ts';
import type { LockHolder } from './file-report.ts';
import { databaseHoldings, HOLDINGS, shmHoldings, type Holding } from './locks.ts';

/** How many words of a command line are shown: the program, its script, and what it was told to do. */
const SHOWN_WORDS = 3;
const SHOWN_COMMAND = 80;

/**
 * Who has locks on a database, whatever program it is, in the order of their numbers; null where the system does not tell. Linux
 * only, and only processes of this pid namespace. Uses `stat` and /proc. Whoever looks at many databases reads the table once.
 */
export function lockHoldersOf(
  path: string,
  mode: 'wal' | 'rollback',
  table = lockTable(),
): readonly LockHolder[] | null {
  if (table === null) return null;
  const locks = locksOf(path, table);
  const found = new Map<number, Set<Holding>>();
  const note = (on: readonly FileLock[], meaning: (lock: FileLock) => readonly Holding[]): void => {
    for (const lock of on) {
      const holds = found.get(lock.pid) ?? new Set();
      for (const holding of meaning(lock)) holds.add(holding);
      found.set(lock.pid, holds);
    }
  };
  note(locks.database, (lock) => databaseHoldings(lock, mode));
  note(locks.walIndex, shmHoldings);
  return [...found]
    .filter(([, holds]) => holds.size > 0)
    .map(([pid, holds]) => ({ pid, command: commandOf(pid), holds: HOLDINGS.filter((holding) => holds.has(holding)) }))
    .toSorted((a, b) => a.pid - b.pid);
}

/** The locks of a database by the file that they lie on. */
export interface DatabaseLocks {
  readonly database: readonly FileLock[];
  /** On the `-shm` file. */
  readonly walIndex: readonly FileLock[];
}

/** All locks of this pid namespace; null where the system does not tell. Costs some milliseconds. */
export function lockTable(): readonly FileLock[] | null {
  try {
    return readLockTable();
  } catch {
    return null;
  }
}

/** Of all locks, those on one database. */
export function locksOf(path: string, locks: readonly FileLock[]): DatabaseLocks {
  return { database: locksOnFile(path, locks), walIndex: locksOnFile(`${path}-shm`, locks) };
}

/** What a process is, in few words; null where that may not be seen. */
export function commandOf(pid: number): string | null {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, SHOWN_WORDS);
    // A program and its script are known by their names; where they are installed says little and takes the room.
    const [program = '', script = '', ...rest] = words;
    return safe([basename(program), basename(script), ...rest].join(' ').trim(), SHOWN_COMMAND) || null;
  } catch {
    return null;
  }
}

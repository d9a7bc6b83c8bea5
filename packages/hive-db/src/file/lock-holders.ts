import { parseLocks, type FileLock } from '@hive/shared-db/health';
import { readdirSync, readFileSync, statSync, type Stats } from 'node:fs';
import { basename } from 'node:path';
import { safe } from '../render/safe-text.ts';
import type { LockHolder } from './file-report.ts';
import { databaseHoldings, HOLDINGS, shmHoldings, type Holding } from './locks.ts';

/** How many words of a command line are shown: the program, its script, and what it was told to do. */
const SHOWN_WORDS = 3;
const SHOWN_COMMAND = 80;

/**
 * Who has locks on a database, whatever program it is, in the order of their numbers; null where the system does not tell. Linux
 * only, and only processes of this pid namespace. Uses `stat` and /proc.
 */
export function lockHoldersOf(path: string, mode: 'wal' | 'rollback'): readonly LockHolder[] | null {
  const locks = locksOf(path);
  if (locks === null) return null;
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

/** All locks on a database at one moment; null where the system does not tell. */
export function locksOf(path: string): DatabaseLocks | null {
  let text: string;
  try {
    text = readFileSync('/proc/locks', 'utf8');
  } catch {
    return null;
  }
  const locks = parseLocks(text);
  return { database: locksOn(path, locks), walIndex: locksOn(`${path}-shm`, locks) };
}

function locksOn(file: string, locks: readonly FileLock[]): readonly FileLock[] {
  const stats = statsOf(file);
  return stats === undefined ? [] : locks.filter((lock) => lock.inode === stats.ino && isOn(lock, stats));
}

/** The path may be what another process says: then it can be no path at all, or one that may not be looked at. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

// Inodes are numbered for each device. Where `stat` has another number for the device than the kernel (btrfs, overlays), the open
// files of the process decide; where those may not be seen, a lock of somebody else is better shown than one of ours hidden.
function isOn({ device, pid }: FileLock, stats: Stats): boolean {
  return device === deviceOf(stats) || (hasOpen(pid, stats) ?? true);
}

function deviceOf({ dev }: Stats): string {
  const number = BigInt(dev);
  const major = ((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn);
  const minor = (number & 0xffn) | ((number >> 12n) & ~0xffn & 0xffff_ffffn);
  return `${hexadecimal(major)}:${hexadecimal(minor)}`;
}

function hexadecimal(number: bigint): string {
  return number.toString(16).padStart(2, '0');
}

function hasOpen(pid: number, { dev, ino }: Stats): boolean | undefined {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory).some((name) => {
      const stats = statSync(`${directory}/${name}`, { throwIfNoEntry: false });
      return stats?.dev === dev && stats.ino === ino;
    });
  } catch {
    return undefined;
  }
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

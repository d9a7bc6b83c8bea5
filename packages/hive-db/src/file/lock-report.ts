import type { FileLock } from '@hive/shared-db/health';
import { closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { commandOf, locksOf } from './lock-holders.ts';
import { databaseHoldings, readMarksOf, shmHoldings, type Holding } from './locks.ts';
import { decodeWalIndex, pinnedFrames, WAL_INDEX_BYTES, type WalIndex } from './wal-index.ts';

/** A process in sight of the system: its number, and what it is as far as this user may see. */
export interface Stranger {
  readonly pid: number;
  readonly command: string | null;
}

/** A process that reads, and how many frames of the log must stay for it. */
export interface Reader extends Stranger {
  readonly pinsFrames: number;
}

/** Who has which lock on one database at one moment, and the log that they share. */
export interface LockReport {
  readonly writers: readonly Stranger[];
  readonly checkpointers: readonly Stranger[];
  readonly readers: readonly Reader[];
  /** Everybody who has it open, the others included. */
  readonly openers: readonly Stranger[];
  readonly log: { readonly frames: number; readonly backlogFrames: number } | undefined;
  /** Of the `-wal` file; undefined where there is none. */
  readonly walBytes: number | undefined;
}

/** How often a `-shm` file is looked at that was caught in the middle of a change. A change takes microseconds. */
const LOOKS = 5;

/**
 * Looks who holds which lock, whatever program it is; null where the system does not tell. This process must have no database open:
 * it reads the `-shm` file, and closing that would drop locks of its own.
 */
export function reportLocks(path: string, mode: 'wal' | 'rollback'): LockReport | null {
  const locks = locksOf(path);
  if (locks === null) return null;
  const index = mode === 'wal' ? readWalIndex(`${path}-shm`) : undefined;
  const holding = (wanted: readonly Holding[]): readonly Stranger[] =>
    strangers([
      ...locks.database.filter((lock) => databaseHoldings(lock, mode).some((held) => wanted.includes(held))),
      ...locks.walIndex.filter((lock) => shmHoldings(lock).some((held) => wanted.includes(held))),
    ]);
  return {
    writers: holding(['write', 'exclusive']),
    checkpointers: holding(['checkpoint', 'recover']),
    readers: mode === 'wal' ? readersOf(locks.walIndex, index) : holding(['read']).map(pinningNothing),
    openers: strangers([...locks.database, ...locks.walIndex]),
    log: index && { frames: index.frames, backlogFrames: Math.max(0, index.frames - index.backfilled) },
    walBytes: statSync(`${path}-wal`, { throwIfNoEntry: false })?.size,
  };
}

function strangers(locks: readonly FileLock[]): readonly Stranger[] {
  const pids = [...new Set(locks.map(({ pid }) => pid))].toSorted((a, b) => a - b);
  return pids.map((pid) => ({ pid, command: commandOf(pid) }));
}

/** One entry a process: what keeps the most frames counts. */
function readersOf(locks: readonly FileLock[], index: WalIndex | undefined): readonly Reader[] {
  const pins = (pid: number): number => {
    const marks = locks.filter((lock) => lock.pid === pid).flatMap((lock) => readMarksOf(lock));
    return index === undefined ? 0 : Math.max(...marks.map((mark) => pinnedFrames(index, mark)));
  };
  const reading = strangers(locks.filter((lock) => readMarksOf(lock).length > 0));
  return reading.map((stranger) => ({ ...stranger, pinsFrames: pins(stranger.pid) }));
}

function pinningNothing(stranger: Stranger): Reader {
  return { ...stranger, pinsFrames: 0 };
}

function readWalIndex(path: string): WalIndex | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    // Another user's, or gone meanwhile: the locks are seen all the same.
    return undefined;
  }
  try {
    const bytes = new Uint8Array(WAL_INDEX_BYTES);
    for (let look = 0; look < LOOKS; look++) {
      const index = decodeWalIndex(bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0)));
      if (index !== undefined) return index;
    }
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

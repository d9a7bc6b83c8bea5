import type { FileLock } from '@hive/shared-db/health';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { commandOf, locksOf, lockTable } from './lock-holders.ts';
import { databaseHoldings, readMarksOf, shmHoldings, type Holding } from './locks.ts';
import { statsOf } from './stats.ts';
import { decodeWalIndex, pinnedFrames, WAL_INDEX_BYTES, type WalIndex } from './wal-index.ts';

/** A process in sight of the system: its number, and what it is as far as this user may see. */
export interface Stranger {
  readonly pid: number;
  readonly command: string | null;
}

/** A process that reads, and how many frames of the log must stay for it. */
export interface Reader extends Stranger {
  readonly pinsFrames: number;
  /** The last frame that it sees; 0 where it reads the file alone, undefined where that cannot be told. */
  readonly frame: number | undefined;
}

/** A process that uses a read mark of the log's index. A process with several connections may use several. */
export interface MarkUse extends Stranger {
  readonly mark: number;
  /** The last frame that it sees; 0 where it reads the file alone, undefined where that cannot be told. */
  readonly frame: number | undefined;
  readonly pinsFrames: number | undefined;
}

/** Who has which lock on one database at one moment, and the log that they share. */
export interface LockReport {
  readonly writers: readonly Stranger[];
  /** Those of them that wait to commit until nobody reads: in rollback mode only. */
  readonly pending: readonly Stranger[];
  readonly checkpointers: readonly Stranger[];
  readonly readers: readonly Reader[];
  /** What keeps most first; none in rollback mode. */
  readonly marks: readonly MarkUse[];
  /** Everybody who has it open, the others included. */
  readonly openers: readonly Stranger[];
  readonly log: LogReport | undefined;
  /** Of the `-wal` file; undefined where there is none. */
  readonly walBytes: number | undefined;
}

/** The log as those who share it see it. */
export interface LogReport {
  readonly frames: number;
  readonly backlogFrames: number;
  /** How far the last checkpoint came, and how far it wanted to. */
  readonly checkpointedFrames: number;
  readonly attemptedFrames: number;
}

/** How often a `-shm` file is looked at that was caught in the middle of a change. A change takes microseconds. */
const LOOKS = 5;

/**
 * Looks who holds which lock, whatever program it is; null where the system does not tell. This process must have no database open:
 * it reads the `-shm` file, and closing that would drop locks of its own. Whoever looks at many databases reads the table once.
 */
export function reportLocks(path: string, mode: 'wal' | 'rollback', table = lockTable()): LockReport | null {
  if (table === null) return null;
  const locks = locksOf(path, table);
  const index = mode === 'wal' ? readWalIndex(`${path}-shm`) : undefined;
  const holding = (wanted: readonly Holding[]): readonly Stranger[] =>
    strangers([
      ...locks.database.filter((lock) => databaseHoldings(lock, mode).some((held) => wanted.includes(held))),
      ...locks.walIndex.filter((lock) => shmHoldings(lock).some((held) => wanted.includes(held))),
    ]);
  const marks = markUsesOf(locks.walIndex, index);
  return {
    writers: holding(['write', 'exclusive']),
    pending: holding(['pending']),
    checkpointers: holding(['checkpoint', 'recover']),
    readers: mode === 'wal' ? readersOf(marks) : holding(['read']).map(pinningNothing),
    marks,
    openers: strangers([...locks.database, ...locks.walIndex]),
    log: index && logOf(index),
    walBytes: statsOf(`${path}-wal`)?.size,
  };
}

function strangers(locks: readonly FileLock[]): readonly Stranger[] {
  const pids = [...new Set(locks.map(({ pid }) => pid))].toSorted((a, b) => a - b);
  return pids.map((pid) => ({ pid, command: commandOf(pid) }));
}

function markUsesOf(locks: readonly FileLock[], index: WalIndex | undefined): readonly MarkUse[] {
  const uses = strangers(locks.filter((lock) => readMarksOf(lock).length > 0)).flatMap((stranger) => {
    const marks = new Set(locks.filter(({ pid }) => pid === stranger.pid).flatMap((lock) => readMarksOf(lock)));
    return [...marks].map((mark) => ({
      ...stranger,
      mark,
      frame: index?.readMarks[mark],
      pinsFrames: index && pinnedFrames(index, mark),
    }));
  });
  return uses.toSorted((a, b) => (b.pinsFrames ?? 0) - (a.pinsFrames ?? 0));
}

/** One entry a process: what keeps the most frames counts. */
function readersOf(marks: readonly MarkUse[]): readonly Reader[] {
  const worst = new Map<number, Reader>();
  for (const { pid, command, pinsFrames = 0, frame } of marks)
    if (!worst.has(pid)) worst.set(pid, { pid, command, pinsFrames, frame });
  return [...worst.values()].toSorted((a, b) => a.pid - b.pid);
}

function logOf({ frames, backfilled, attempted }: WalIndex): LogReport {
  return {
    frames,
    backlogFrames: Math.max(0, frames - backfilled),
    checkpointedFrames: backfilled,
    attemptedFrames: attempted,
  };
}

function pinningNothing(stranger: Stranger): Reader {
  return { ...stranger, pinsFrames: 0, frame: undefined };
}

function readWalIndex(path: string): WalIndex | undefined {
  if (statsOf(path)?.isFile() !== true) return undefined;
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

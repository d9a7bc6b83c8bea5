import type { Clock } from '@hive/pool';
import { saysBusy } from '../sqlite/classify.ts';
import type { SqliteHandle, SqliteStatement } from '../sqlite/engine.ts';
import { openWriter } from '../sqlite/open.ts';
import { leadsTo } from '../sqlite/path.ts';
import type { LogOrder } from './message.ts';

/** How a log is, or how a checkpoint has left it. */
export interface LogSight {
  readonly frames: number;
  /** Those of them that are in the database file. */
  readonly backfilled: number;
}

/** What a checkpoint came to. */
export type CheckpointResult =
  /** Somebody else, here or in another process, is at it: SQLite's own lock lets one in, and turns others away at once. */
  | { readonly kind: 'elsewhere' }
  /** It has come as far as readers let it. */
  | ({ readonly kind: 'done' } & LogSight)
  /** Somebody always wrote. */
  | { readonly kind: 'written' };

interface CheckpointRow {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/** Which tables have become much larger or smaller since they were analysed, as statements to run; runs nothing (sqlite.org/pragma.html#pragma_optimize). */
const ANALYSES_DUE = 'PRAGMA optimize(0x10003)';
/** Rows of an index that an analysis looks at: sqlite.org's advice, a few milliseconds an index. */
const ANALYSIS_LIMIT = 400;

/** How long short reads are waited for with the write lock in the hand: half of what a group of writes may take. */
const READERS_MS = 4;
/** Between two tries for something that others have. */
const BETWEEN_TRIES_MS = 0.05;
/** What nobody ever changes: waiting for it is sleeping. */
const NOTHING = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/**
 * Connections that do nothing but checkpoint, and analyse. None waits for a lock inside the engine (their busy timeouts are zero): a
 * checkpoint that waits for readers with the write lock in its hand stops every writer on the host.
 */
export class CheckpointedLog implements Disposable {
  readonly pageBytes: number;
  readonly #order: LogOrder;
  readonly #clock: Clock;
  readonly #handle: SqliteHandle;
  readonly #look: SqliteStatement;
  readonly #passive: SqliteStatement;
  #lock: WriteLock | undefined;

  /** Throws what the engine says, or that the path leads elsewhere by now. */
  constructor(order: LogOrder, clock: Clock) {
    this.#order = order;
    this.#clock = clock;
    this.#handle = opened(order);
    try {
      this.#handle.pragma('wal_autocheckpoint = 0');
      this.#handle.pragma(`analysis_limit = ${ANALYSIS_LIMIT}`);
      this.pageBytes = Number(this.#handle.pragma('page_size', { simple: true }));
      this.#look = this.#handle.prepare('PRAGMA wal_checkpoint(NOOP)');
      this.#passive = this.#handle.prepare('PRAGMA wal_checkpoint(PASSIVE)');
    } catch (error) {
      this.#handle.close();
      throw error;
    }
  }

  /** Moves nothing and takes no lock that anybody could miss: some ten microseconds. */
  look(): LogSight {
    const { log, checkpointed } = this.#look.get() as CheckpointRow;
    return { frames: Math.max(0, log), backfilled: Math.max(0, checkpointed) };
  }

  /** Brings frames into the file, beside those who write. */
  passive(): CheckpointResult {
    const { busy, log, checkpointed } = this.#passive.get() as CheckpointRow;
    // The lock of checkpoints: it lets one in, of all processes, and turns others away.
    return busy === 0 ? { kind: 'done', frames: log, backfilled: checkpointed } : { kind: 'elsewhere' };
  }

  /**
   * The same while nobody writes, so that nothing is left in the log and the next writer begins it anew. What RESTART does: but that
   * tries once for the write lock, and has copied and synced in vain where somebody has it, which at full load is always.
   *
   * @param forMs how long the write lock is tried for, some ten times a millisecond: this thread has nothing else to do
   * @param othersMs how long another process that checkpoints is waited for, before that: what it brings into the file need not be
   * brought there under the lock
   */
  restart(forMs: number, othersMs: number): CheckpointResult {
    if (othersMs > 0 && !this.#haveOthersEnded(othersMs)) return { kind: 'elsewhere' };
    this.#lock ??= new WriteLock(opened(this.#order));
    if (!this.#lock.take(this.#clock, forMs)) return { kind: 'written' };
    try {
      return this.#wholly();
    } finally {
      this.#lock.release();
    }
  }

  #haveOthersEnded(forMs: number): boolean {
    const deadline = this.#clock.now() + forMs;
    while (this.passive().kind === 'elsewhere') {
      if (this.#clock.now() >= deadline) return false;
      Atomics.wait(NOTHING, 0, 0, 1);
    }
    return true;
  }

  /** Until nothing is left, for a moment: those who read an older state, or another process's checkpoint, come to their end meanwhile. */
  #wholly(): CheckpointResult {
    const deadline = this.#clock.now() + READERS_MS;
    for (;;) {
      const result = this.passive();
      const isWhole = result.kind === 'done' && result.backfilled === result.frames;
      if (isWhole || this.#clock.now() >= deadline) return result;
      Atomics.wait(NOTHING, 0, 0, BETWEEN_TRIES_MS);
    }
  }

  /** The statements that `analyse` should be given, one at a time: each holds the write lock for as long as it takes. */
  analysesDue(): readonly string[] {
    return this.#handle.prepare(ANALYSES_DUE).pluck().all() as string[];
  }

  analyse(statement: string): void {
    this.#handle.exec(statement);
  }

  [Symbol.dispose](): void {
    this.#lock?.close();
    this.#handle.close();
  }
}

/** A connection that takes the write lock and writes nothing: a checkpoint under a lock needs one of its own. */
class WriteLock {
  readonly #handle: SqliteHandle;
  readonly #begin: SqliteStatement;
  readonly #rollback: SqliteStatement;

  constructor(handle: SqliteHandle) {
    this.#handle = handle;
    this.#begin = handle.prepare('BEGIN IMMEDIATE');
    this.#rollback = handle.prepare('ROLLBACK');
  }

  /** Returns whether it has the lock. */
  take(clock: Clock, forMs: number): boolean {
    const deadline = clock.now() + forMs;
    do {
      try {
        this.#begin.run();
        return true;
      } catch (error) {
        if (!saysBusy(error)) throw error;
      }
      // Whoever has the lock may need this very processor to let go of it.
      Atomics.wait(NOTHING, 0, 0, BETWEEN_TRIES_MS);
    } while (clock.now() < deadline);
    return false;
  }

  release(): void {
    this.#rollback.run();
  }

  close(): void {
    this.#handle.close();
  }
}

function opened({ database, path, device, inode, durability }: LogOrder): SqliteHandle {
  // Another file here would share its `-shm` file with ours (see WatchedFile.assertSame).
  if (!leadsTo(path, { device, inode, key: '' })) throw new Error(`${path} is not the file that was opened`);
  return openWriter(database, path, durability);
}

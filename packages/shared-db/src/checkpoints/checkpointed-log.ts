import type { SqliteHandle, SqliteStatement } from '../sqlite/engine.ts';
import { openWriter } from '../sqlite/open.ts';
import { leadsTo } from '../sqlite/path.ts';
import type { CheckpointMode } from '../snapshot.ts';
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
  /** A passive one has come as far as readers let it; a restart has found nobody in its way. */
  | ({ readonly kind: 'done' } & LogSight)
  /** Somebody writes, or reads the log: it was not begun anew. */
  | ({ readonly kind: 'in-vain' } & LogSight);

interface CheckpointRow {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/** Which tables have become much larger or smaller since they were analysed, as statements to run; runs nothing (sqlite.org/pragma.html#pragma_optimize). */
const ANALYSES_DUE = 'PRAGMA optimize(0x10003)';
/** Rows of an index that an analysis looks at: sqlite.org's advice, a few milliseconds an index. */
const ANALYSIS_LIMIT = 400;

/**
 * A connection that does nothing but checkpoint, and analyse. It never waits for a lock (its busy timeout is zero): a checkpoint that
 * waits for readers with the write lock in its hand stops every writer on the host.
 */
export class CheckpointedLog implements Disposable {
  readonly pageBytes: number;
  readonly #handle: SqliteHandle;
  readonly #look: SqliteStatement;
  readonly #checkpoints: Readonly<Record<CheckpointMode, SqliteStatement>>;

  /** Throws what the engine says, or that the path leads elsewhere by now. */
  constructor({ database, path, device, inode, durability }: LogOrder) {
    // Another file here would share its `-shm` file with ours (see WatchedFile.assertSame).
    if (!leadsTo(path, { device, inode, key: '' })) throw new Error(`${path} is not the file that was opened`);
    this.#handle = openWriter(database, path, durability);
    try {
      this.#handle.pragma('wal_autocheckpoint = 0');
      this.#handle.pragma(`analysis_limit = ${ANALYSIS_LIMIT}`);
      this.pageBytes = Number(this.#handle.pragma('page_size', { simple: true }));
      this.#look = this.#handle.prepare('PRAGMA wal_checkpoint(NOOP)');
      this.#checkpoints = {
        passive: this.#handle.prepare('PRAGMA wal_checkpoint(PASSIVE)'),
        restart: this.#handle.prepare('PRAGMA wal_checkpoint(RESTART)'),
      };
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

  checkpoint(mode: CheckpointMode): CheckpointResult {
    const { busy, log, checkpointed } = this.#checkpoints[mode].get() as CheckpointRow;
    // Whoever is turned away by the lock of checkpoints is told nothing else.
    if (busy !== 0 && log < 0) return { kind: 'elsewhere' };
    return { kind: busy === 0 ? 'done' : 'in-vain', frames: log, backfilled: checkpointed };
  }

  /** The statements that `analyse` should be given, one at a time: each holds the write lock for as long as it takes. */
  analysesDue(): readonly string[] {
    return this.#handle.prepare(ANALYSES_DUE).pluck().all() as string[];
  }

  analyse(statement: string): void {
    this.#handle.exec(statement);
  }

  [Symbol.dispose](): void {
    this.#handle.close();
  }
}

import { closeSync, constants, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '@hive/pool';
import { SqliteError } from '../sqlite/engine.ts';
import { syncDirectory } from '../sync-directory.ts';
import { LogRoom } from './log-room.ts';
import { SyncPace } from './sync-pace.ts';

/** Told that everything is on the disk that had been committed before it was asked for; or why that is not known. */
type Synced = (error: Error | undefined) => void;

/**
 * Brings what a connection has committed to the disk. SQLite itself syncs the log inside COMMIT when `synchronous` is FULL: with the
 * lock in its hands and the event loop standing still. Here COMMIT only writes (NORMAL), and the log is synced afterwards, before
 * anybody is told: in the thread pool, one sync for all that were committed meanwhile.
 *
 * Only the `-wal` is ever opened: SQLite has no locks on it, so closing it drops none (sqlite.org/walformat.html, section 2.3: all
 * locks of a log are in the `-shm` file).
 */
export class LogSync {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #room = new LogRoom();
  readonly #pace = new SyncPace();
  #descriptor: number | undefined;
  #waiting: Synced[] = [];
  #syncing = false;
  /**
   * Why a sync has failed: none is tried after it. The system says so once; the next sync would find nothing to do and work, though what
   * is missing from the log cuts off all that was committed behind it.
   */
  #failure: Error | undefined;
  #settled: PromiseWithResolvers<void> | undefined;
  #closed: PromiseWithResolvers<void> | undefined;

  constructor(databasePath: string, clock: Clock) {
    this.#path = `${databasePath}-wal`;
    this.#clock = clock;
  }

  /** Asked before each sync that `syncNow` could make: whether it is likely to be so short that waiting for it costs less than `sync`. */
  isAtOnce(): boolean {
    return !this.#syncing && this.#pace.isAtOnce();
  }

  /** Makes the next syncs quicker. Call it with the write lock held, before COMMIT. */
  makeRoom(): void {
    if (this.#descriptor !== undefined) this.#room.make(this.#descriptor);
  }

  /** Syncs, and blocks this thread for as long. Throws an I/O error of the engine's kind: what was committed may be lost. */
  syncNow(): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      const descriptor = this.#open();
      const startedAt = this.#clock.now();
      fdatasyncSync(descriptor);
      this.#pace.tookAtOnce(this.#clock.now() - startedAt);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Syncs in the thread pool. One at a time: who comes while one is made shares the next. */
  sync(done: Synced): void {
    if (this.#failure !== undefined) {
      done(this.#failure);
      return;
    }
    this.#waiting.push(done);
    if (!this.#syncing) this.#start();
  }

  /** Resolves when nothing is synced, and nobody waits for a sync. Never rejects. */
  settled(): Promise<void> {
    if (!this.#syncing) return Promise.resolve();
    this.#settled ??= Promise.withResolvers();
    return this.#settled.promise;
  }

  /** The connection is closed. Resolves when all that had been asked for is finished, and everybody told. */
  close(): Promise<void> {
    this.#closed = Promise.withResolvers();
    if (!this.#syncing) this.#let();
    return this.#closed.promise;
  }

  #start(): void {
    const served = this.#waiting;
    this.#waiting = [];
    let descriptor: number;
    try {
      descriptor = this.#open();
    } catch (error) {
      this.#tell(served, this.#failed(error));
      return;
    }
    this.#syncing = true;
    const startedAt = this.#clock.now();
    fdatasync(descriptor, (error) => {
      this.#syncing = false;
      this.#pace.tookElsewhere(this.#clock.now() - startedAt);
      if (error === null) {
        if (this.#waiting.length > 0) this.#start();
        this.#tell(served);
      } else {
        const also = this.#waiting;
        this.#waiting = [];
        this.#tell([...served, ...also], this.#failed(error));
      }
      if (this.#syncing) return;
      this.#settled?.resolve();
      this.#settled = undefined;
      if (this.#closed !== undefined) this.#let();
    });
  }

  #tell(served: readonly Synced[], failure?: Error): void {
    for (const done of served) done(failure);
  }

  /** As SQLite would have said it, so that it is told and treated as one of its failures. */
  #failed(error: unknown): Error {
    this.#failure = new SqliteError('the log could not be synced', 'SQLITE_IOERR_FSYNC');
    this.#failure.cause = error;
    return this.#failure;
  }

  /** The log exists: something was committed to it. Its name has to last as well, which is the directory's business. */
  #open(): number {
    if (this.#descriptor !== undefined) return this.#descriptor;
    this.#descriptor = openLog(this.#path);
    syncDirectory(dirname(this.#path));
    return this.#descriptor;
  }

  #let(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    this.#closed?.resolve();
  }
}

/** Without times of access, which the next sync would have to write; only the owner of a file may ask for that. */
function openLog(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NOATIME);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    return openSync(path, constants.O_RDWR);
  }
}

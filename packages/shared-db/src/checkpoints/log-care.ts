import { systemClock } from '@hive/pool/clock';
import type { Durability } from '../database-settings.ts';
import { DatabaseError } from '../errors.ts';
import { pinnedInWords } from '../health/pinned-log.ts';
import type { Logger } from '../logger.ts';
import type { CheckpointSnapshot, PinnedLog } from '../snapshot.ts';
import type { SqliteHandle } from '../sqlite/engine.ts';
import type { FileIdentity } from '../sqlite/path.ts';
import { Board, MODES } from './board.ts';
import type { Checkpointer } from './checkpointer.ts';
import { limitsFor, SQLITES_OWN_FRAMES } from './limits.ts';
import type { FromCheckpointer, LogOrder, ThreadFailure } from './message.ts';

/** How long writers wait at most when they are asked to: the thread may be in a sync that takes its time. */
const PAUSE_LIMIT_MS = 250;
/** When the writer is told again what it could not be told while it was running a statement. */
const TELL_AGAIN_MS = 100;
/** How often the same failure is said in the log. */
const SAID_EVERY_MS = 60_000;

/** The database whose log is cared for. */
export interface CareHost {
  readonly database: string;
  readonly path: string;
  readonly durability: Durability;
  readonly logger: Logger;
  /** The file that was opened. */
  identity(): FileIdentity;
  /**
   * Resolves when nobody of this process writes, and it is its turn to, until what it gives is disposed of. Rejects where that cannot
   * be had, or with the reason of the signal.
   */
  pauseWrites(signal: AbortSignal): Promise<Disposable>;
  /** Says what an error of the engine means, and stops writes after one that says that the disk or the file cannot be trusted. */
  explain(failure: ThreadFailure): unknown;
}

/**
 * What a database does about its log: counts commits for the thread that keeps it short, and has SQLite do so by itself whenever that
 * thread is not there. Without a thread it is always SQLite.
 */
export class LogCare {
  readonly #host: CareHost;
  readonly #checkpointer: Checkpointer | undefined;
  #board = new Board();
  #writer: SqliteHandle | undefined;
  #id: number | undefined;
  /** Nobody shall touch the log before it has been opened anew. */
  #isStopped = false;
  #ownFrames = SQLITES_OWN_FRAMES;
  #isKept = false;
  #pinned: PinnedLog | undefined;
  #failure: CheckpointSnapshot['failure'];
  #leaving: Promise<void> = Promise.resolve();
  readonly #saidAt = new Map<string, number>();
  #resume: (() => void) | undefined;

  constructor(checkpointer: Checkpointer | undefined, host: CareHost) {
    this.#checkpointer = checkpointer;
    this.#host = host;
  }

  /** Something was committed. Costs a nanosecond or two, and some ten microseconds where the thread sleeps. */
  committed(): void {
    if (this.#board.commit()) this.#begin();
  }

  /** The writer has been opened. */
  writtenBy(writer: SqliteHandle): void {
    this.#writer = writer;
    this.#isStopped = false;
    this.#tellWriter();
  }

  /** Nothing more is done about the log: it failed. Resolves when the thread does not have it open any more. Never rejects. */
  stop(): Promise<void> {
    return this.#leave(false);
  }

  /** The same before the database closes, once what can be is in the file: the last to close it should be this thread. */
  close(): Promise<void> {
    return this.#leave(true);
  }

  snapshot(): CheckpointSnapshot {
    const now = systemClock.now();
    const seen = this.#board.seen();
    const { frames, backfilled, lookedAt, lastAt, lastMs, lastMode, pinnedSince } = seen;
    const { passive, restart, elsewhere, blocked, pauses, failures } = seen;
    const hasLooked = !Number.isNaN(lookedAt);
    const mode = Number.isNaN(lastAt) ? undefined : MODES[lastMode];
    const pinned =
      this.#pinned && !Number.isNaN(pinnedSince)
        ? { ...this.#pinned, frames: frames - backfilled, forMs: now - pinnedSince }
        : undefined;
    return Object.freeze({
      by: this.#isKept ? 'thread' : 'sqlite',
      frames: hasLooked ? frames : undefined,
      backfilledFrames: hasLooked ? backfilled : undefined,
      silentMs: this.#isKept && hasLooked && !this.#board.isAsleep ? now - lookedAt : 0,
      last: mode && Object.freeze({ mode, msAgo: now - lastAt, ms: lastMs }),
      pinned: pinned && Object.freeze(pinned),
      failure: this.#failure,
      counters: Object.freeze({ passive, restart, elsewhere, blocked, pauses, failures }),
    });
  }

  #begin(): void {
    if (this.#isStopped) return;
    this.#board.wake();
    if (this.#id !== undefined) return;
    const board = this.#board;
    this.#id = this.#checkpointer?.keep({
      get commits() {
        return board.commits;
      },
      order: (id) => this.#order(id),
      hear: (message) => {
        this.#hear(message);
      },
      abandoned: () => {
        this.#abandoned();
      },
    });
  }

  #order(id: number): LogOrder {
    const { database, path, durability } = this.#host;
    const { device, inode } = this.#host.identity();
    return { id, database, path, device, inode, durability, memory: this.#board.memory };
  }

  #leave(tidy: boolean): Promise<void> {
    const id = this.#id;
    this.#isStopped = true;
    this.#id = undefined;
    this.#isKept = false;
    this.#pinned = undefined;
    this.#resume?.();
    this.#tellWriter(SQLITES_OWN_FRAMES);
    if (id !== undefined) this.#leaving = this.#letGo(id, tidy);
    return this.#leaving;
  }

  async #letGo(id: number, tidy: boolean): Promise<void> {
    await this.#checkpointer?.leave(id, tidy);
    // Who keeps it next has memory of his own: a thread that did not answer may still write to this one.
    this.#board = new Board();
  }

  #hear(message: Exclude<FromCheckpointer, { readonly kind: 'left' }>): void {
    switch (message.kind) {
      case 'kept':
        this.#isKept = true;
        this.#failure = undefined;
        // Above it SQLite helps: a thread that is stuck must not let the log grow for ever.
        this.#tellWriter(limitsFor(message.pageBytes).hardFrames);
        return;
      case 'pause':
        void this.#pause(message.id);
        return;
      case 'resume':
        this.#resume?.();
        return;
      case 'failed':
        this.#failed(message.failure, message.during);
        return;
      case 'mended':
        this.#failure = undefined;
        return;
      case 'pinned':
        this.#hearOfPin(message.pinned);
        return;
      case 'analysed':
        this.#host.logger.debug(
          { database: this.#host.database, statements: message.statements },
          'the statistics of the planner were brought up to date',
        );
    }
  }

  #abandoned(): void {
    this.#isKept = false;
    this.#pinned = undefined;
    this.#failure = Object.freeze({ code: '', message: 'the thread has ended; it is started again' });
    this.#resume?.();
    this.#tellWriter(SQLITES_OWN_FRAMES);
  }

  /** From how many frames on SQLite checkpoints at COMMIT. A connection that runs a statement cannot be told; it is told later. */
  #tellWriter(frames = this.#ownFrames): void {
    this.#ownFrames = frames;
    const writer = this.#writer;
    if (writer?.open !== true) return;
    try {
      writer.pragma(`wal_autocheckpoint = ${frames}`);
    } catch {
      const again = (): void => {
        if (this.#writer === writer && this.#ownFrames === frames) this.#tellWriter();
      };
      systemClock.after(TELL_AGAIN_MS, again).unref();
    }
  }

  async #pause(id: number): Promise<void> {
    const aborting = new AbortController();
    const over = Promise.withResolvers<void>();
    this.#resume = () => {
      aborting.abort();
      over.resolve();
    };
    try {
      using _paused = await this.#host.pauseWrites(aborting.signal);
      this.#checkpointer?.paused(id, true);
      const limit = systemClock.after(PAUSE_LIMIT_MS, over.resolve);
      await over.promise;
      limit.cancel();
    } catch {
      // Somebody holds the right to write for long, or the database closes: it is tried again later.
      this.#checkpointer?.paused(id, false);
    } finally {
      this.#resume = undefined;
    }
  }

  #failed(thread: ThreadFailure, during: string): void {
    const { database, logger } = this.#host;
    const explained = this.#host.explain(thread);
    const { code, message } = explained instanceof DatabaseError ? explained : thread;
    if (during === 'checkpoint') this.#failure = Object.freeze({ code, message });
    if (!this.#isDue(`${during} ${code}`)) return;
    const what =
      during === 'analysis'
        ? `the planner of ${database} gets no statistics of some tables`
        : `the log of ${database} is not brought into the file`;
    logger.warn({ database, code, during }, `${what}: ${message}`);
  }

  #hearOfPin(pinned: PinnedLog): void {
    this.#pinned = pinned.frames === 0 ? undefined : pinned;
    if (this.#pinned === undefined || !this.#isDue('pinned')) return;
    const { database, logger } = this.#host;
    const { evidence, advice } = pinnedInWords(database, pinned);
    logger.warn({ database, ...pinned, documentation: 'docs/health.md#reasons' }, `${evidence}; ${advice}`);
  }

  #isDue(what: string): boolean {
    const now = systemClock.now();
    const saidAt = this.#saidAt.get(what);
    if (saidAt !== undefined && now - saidAt < SAID_EVERY_MS) return false;
    this.#saidAt.set(what, now);
    return true;
  }
}

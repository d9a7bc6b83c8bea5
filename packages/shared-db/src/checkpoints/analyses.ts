import { saysBusy } from '../sqlite/classify.ts';
import { SqliteError } from '../sqlite/engine.ts';
import type { CheckpointedLog } from './checkpointed-log.ts';
import type { ThreadFailure } from './message.ts';

/** How often statistics are looked after while somebody writes. */
const EVERY_MS = 4 * 3_600_000;
/** How long it is waited, when they are due, for a second in which nobody writes. */
const PATIENCE_MS = 60_000;
/** When somebody has the write lock. */
const BUSY_RETRY_MS = 1_000;
/** Until somebody writes: about the longest wait that there is. */
const FOR_EVER_MS = 2_000_000_000;

type Told =
  | { readonly kind: 'failed'; readonly during: string; readonly failure: ThreadFailure }
  | { readonly kind: 'analysed'; readonly statements: number };

/**
 * Keeps the statistics of the planner up to date: once after a database has been opened and written, every four hours while it is, and
 * when it is closed. While nobody writes, or where somebody always does a minute later. One table at a time, each in a transaction of some
 * milliseconds of its own.
 */
export class Analyses {
  readonly #tell: (told: Told) => void;
  /** When it was last done, and how many commits there had been. */
  #done: { readonly at: number; readonly commits: number } | undefined;
  /** When they were first looked after. */
  #since: number | undefined;
  #left: string[] | undefined;
  #count = 0;

  constructor(tell: (told: Told) => void) {
    this.#tell = tell;
  }

  /** Called while nobody writes. Does one thing, where there is one to do, and returns after how long it wants to be called again. */
  next(log: CheckpointedLog, commits: number, now: number): number {
    if (this.#left === undefined) {
      if (this.#done?.commits === commits) return FOR_EVER_MS;
      const dueAt = this.#dueAt(now);
      if (dueAt > now) return dueAt - now;
      this.#left = this.#due(log);
      if (this.#left === undefined) return BUSY_RETRY_MS;
      this.#count = 0;
    }
    const [statement, ...rest] = this.#left;
    if (statement === undefined) {
      if (this.#count > 0) this.#tell({ kind: 'analysed', statements: this.#count });
      this.#left = undefined;
      this.#done = { at: now, commits };
      return FOR_EVER_MS;
    }
    if (!this.#run(log, statement)) return BUSY_RETRY_MS;
    this.#left = rest;
    return 0;
  }

  /** Called while others write: does one thing as well, where there has long been one to do and never time for it. */
  nextAmongWrites(log: CheckpointedLog, commits: number, now: number): void {
    if (now >= this.#dueAt(now) + PATIENCE_MS) this.next(log, commits, now);
  }

  #dueAt(now: number): number {
    this.#since ??= now;
    return this.#done === undefined ? this.#since : this.#done.at + EVERY_MS;
  }

  /** The same at the end, for as long as there is time. */
  last(log: CheckpointedLog, commits: number, isTime: () => boolean): void {
    if (this.#done?.commits === commits) return;
    for (const statement of this.#left ?? this.#due(log) ?? []) if (!isTime() || !this.#run(log, statement)) return;
  }

  /** Undefined when somebody else has the write lock: already the question needs it. */
  #due(log: CheckpointedLog): string[] | undefined {
    try {
      return [...log.analysesDue()];
    } catch (error) {
      if (saysBusy(error)) return undefined;
      this.#failed(error);
      return [];
    }
  }

  /** Returns false when somebody else has the write lock. A table that cannot be analysed is left out, and that is told. */
  #run(log: CheckpointedLog, statement: string): boolean {
    try {
      log.analyse(statement);
      this.#count++;
    } catch (error) {
      if (saysBusy(error)) return false;
      this.#failed(error);
    }
    return true;
  }

  #failed(error: unknown): void {
    const code = error instanceof SqliteError ? error.code : '';
    const message = error instanceof Error ? error.message : String(error);
    this.#tell({ kind: 'failed', during: 'analysis', failure: { code, message } });
  }
}

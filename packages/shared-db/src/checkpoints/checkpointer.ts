import { systemClock, type Timer } from '@hive/pool/clock';
import { Worker } from 'node:worker_threads';
import { bareEnvironment } from '../bare-environment.ts';
import type { Logger } from '../logger.ts';
import type { FromCheckpointer, LogOrder, ToCheckpointer } from './message.ts';

/** How long after the first write a log is taken over: a process that ends before that needs no thread. */
const START_AFTER_MS = 1_000;
/** How often is looked whether so much has been written that it is taken over at once: four processes write 100 MB in a second. */
const ASK_EVERY_MS = 100;
const MANY_COMMITS = 500;
/** A thread that has died is started again after this, then after twice as long each time, up to the second. */
const FIRST_RESTART_MS = 1_000;
const LAST_RESTART_MS = 60_000;
/** How long letting go of a log, or ending, is waited for: a thread that is in a call of the system may not come back. */
const LEAVE_LIMIT_MS = 1_000;
/** Far more than it takes: it holds connections, and no rows. */
const MOST_MEGABYTES = 64;

/** What the thread tells the database whose log it keeps. */
export interface Kept {
  /** How many commits there have been. */
  readonly commits: number;
  /** What to keep; asked when it begins, and again when the thread has died. */
  order(id: number): LogOrder;
  /** Told whatever the thread says about it. */
  hear(message: Exclude<FromCheckpointer, { readonly kind: 'left' }>): void;
  /** From now on nobody keeps it, until `kept` is heard again. */
  abandoned(): void;
}

/** A log that is being kept, or will be. */
interface Entry {
  readonly kept: Kept;
  /** Whether the thread that lives has been told of it. */
  isOrdered: boolean;
  /** Nothing more of the thread's is told to it. */
  isLeaving: boolean;
  readonly left: PromiseWithResolvers<void>;
}

/**
 * The thread of a process that checkpoints the databases which the process writes. Begins with the first write, and never keeps the
 * process alive. Where it dies, SQLite checkpoints by itself until it has been started again. Its time is the system's.
 */
export class Checkpointer {
  readonly #logger: Logger;
  readonly #entries = new Map<number, Entry>();
  readonly #timers = new Set<Timer>();
  #worker: Worker | undefined;
  #ids = 0;
  #startedAt = 0;
  #deaths = 0;
  #isClosed = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Has a log kept from now on, or rather in a moment. Returns its number. */
  keep(kept: Kept): number {
    const id = ++this.#ids;
    this.#entries.set(id, { kept, isOrdered: false, isLeaving: false, left: Promise.withResolvers() });
    this.#orderSoon(id, kept, START_AFTER_MS);
    return id;
  }

  #orderSoon(id: number, kept: Kept, afterMs: number): void {
    this.#after(ASK_EVERY_MS, () => {
      if (afterMs <= ASK_EVERY_MS || kept.commits >= MANY_COMMITS) this.#order(id);
      else this.#orderSoon(id, kept, afterMs - ASK_EVERY_MS);
    });
  }

  /**
   * Has it let go of: its connection is closed when this resolves, or the thread does not answer. Never rejects.
   *
   * @param tidy brings all that can be into the file first
   */
  async leave(id: number, tidy: boolean): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.isLeaving = true;
    if (!entry.isOrdered) entry.left.resolve();
    else this.#tell({ kind: 'leave', id, tidy });
    await within(entry.left.promise);
    this.#entries.delete(id);
  }

  /** Tells the thread that writers wait, or could not be made to. */
  paused(id: number, paused: boolean): void {
    this.#tell({ kind: 'paused', id, paused });
  }

  /** Ends the thread. Never rejects, and takes little more than a second at most. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) timer.cancel();
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.#tell({ kind: 'end' });
    await within(ended);
    // What it is in cannot be ended; it goes when that comes back.
    void worker.terminate();
    worker.unref();
  }

  #order(id: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.isOrdered || entry.isLeaving || this.#isClosed) return;
    this.#worker ??= this.#start();
    entry.isOrdered = true;
    this.#tell({ kind: 'keep', order: entry.kept.order(id) });
  }

  #start(): Worker {
    this.#startedAt = systemClock.now();
    const worker = new Worker(new URL('checkpoint-thread.js', import.meta.url), {
      name: 'database checkpointer',
      // What this process was started with is none of its business: loaders, inspectors, and flags that would end it.
      execArgv: [],
      env: bareEnvironment(),
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEGABYTES },
    });
    worker.on('message', (message: FromCheckpointer) => {
      this.#hear(message);
    });
    worker.on('error', (error) => {
      this.#logger.error({ err: error }, 'checkpoints: the thread has failed');
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#died();
    });
    // After the listeners: whoever listens to a worker keeps the process alive from then on.
    worker.unref();
    return worker;
  }

  /** Everybody is told first, and SQLite goes on by itself. */
  #died(): void {
    this.#worker = undefined;
    const abandoned = Array.from(this.#entries.values()).filter(({ isOrdered }) => isOrdered);
    for (const entry of abandoned) {
      entry.isOrdered = false;
      if (entry.isLeaving) entry.left.resolve();
      else entry.kept.abandoned();
    }
    if (this.#isClosed) return;
    if (systemClock.now() - this.#startedAt > LAST_RESTART_MS) this.#deaths = 0;
    const ms = Math.min(FIRST_RESTART_MS * 2 ** Math.min(this.#deaths++, 10), LAST_RESTART_MS);
    this.#logger.warn({ restartMs: ms }, 'checkpoints: the thread has ended; SQLite checkpoints by itself meanwhile');
    this.#after(ms, () => {
      for (const id of this.#entries.keys()) this.#order(id);
    });
  }

  #hear(message: FromCheckpointer): void {
    const entry = this.#entries.get(message.id);
    if (message.kind === 'left') entry?.left.resolve();
    else if (entry?.isLeaving === false) entry.kept.hear(message);
  }

  #tell(message: ToCheckpointer): void {
    this.#worker?.postMessage(message);
  }

  #after(ms: number, callback: () => void): void {
    const timer = systemClock.after(ms, () => {
      this.#timers.delete(timer);
      callback();
    });
    timer.unref();
    this.#timers.add(timer);
  }
}

/** Waits, not for ever. Keeps the process alive meanwhile. */
async function within(promise: Promise<void>): Promise<void> {
  const limit = Promise.withResolvers<void>();
  const timer = systemClock.after(LEAVE_LIMIT_MS, limit.resolve);
  await Promise.race([promise, limit.promise]);
  timer.cancel();
}

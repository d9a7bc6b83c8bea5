import type { Clock, Timer } from '@hive/pool';
import { DatabaseError } from '../errors.ts';
import type { OffloadCrewSnapshot, OffloadedSnapshot } from '../snapshot.ts';
import { JobQueue } from './job-queue.ts';
import type { Job, OffloadedDatabase } from './job.ts';
import { Member, readerLost } from './member.ts';
import { Refusals } from './refusals.ts';
import { runningIn, type Running } from './running.ts';
import type { Transport, TransportEvents } from './transport.ts';

/** Jobs that may wait. Whoever asks for more at once than can be read in a while is told. */
const MOST_QUEUED = 10_000;
/** A reader that has said nothing for so long is busy with one statement: what it has not begun is given to others. */
const SILENT_MS = 5;
/** How long a reader stays that nobody needs: starting one takes some tens of milliseconds, keeping one some megabytes. */
const IDLE_MS = 30_000;
/** Pauses before a reader is replaced that has ended by itself, doubled each time in a row. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** How long closing waits for readers that have nothing to do to say that they are done. */
const END_LIMIT_MS = 1_000;

/** What a crew is made of. */
export interface CrewOptions {
  /** As errors and snapshots say it. */
  readonly isolation: 'thread' | 'process';
  /** How many work at once. Each that is stuck in a statement nobody waits for has one spare, so there may be twice as many. */
  readonly size: number;
  /** How many jobs each is given ahead. */
  readonly window: number;
  readonly start: (events: TransportEvents) => Transport;
  readonly clock: Clock;
}

/** What was still being read when it was closed. */
export interface StuckStatement {
  readonly database: string;
  readonly label: string;
  readonly statement: string;
  readonly runningMs: number;
}

/**
 * Readers that run statements beside this thread, started when there is something to do. Jobs go to whoever has nothing to do, then to
 * a new one, then ahead to those that are quick. A caller whose time is up is told at once; a thread that runs its statement is lost
 * until the statement ends, a process is killed.
 */
export class Crew {
  readonly #options: CrewOptions;
  readonly #clock: Clock;
  readonly #refusals: Refusals;
  readonly #members = new Set<Member>();
  readonly #queue = new JobQueue();
  /** All that somebody waits for. */
  readonly #jobs = new Set<Job>();
  readonly #closedDatabases = new WeakSet<OffloadedDatabase>();
  readonly #counters = { done: 0, failed: 0, released: 0, refused: 0, crashes: 0, busyMs: 0 };
  #dispatching = false;
  #closed = false;
  #crashesInARow = 0;
  #startAt = -Infinity;
  #starting: Timer | undefined;
  #deadline: { readonly at: number; readonly timer: Timer } | undefined;
  #looking: Timer | undefined;
  #resting: Timer | undefined;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#refusals = new Refusals(options.isolation, () => this.#running());
  }

  /** Takes a job. It is sent at the end of this turn, with all others of the turn. */
  submit(job: Job): void {
    const refusal = this.#refusalOf(job);
    if (refusal !== undefined) {
      this.#counters.refused++;
      job.refuse(() => refusal);
      return;
    }
    this.#queue.push(job);
    this.#await(job);
    this.#dispatchSoon();
  }

  #refusalOf(job: Job): DatabaseError | undefined {
    if (this.#closed || this.#closedDatabases.has(job.order.database)) return this.#refusals.closed(job);
    if (job.order.signal?.aborted === true) return this.#refusals.aborted(job, false);
    if (this.#usable() === 0) return this.#refusals.allStuck(job);
    if (this.#queue.size < MOST_QUEUED) return undefined;
    return this.#refusals.tooMany(job, MOST_QUEUED);
  }

  // Waiting

  #await(job: Job): void {
    const { signal } = job.order;
    if (signal !== undefined) this.#listenTo(signal, job);
    job.onSettled(this.#settled);
    this.#jobs.add(job);
    this.#wakeAt(job.deadline);
    // A wait keeps the process alive, and nothing else here does.
    if (this.#jobs.size === 1) this.#deadline?.timer.ref();
  }

  #listenTo(signal: AbortSignal, job: Job): void {
    const abort = (): void => {
      this.#release(job, (begun) => this.#refusals.aborted(job, begun));
    };
    signal.addEventListener('abort', abort, { once: true });
    job.onSettled(() => {
      signal.removeEventListener('abort', abort);
    });
  }

  // A function of its own for all jobs: one for each would cost as much as the rest of waiting.
  readonly #settled = (job: Job): void => {
    this.#jobs.delete(job);
    if (this.#jobs.size === 0) this.#deadline?.timer.unref();
    this.#counters.busyMs += job.ms;
    if (job.settled === 'done') this.#counters.done++;
    else if (job.settled === 'failed') this.#counters.failed++;
  };

  #wakeAt(at: number): void {
    if (this.#deadline !== undefined && this.#deadline.at <= at) return;
    this.#deadline?.timer.cancel();
    const timer = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
      this.#deadline = undefined;
      this.#expire();
    });
    this.#deadline = { at, timer };
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const job of this.#jobs)
      if (job.deadline <= now) this.#release(job, (begun) => this.#refusals.late(job, begun));
    const next = Math.min(...Array.from(this.#jobs, ({ deadline }) => deadline));
    if (next < Infinity) this.#wakeAt(next);
  }

  /** Ends the wait of a caller, wherever his job is. */
  #release(job: Job, why: (begun: boolean) => DatabaseError): void {
    if (job.settled !== undefined) return;
    const waiting = this.#takeBack(job);
    this.#counters.released++;
    job.refuse(() => why(!waiting));
    const member = waiting ? undefined : [...this.#members].find((one) => one.isRunning(job));
    if (member === undefined) return;
    if (member.mortal) this.#kill(member);
    else {
      member.stuckSince ??= this.#clock.now();
      this.#queue.putBack(member.takeBackAll());
    }
    this.#dispatchSoon();
  }

  /** Whether nobody has begun it, and nobody will. */
  #takeBack(job: Job): boolean {
    return this.#queue.remove(job) || [...this.#members].some((member) => member.takeBack(job));
  }

  #kill(member: Member): void {
    this.#members.delete(member);
    member.kill();
  }

  // Working

  #dispatchSoon(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    // Behind the promise reactions that are due: what all of them ask for is one message.
    process.nextTick(() => {
      this.#dispatching = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    const now = this.#clock.now();
    while (this.#queue.size > 0) {
      const member = this.#pick(now);
      if (member === undefined) break;
      const job = this.#queue.shift();
      if (job !== undefined) this.#give(member, job);
    }
    for (const member of this.#members) member.flush();
    this.#look();
    this.#rest();
  }

  #give(member: Member, job: Job): void {
    try {
      member.give(job);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      job.refuse(() => error);
    }
  }

  /** Who gets the next job; undefined while everybody has enough. */
  #pick(now: number): Member | undefined {
    let best: Member | undefined;
    let able = 0;
    for (const member of this.#members) {
      if (member.ending || member.stuckSince !== undefined) continue;
      able++;
      if (!member.hasRoom || member.silentMs(now) >= SILENT_MS) continue;
      if (best === undefined || member.load < best.load) best = member;
    }
    if (best?.load === 0 || able >= this.#usable()) return best;
    return this.#start(now) ?? best;
  }

  /** One more, unless one has just ended by itself. */
  #start(now: number): Member | undefined {
    if (now >= this.#startAt) {
      const member = this.#startNow();
      if (member !== undefined) return member;
    }
    this.#starting ??= this.#clock.after(Math.max(0, this.#startAt - now), () => {
      this.#starting = undefined;
      this.#dispatch();
    });
    return undefined;
  }

  /** Undefined where the system has none to give: that is as if it had ended at once. */
  #startNow(): Member | undefined {
    const { start, window } = this.#options;
    const events = {
      answered: (member: Member): void => {
        this.#answered(member);
      },
      gone: (member: Member, reason: string): void => {
        this.#gone(member, reason);
      },
    };
    try {
      const member = new Member(start, window, events, this.#clock);
      this.#members.add(member);
      return member;
    } catch {
      this.#crashed();
      return undefined;
    }
  }

  #crashed(): void {
    this.#counters.crashes++;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#crashesInARow++, LONGEST_PAUSE_MS);
    this.#startAt = this.#clock.now() + pauseMs;
  }

  #answered(member: Member): void {
    this.#crashesInARow = 0;
    // A stuck one has said something: its statement has ended.
    member.stuckSince = undefined;
    // A spare is not needed any more when who was stuck has come back.
    if (member.load === 0 && this.#able().length > this.#usable()) member.end();
    this.#dispatchSoon();
  }

  #gone(member: Member, reason: string): void {
    const expected = member.ending || !this.#members.has(member);
    this.#members.delete(member);
    const { begun, waiting } = member.leftovers();
    this.#queue.putBack(waiting);
    for (const job of begun) job.refuse(() => readerLost(job, reason));
    if (!expected) this.#crashed();
    if (!this.#closed) this.#dispatchSoon();
  }

  /** While jobs have been given ahead: whether somebody has begun one that takes long. */
  #look(): void {
    if (this.#looking !== undefined || !this.#able().some(({ load }) => load > 1)) return;
    this.#looking = this.#clock.after(SILENT_MS, () => {
      this.#looking = undefined;
      const now = this.#clock.now();
      for (const member of this.#able())
        if (member.silentMs(now) >= SILENT_MS) this.#queue.putBack(member.takeBackAll());
      this.#dispatch();
    });
    this.#looking.unref();
  }

  /** Ends who has had nothing to do for long. */
  #rest(): void {
    if (this.#resting !== undefined || this.#members.size === 0) return;
    this.#resting = this.#clock.after(IDLE_MS, () => {
      this.#resting = undefined;
      const now = this.#clock.now();
      for (const member of this.#able()) if (member.idleMs(now) >= IDLE_MS) member.end();
      this.#rest();
    });
    this.#resting.unref();
  }

  #able(): readonly Member[] {
    return [...this.#members].filter(({ ending, stuckSince }) => !ending && stuckSince === undefined);
  }

  /** How many may work: as many as there are places, and one for each that is stuck, up to twice as many in all. */
  #usable(): number {
    const { size } = this.#options;
    return Math.max(0, Math.min(size, 2 * size - this.#stuck().length));
  }

  #stuck(): readonly Member[] {
    return [...this.#members].filter(({ stuckSince }) => stuckSince !== undefined);
  }

  // Ending

  /**
   * Turns away who waits for a database and who comes, lets what has begun go on for `graceMs`, lets its callers go then, and closes the
   * connections that nothing is stuck in.
   */
  async closeDatabase(database: OffloadedDatabase, graceMs: number): Promise<void> {
    this.#closedDatabases.add(database);
    const mine = [...this.#jobs].filter(({ order }) => order.database === database);
    for (const job of mine) if (this.#takeBack(job)) job.refuse(() => this.#refusals.closed(job));
    await this.#within(graceMs, mine.filter(({ settled }) => settled === undefined).map(ended));
    for (const job of mine) this.#release(job, () => this.#refusals.closed(job));
    await this.#closeConnections(database);
  }

  /**
   * Has all connections to a database closed that are open now: who has not begun to read does so on a new one, also who comes meanwhile.
   * What has begun may go on for `graceMs`; then its callers are let go, who may try again.
   */
  async renewConnections(database: OffloadedDatabase, graceMs: number): Promise<void> {
    for (const member of this.#members) if (member.knows(database)) this.#queue.putBack(member.takeBackAll());
    const begun = [...this.#jobs].filter((job) => this.#isBegun(job) && job.order.database === database);
    const closed = this.#closeConnections(database);
    this.#dispatchSoon();
    await this.#within(graceMs, begun.map(ended));
    for (const job of begun) this.#release(job, () => this.#refusals.connectionTaken(job));
    await closed;
  }

  #isBegun(job: Job): boolean {
    return [...this.#members].some((member) => member.isRunning(job));
  }

  /** Where a reader is stuck its connection is closed when the statement ends, which nobody waits for. */
  async #closeConnections(database: OffloadedDatabase): Promise<void> {
    const members = [...this.#members].filter((one) => one.knows(database));
    const closed = members.map((member) => ({ member, done: member.closeDatabase(database) }));
    const able = closed.filter(({ member }) => member.stuckSince === undefined);
    await this.#within(
      END_LIMIT_MS,
      able.map(({ done }) => done),
    );
  }

  /**
   * Ends all readers within a second, but for threads that are stuck: those end when their statement does. Resolves with what they run.
   */
  async close(): Promise<readonly StuckStatement[]> {
    this.#closed = true;
    for (const timer of [this.#starting, this.#looking, this.#resting]) timer?.cancel();
    for (const job of this.#jobs) this.#release(job, () => this.#refusals.closed(job));
    const stuck = this.#running().map(({ order: { database, label, statement }, runningMs }) => ({
      database: database.name,
      label,
      statement,
      runningMs,
    }));
    const able = [...this.#members].filter(({ stuckSince }) => stuckSince === undefined);
    for (const member of able) member.end();
    await this.#within(
      END_LIMIT_MS,
      able.map(({ gone }) => gone),
    );
    for (const member of this.#members) member.kill();
    this.#deadline?.timer.cancel();
    return stuck;
  }

  /** Resolves when all have resolved, or the time is up. */
  async #within(limitMs: number, all: readonly Promise<void>[]): Promise<void> {
    if (all.length === 0) return;
    const limit = Promise.withResolvers<void>();
    const timer = this.#clock.after(limitMs, limit.resolve);
    await Promise.race([Promise.all(all), limit.promise]);
    timer.cancel();
  }

  // Telling

  /** What is being read at this moment, longest first. */
  #running(): readonly Running[] {
    return runningIn(this.#members, this.#clock.now());
  }

  snapshot(): OffloadCrewSnapshot {
    const now = this.#clock.now();
    const { oldest } = this.#queue;
    const members = [...this.#members];
    return Object.freeze({
      limit: this.#options.size,
      live: members.length,
      busy: members.filter(({ load }) => load > 0).length,
      stuck: this.#stuck().length,
      queued: this.#queue.size,
      oldestWaitMs: oldest === undefined ? 0 : now - oldest.order.at,
      counters: Object.freeze({ ...this.#counters }),
      running: Object.freeze(
        this.#running().map(({ order, runningMs, stuck, pid }): OffloadedSnapshot => {
          const { database, label, statement } = order;
          return Object.freeze({ database: database.name, label, statement, runningMs, stuck, pid });
        }),
      ),
    });
  }
}

function ended(job: Job): Promise<void> {
  return new Promise((resolve) => {
    job.onSettled(() => {
      resolve();
    });
  });
}

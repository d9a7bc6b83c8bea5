import { Alarm } from './alarm.ts';
import type { BudgetLedger } from './budget-ledger.ts';
import type { Roster } from './roster.ts';
import type { Timekeeper } from './timekeeper.ts';
import { Waiters, type Waiter } from './waiters.ts';

/** Weight of a wait that stands in the statistics for itself alone. */
const DATED = 1;

/** Those who wait, who of them is next, and until when each of them waits. They come by `join` and go by `leave`. */
export class Queue<R> extends Waiters<R> {
  /** Who is next, where there are budgets. */
  ledger: BudgetLedger<R> | undefined;
  readonly #time: Timekeeper;
  readonly #roster: Roster<R>;
  readonly #expire: (waiter: Waiter<R>, now: number) => void;
  // One alarm for all deadlines: a timer of its own would cost a waiter more than the rest of its wait.
  readonly #deadline: Alarm;
  /** Those who came in this turn of the event loop will be dated when it turns: not all of them are timed. */
  #dating = false;

  /** `expire` is told whose time is up, and has him leave. The roster's seat learns when nobody waits any more. */
  constructor(time: Timekeeper, roster: Roster<R>, expire: (waiter: Waiter<R>, now: number) => void) {
    super();
    this.#time = time;
    this.#roster = roster;
    this.#expire = expire;
    this.#deadline = new Alarm(time.clock, () => {
      this.#expireDue();
    });
  }

  /** Who gets what comes free now; undefined when nobody waits who may have it. Small, so that it costs a release nothing. */
  get next(): Waiter<R> | undefined {
    return this.ledger === undefined ? this.first : this.nextByBudget();
  }

  /** The same, where there are budgets. */
  nextByBudget(): Waiter<R> | undefined {
    return this.ledger?.next(this.#time.now);
  }

  /** How many wait who may have one. */
  get wanting(): number {
    return this.ledger?.claims ?? this.length;
  }

  /** For how long the first of them has waited. */
  oldestWaitMs(now: number): number {
    const since = this.ledger === undefined ? this.first?.since : this.ledger.waitingSince;
    return now - (since ?? now);
  }

  /** Whether so many wait, or as many in this budget as its share of that, that nobody else may. */
  isFull(budget: string | undefined, most: number): boolean {
    return this.ledger?.isFull(budget, most) ?? this.length >= most;
  }

  /** Somebody begins to wait; when he is timed, the clock has just been read. */
  join(waiter: Waiter<R>, budget: string | undefined, timed: boolean): void {
    const { now, stride } = this.#time;
    waiter.weight = timed ? stride : 0;
    waiter.since = now;
    // The newcomers are the last of the queue, one behind the other: nobody is dated before them.
    if (waiter.weight !== DATED) this.#dateSoon();
    else if (this.#dating) this.dateNewcomers(now);
    this.push(waiter);
    this.ledger?.join(waiter, budget, now);
    if (this.length === 1) this.#deadline.keepAlive(true);
    if (timed) this.#deadline.by(now + waiter.timeoutMs, now);
  }

  /** Somebody waits no more. */
  leave(waiter: Waiter<R>): void {
    this.remove(waiter);
    this.ledger?.leave(waiter);
    waiter.unsubscribe?.();
    if (this.length > 0) return;
    this.#deadline.keepAlive(false);
    this.#roster.seat?.waitsNoMore();
  }

  /**
   * In a dense stream only some who come are timed, unless they still wait when the event loop turns: from then on each is, and
   * its wait counts from there.
   */
  #dateSoon(): void {
    if (this.#dating) return;
    this.#dating = true;
    this.#time.clock.nextTurn(() => {
      this.#dating = false;
      this.dateNewcomers(this.#time.read());
    });
  }

  /** The waits of those who were not timed when they came count from now on. */
  dateNewcomers(now: number): void {
    for (let waiter = this.last; waiter !== undefined && waiter.weight !== DATED; waiter = waiter.previous) {
      if (waiter.weight === 0) {
        waiter.since = now;
        this.#deadline.by(now + waiter.timeoutMs, now);
      }
      waiter.weight = DATED;
    }
  }

  #expireDue(): void {
    const now = this.#time.read();
    this.dateNewcomers(now);
    for (const waiter of this) {
      const deadline = waiter.since + waiter.timeoutMs;
      if (deadline <= now) this.#expire(waiter, now);
      else this.#deadline.by(deadline, now);
    }
  }

  /** From now on there are budgets: who waits has the default one. */
  keepBudgets(ledger: BudgetLedger<R>): void {
    const { now } = this.#time;
    this.dateNewcomers(now);
    this.ledger = ledger;
    for (const waiter of this) ledger.join(waiter, undefined, now);
  }

  /** Nobody's time will be up any more. */
  close(): void {
    this.#deadline.cancel();
  }

  /** Counts what the ledger says of those who wait. */
  findFault(): string | undefined {
    for (const { name, waiting } of this.ledger?.stats(this.#time.now) ?? []) {
      const queued = Array.from(this).filter(({ place }) => place?.line.account.name === name);
      if (queued.length !== waiting) return `${queued.length} wait in budget ${name}, ${waiting} counted`;
    }
    return undefined;
  }
}

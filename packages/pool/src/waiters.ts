import type { Place } from './budget-line.ts';
import type { Trace } from './entry.ts';
import type { Lease } from './lease.ts';
import type { LeaseOptions } from './pool.ts';

/** What is known about somebody who waits, as plain data. */
export interface WaiterInfo {
  readonly owner: string | undefined;
  /** Its budget, where there are budgets. */
  readonly budget?: string | undefined;
  readonly waitMs: number;
}

/** A caller that waits for a resource. */
export interface Waiter<R> {
  readonly owner: string | undefined;
  readonly allowedMs: number | undefined;
  /** Where it asked, when that is to be remembered. */
  readonly trace: Trace | undefined;
  readonly timeoutMs: number;
  /** For how many its wait stands in the statistics: 0 when it is not timed. */
  weight: number;
  /** When it came; of one that is not timed, when the clock was last read before. */
  since: number;
  readonly resolve: (lease: Lease<R>) => void;
  readonly reject: (reason: Error) => void;
  /** Takes the abort listener off the caller's signal. */
  unsubscribe: (() => void) | undefined;
  previous: Waiter<R> | undefined;
  next: Waiter<R> | undefined;
  queued: boolean;
  /** Its place in its budget, where there are budgets. */
  place: Place<R> | undefined;
}

/** A caller that has just come. */
export function newWaiter<R>(
  { owner, allowedMs }: LeaseOptions,
  timeoutMs: number,
  trace: Trace | undefined,
  resolve: Waiter<R>['resolve'],
  reject: Waiter<R>['reject'],
): Waiter<R> {
  return {
    owner,
    allowedMs,
    trace,
    timeoutMs,
    weight: 0,
    since: 0,
    resolve,
    reject,
    unsubscribe: undefined,
    previous: undefined,
    next: undefined,
    queued: false,
    place: undefined,
  };
}

/** What is known about one, at this moment. */
export function waiterInfo<R>({ owner, since, place }: Waiter<R>, now: number): WaiterInfo {
  return { owner, budget: place?.line.account.name, waitMs: now - since };
}

/** First come, first served; anybody can leave from the middle in constant time. */
export class Waiters<R> {
  #first: Waiter<R> | undefined;
  #last: Waiter<R> | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Waiter<R> | undefined {
    return this.#first;
  }

  get last(): Waiter<R> | undefined {
    return this.#last;
  }

  /** Whether the wait of whoever is next is timed. */
  get isNextTimed(): boolean {
    return this.#first !== undefined && this.#first.weight > 0;
  }

  /** The first of those who came before `waiter`, or of all when it is not in the queue: `most` at most. */
  before(waiter: Waiter<R> | undefined, most: number): readonly Waiter<R>[] {
    const ahead: Waiter<R>[] = [];
    for (let one = this.#first; one !== undefined && one !== waiter && ahead.length < most; one = one.next)
      ahead.push(one);
    return ahead;
  }

  push(waiter: Waiter<R>): void {
    waiter.queued = true;
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    this.#length++;
  }

  /** Takes out one that is in it. */
  remove(waiter: Waiter<R>): void {
    waiter.queued = false;
    if (waiter.previous === undefined) this.#first = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === undefined) this.#last = waiter.previous;
    else waiter.next.previous = waiter.previous;
    // One that the collector has grown slow to look at would keep alive all that came after it.
    waiter.previous = undefined;
    waiter.next = undefined;
    this.#length--;
  }

  /** Those who wait now, without those who leave before their turn comes. */
  *[Symbol.iterator](): Generator<Waiter<R>> {
    const waiters: Waiter<R>[] = [];
    for (let waiter = this.#first; waiter !== undefined; waiter = waiter.next) waiters.push(waiter);
    for (const waiter of waiters) if (waiter.queued) yield waiter;
  }
}

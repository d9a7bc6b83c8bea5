import { Histogram, type HistogramSnapshot } from './histogram.ts';
import { isThenable } from './hook.ts';
import type { DestroyReason, PoolObserver } from './observer.ts';
import { newTally, type PoolCounters } from './stats.ts';

/** Weight of the newest sample in the smoothed durations: about the last dozen count. */
const SMOOTHING = 0.15;

/** What has happened in a pool: counted, measured, and told to the observer. */
export class Chronicle {
  /** What it throws or rejects with is counted, and reaches nobody. */
  readonly #observer: PoolObserver;
  readonly tally = newTally();
  readonly #waitTime = new Histogram();
  /** How many of those are in it who did not have to wait. */
  #zeros = 0;
  readonly #useTime = new Histogram();
  readonly #createTime = new Histogram();
  /** How long a use takes, smoothed; undefined before the first one ended. */
  useMs: number | undefined;
  /** How long a creation takes, smoothed; undefined before the first one succeeded. */
  createMs: number | undefined;

  constructor(observer: PoolObserver) {
    this.#observer = observer;
  }

  /** Whether the observer wants to know of each lease that is handed out. */
  get tellsAcquired(): boolean {
    return this.#observer.acquired !== undefined;
  }

  /** Whether it wants to know of each that comes back. */
  get tellsReleased(): boolean {
    return this.#observer.released !== undefined;
  }

  /** A wait is over; it stands for `weight` others. */
  waited(waitMs: number, weight = 1): void {
    this.#waitTime.record(waitMs, weight);
  }

  used(useMs: number): void {
    this.#useTime.record(useMs);
    this.useMs = smooth(this.useMs, useMs);
  }

  created(resourceId: number, createMs: number): void {
    this.tally.created++;
    this.#createTime.record(createMs);
    this.createMs = smooth(this.createMs, createMs);
    this.tell((observer) => observer.created?.(resourceId, createMs));
  }

  createFailed(error: unknown, consecutive: number): void {
    this.tally.createFailures++;
    this.tell((observer) => observer.createFailed?.(error, consecutive));
  }

  invalidated(resourceId: number, generation: number, cause: unknown): void {
    this.tally.validationFailures++;
    this.tell((observer) => observer.invalidated?.(resourceId, generation, cause));
  }

  /** It was counted when it began. */
  destroyed(resourceId: number, reason: DestroyReason): void {
    this.tell((observer) => observer.destroyed?.(resourceId, reason));
  }

  abandoned(resourceId: number, hook: 'create' | 'destroy'): void {
    this.tell((observer) => observer.abandoned?.(resourceId, hook));
  }

  timedOut(owner: string | undefined, waitMs: number): void {
    this.tell((observer) => observer.timedOut?.(owner, waitMs));
  }

  tell(event: (observer: PoolObserver) => unknown): void {
    const failed = (): void => {
      this.tally.observerErrors++;
    };
    try {
      const told = event(this.#observer);
      // Of an asynchronous observer nobody else would take the rejection, which ends the process.
      if (isThenable(told)) told.then(undefined, failed);
    } catch {
      failed();
    }
  }

  /** How long callers have waited in all; those who wait still are not among them. */
  get waitedMs(): number {
    return this.#waitTime.sumMs;
  }

  /** A picture of what was counted and measured, when so many leases have been handed out. */
  figures(handedOut: number): {
    readonly counters: PoolCounters;
    readonly waitTime: HistogramSnapshot;
    readonly useTime: HistogramSnapshot;
    readonly createTime: HistogramSnapshot;
  } {
    // Who did not have to wait is not counted one by one: nothing else about such a lease is worth a note.
    const immediate = handedOut - this.tally.waited;
    this.#waitTime.record(0, immediate - this.#zeros);
    this.#zeros = immediate;
    return {
      counters: Object.freeze({ immediate, ...this.tally, destroyed: Object.freeze({ ...this.tally.destroyed }) }),
      waitTime: this.#waitTime.snapshot(),
      useTime: this.#useTime.snapshot(),
      createTime: this.#createTime.snapshot(),
    };
  }
}

function smooth(average: number | undefined, sample: number): number {
  return average === undefined ? sample : average + SMOOTHING * (sample - average);
}

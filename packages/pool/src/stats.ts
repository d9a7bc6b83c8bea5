import type { BudgetStats } from './budgets.ts';
import type { HistogramSnapshot } from './histogram.ts';
import type { DestroyReason } from './observer.ts';

/** One frozen picture of a pool: gauges, counters since it was made, and durations, all taken together. */
export interface PoolStats {
  readonly name: string;
  readonly status: 'open' | 'suspended' | 'closing' | 'closed';

  readonly size: number;
  readonly maxOverflow: number;
  /** How many idle resources are kept ready. */
  readonly minIdle: number;
  /** Everything that counts against the limit: the sum of the next six. */
  readonly live: number;
  readonly leased: number;
  readonly idle: number;
  readonly creating: number;
  readonly validating: number;
  readonly resetting: number;
  readonly closing: number;
  /** Creations and destructions that have not come back in time and no longer count. */
  readonly abandoned: number;
  /** Callers in the queue. */
  readonly waiting: number;
  /** How long the first in the queue has waited; 0 when nobody waits. */
  readonly oldestWaitMs: number;
  /** How long the oldest lease is held; 0 when there is none. See `LeaseInfo.ageMs`. */
  readonly oldestLeaseMs: number;
  /** Leases that are suspected of leaking at this moment. */
  readonly suspects: number;
  /** How long ago the last lease was found that had been dropped without release; undefined where there was none. */
  readonly collectedAgoMs: number | undefined;
  /** 1 at first, and one more with each condemnation: by a failed validation, `flush('all')` and `flush('graceful')`. */
  readonly generation: number;

  /** Undefined where there are no budgets. */
  readonly budgets: readonly BudgetStats[] | undefined;

  /** What it may have together with other pools, and what is live in all of them; absent where it shares no limit. */
  readonly sharedLimit?: { readonly most: number; readonly live: number } | undefined;

  readonly counters: PoolCounters;
  /**
   * Waits that ended with a lease, 0 for those served at once, and waits that ended in `timeouts`: about as many as these together.
   * One timed in a dense stream counts for those beside it.
   */
  readonly waitTime: HistogramSnapshot;
  /** Uses that were timed, by `timeEvery`: a sample, in which each counts once. */
  readonly useTime: HistogramSnapshot;
  /** Creations that succeeded, in time. */
  readonly createTime: HistogramSnapshot;
}

/**
 * Monotone counters. Leases handed out are `immediate + waited`; resources that have arrived are `created + destroyed.late`, and of
 * the created ones those not in `destroyed` are live.
 */
export interface PoolCounters {
  /** Leases handed out without waiting. */
  readonly immediate: number;
  /** Leases handed out after waiting. */
  readonly waited: number;
  /** Callers sent away because nothing came free in time, also of a suspended pool. */
  readonly timeouts: number;
  /** Callers whose signal fired before they had a lease. */
  readonly aborted: number;
  /** Callers turned away because the queue was full. */
  readonly overloaded: number;
  /** Creations that succeeded in time. */
  readonly created: number;
  /** Attempts that failed or took too long, each by itself. */
  readonly createFailures: number;
  /** Resources by why they left, counted when their destruction begins. */
  readonly destroyed: Readonly<Record<DestroyReason, number>>;
  /** Validations begun. */
  readonly validations: number;
  readonly validationFailures: number;
  /** Second releases and releases of revoked leases: no-ops. */
  readonly staleReleases: number;
  /** Leases taken from their holders by `flush` or `close`. */
  readonly revoked: number;
  /** Leases that were suspected of leaking, each counted once. */
  readonly suspected: number;
  /** Those of them that their holders gave back after all; the others were revoked or collected, or are held still. */
  readonly returnedLate: number;
  /** Leases dropped without release and found by the garbage collector: certain leaks. */
  readonly collected: number;
  /** What observers threw or rejected with. */
  readonly observerErrors: number;
}

/** The counters while they are being counted, but for the leases that nobody waited for: those are what is left of all. */
export type Tally = {
  -readonly [K in Exclude<keyof PoolCounters, 'immediate'>]: PoolCounters[K] extends number
    ? number
    : Record<DestroyReason, number>;
};

/** All counters at 0. */
export function newTally(): Tally {
  return {
    waited: 0,
    timeouts: 0,
    aborted: 0,
    overloaded: 0,
    created: 0,
    createFailures: 0,
    destroyed: {
      idle: 0,
      lifetime: 0,
      overflow: 0,
      invalid: 0,
      condemned: 0,
      'reset-failed': 0,
      caller: 0,
      collected: 0,
      flushed: 0,
      late: 0,
      closed: 0,
    },
    validations: 0,
    validationFailures: 0,
    staleReleases: 0,
    revoked: 0,
    suspected: 0,
    returnedLate: 0,
    collected: 0,
    observerErrors: 0,
  };
}

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
  readonly waiting: number;
  readonly oldestWaitMs: number;
  readonly oldestLeaseMs: number;
  readonly generation: number;

  readonly counters: PoolCounters;
  readonly waitTime: HistogramSnapshot;
  readonly useTime: HistogramSnapshot;
  readonly createTime: HistogramSnapshot;
}

/** Monotone counters. */
export interface PoolCounters {
  /** Leases handed out without waiting. */
  readonly immediate: number;
  /** Leases handed out after waiting. */
  readonly waited: number;
  readonly timeouts: number;
  readonly aborted: number;
  /** Callers turned away because the queue was full. */
  readonly overloaded: number;
  readonly created: number;
  readonly createFailures: number;
  readonly destroyed: Readonly<Record<DestroyReason, number>>;
  readonly validations: number;
  readonly validationFailures: number;
  /** Second releases and releases of revoked leases: no-ops. */
  readonly staleReleases: number;
  readonly revoked: number;
  /** Leases dropped without release and found by the garbage collector. */
  readonly collected: number;
  readonly observerErrors: number;
}

/** The counters while they are being counted. */
export type Tally = {
  -readonly [K in keyof PoolCounters]: PoolCounters[K] extends number ? number : Record<DestroyReason, number>;
};

export function newTally(): Tally {
  return {
    immediate: 0,
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
    collected: 0,
    observerErrors: 0,
  };
}

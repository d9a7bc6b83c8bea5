import type { DatabaseSnapshot } from '@hive/shared-db';
import { budgetsOf, type Budgeted } from './budgets.ts';
import { exportOfHistogram, type ExportedHistogram } from './exported-histogram.ts';

/** One pool of connections, as it is and what it has done. */
export interface ExportedPool extends Budgeted {
  readonly status: string;
  readonly size: number;
  readonly max_overflow: number;
  readonly live: number;
  readonly in_use: number;
  readonly idle: number;
  readonly creating: number;
  readonly validating: number;
  readonly resetting: number;
  readonly closing: number;
  readonly abandoned: number;
  readonly waiting: number;
  readonly oldest_wait_seconds: number;
  readonly oldest_lease_seconds: number;
  readonly generation: number;
  /** Monotone since the start. */
  readonly counters: Readonly<Record<string, number>>;
  /** Connections closed, by reason. */
  readonly destroyed: Readonly<Record<string, number>>;
  readonly acquire_time: ExportedHistogram;
  readonly use_time: ExportedHistogram;
  readonly create_time: ExportedHistogram;
}

export function exportOfPool(pool: DatabaseSnapshot['pool']): ExportedPool {
  const { counters } = pool;
  return {
    status: pool.status,
    size: pool.size,
    max_overflow: pool.maxOverflow,
    live: pool.live,
    in_use: pool.leased,
    idle: pool.idle,
    creating: pool.creating,
    validating: pool.validating,
    resetting: pool.resetting,
    closing: pool.closing,
    abandoned: pool.abandoned,
    waiting: pool.waiting,
    oldest_wait_seconds: pool.oldestWaitMs / 1_000,
    oldest_lease_seconds: pool.oldestLeaseMs / 1_000,
    generation: pool.generation,
    counters: {
      immediate: counters.immediate,
      waited: counters.waited,
      timeouts: counters.timeouts,
      aborted: counters.aborted,
      overloaded: counters.overloaded,
      created: counters.created,
      create_failures: counters.createFailures,
      validations: counters.validations,
      validation_failures: counters.validationFailures,
      stale_releases: counters.staleReleases,
      revoked: counters.revoked,
      suspected: counters.suspected,
      returned_late: counters.returnedLate,
      collected: counters.collected,
      observer_errors: counters.observerErrors,
    },
    destroyed: { ...counters.destroyed },
    acquire_time: exportOfHistogram(pool.waitTime),
    use_time: exportOfHistogram(pool.useTime),
    create_time: exportOfHistogram(pool.createTime),
    ...budgetsOf(pool),
  };
}

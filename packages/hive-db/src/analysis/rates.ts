import type { DatabaseSnapshot } from '@hive/shared-db';

/** How often things happen. Null where no time has passed. */
export interface Rates {
  /** What the rates are over: since the earlier look, or since the start. */
  readonly window_seconds: number;
  readonly reads_per_second: number | null;
  readonly writes_per_second: number | null;
  readonly acquisitions_per_second: number | null;
  readonly connections_opened_per_second: number | null;
  readonly errors_per_second: number | null;
}

/** Rates between two looks at one database; without an earlier one, since the start. */
export function ratesOf(now: DatabaseSnapshot, earlier: DatabaseSnapshot | undefined, windowSeconds: number): Rates {
  const per = (total: (database: DatabaseSnapshot) => number): number | null => {
    if (windowSeconds <= 0) return null;
    // A database that was opened anew counts from zero.
    return Math.max(0, total(now) - (earlier === undefined ? 0 : total(earlier))) / windowSeconds;
  };
  return {
    window_seconds: windowSeconds,
    reads_per_second: per(({ counters }) => counters.reads + counters.synchronousReads),
    writes_per_second: per(({ counters }) => counters.writes + counters.transactions),
    acquisitions_per_second: per(({ pool }) => pool.counters.immediate + pool.counters.waited),
    connections_opened_per_second: per(({ pool }) => pool.counters.created),
    errors_per_second: per(({ counters }) => {
      return Object.values(counters.errors).reduce((sum, number) => sum + number, 0);
    }),
  };
}

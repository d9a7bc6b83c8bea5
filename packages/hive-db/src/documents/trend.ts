import type { DatabaseTrend } from '@hive/shared-db/health';

/** What a process remembers of the last minute of a database. */
export interface TrendDocument {
  /** Over how long was counted: a minute and a little more; less at first. */
  readonly window_seconds: number;
  /** Share of the pool in use, the mean of a quarter of a minute. */
  readonly utilisation_ratio: number;
  readonly acquired: number;
  readonly timeouts: number;
  /** What one acquisition in a hundred took at least; null where there were not a hundred. */
  readonly acquire_seconds: number | null;
  /** What that usually is; null until that is known. */
  readonly usual_acquire_seconds: number | null;
  readonly calls: number;
  /** Failures by code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly connections_opened: number;
  /** By why they went. */
  readonly connections_closed: Readonly<Record<string, number>>;
}

/** The last minute of a database; null where its process did not say. */
export function trendDocument(trend: DatabaseTrend | undefined): TrendDocument | null {
  if (trend === undefined) return null;
  return {
    window_seconds: trend.windowMs / 1_000,
    utilisation_ratio: trend.utilisation,
    acquired: trend.acquired,
    timeouts: trend.timeouts,
    acquire_seconds: seconds(trend.acquireMs),
    usual_acquire_seconds: seconds(trend.usualAcquireMs),
    calls: trend.calls,
    errors: { ...trend.errors },
    connections_opened: trend.opened,
    connections_closed: { ...trend.closed },
  };
}

function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1_000;
}

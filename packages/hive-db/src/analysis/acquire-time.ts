import type { DatabaseSnapshot } from '@hive/shared-db';
import { quantileMs, type HistogramSnapshot } from '@hive/shared-db/health';

/**
 * How long one in twenty acquisitions between two looks took at least, in seconds. Null where there was none, and without an earlier
 * look. Pure.
 */
export function recentAcquireSeconds(now: DatabaseSnapshot, earlier: DatabaseSnapshot | undefined): number | null {
  if (earlier === undefined) return null;
  const recent = difference(now.pool.waitTime, earlier.pool.waitTime);
  return recent.count > 0 ? quantileMs(recent, 0.95) / 1_000 : null;
}

/** What a histogram has counted since an earlier picture of it. One that began anew has counted everything since. */
function difference(now: HistogramSnapshot, earlier: HistogramSnapshot): HistogramSnapshot {
  if (now.count < earlier.count) return now;
  const before = new Map(earlier.buckets.map(({ leMs, count }) => [leMs, count]));
  const buckets = now.buckets
    .map(({ leMs, count }) => ({ leMs, count: count - (before.get(leMs) ?? 0) }))
    .filter(({ count }) => count > 0);
  return { count: now.count - earlier.count, sumMs: now.sumMs - earlier.sumMs, maxMs: now.maxMs, buckets };
}

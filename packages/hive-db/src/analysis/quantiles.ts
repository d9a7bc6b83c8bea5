import type { DatabaseSnapshot } from '@hive/shared-db';

type Histogram = DatabaseSnapshot['pool']['waitTime'];

/** How long something takes, in seconds, since the start. All but `count` are null where it never happened. */
export interface Quantiles {
  readonly count: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** Reads a histogram. A quantile is the upper bound of its bucket, at most one eighth too high, and never above the maximum. */
export function quantiles(histogram: Histogram): Quantiles {
  const { count, maxMs } = histogram;
  if (count <= 0) return { count: 0, p50: null, p95: null, p99: null, max: null };
  return {
    count,
    p50: quantile(histogram, 0.5),
    p95: quantile(histogram, 0.95),
    p99: quantile(histogram, 0.99),
    max: maxMs / 1_000,
  };
}

function quantile({ count, maxMs, buckets }: Histogram, share: number): number {
  let remaining = Math.ceil(count * share);
  for (const bucket of buckets) {
    remaining -= bucket.count;
    if (remaining <= 0) return Math.min(bucket.leMs, maxMs) / 1_000;
  }
  return maxMs / 1_000;
}

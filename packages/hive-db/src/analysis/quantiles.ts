import { quantileMs, type HistogramSnapshot } from '@hive/shared-db/health';

/** How long something takes, in seconds, since the start. All but `count` are null where it never happened. */
export interface Quantiles {
  readonly count: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** Reads a histogram. A quantile is the upper bound of its bucket, at most one eighth too high, and never above the maximum. */
export function quantiles(histogram: HistogramSnapshot): Quantiles {
  const { count, maxMs } = histogram;
  if (count <= 0) return { count: 0, p50: null, p95: null, p99: null, max: null };
  return {
    count,
    p50: quantileMs(histogram, 0.5) / 1_000,
    p95: quantileMs(histogram, 0.95) / 1_000,
    p99: quantileMs(histogram, 0.99) / 1_000,
    max: maxMs / 1_000,
  };
}

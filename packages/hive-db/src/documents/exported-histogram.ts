import type { DatabaseSnapshot } from '@hive/shared-db';

/** How long something took, each time. */
export interface ExportedHistogram {
  readonly count: number;
  readonly sum_seconds: number;
  readonly max_seconds: number;
  /** Not cumulative; empty buckets are left out. */
  readonly buckets: readonly { readonly le_seconds: number; readonly count: number }[];
}

export function exportOfHistogram({
  count,
  sumMs,
  maxMs,
  buckets,
}: DatabaseSnapshot['pool']['waitTime']): ExportedHistogram {
  return {
    count,
    sum_seconds: sumMs / 1_000,
    max_seconds: maxMs / 1_000,
    buckets: buckets.map((bucket) => ({ le_seconds: bucket.leMs / 1_000, count: bucket.count })),
  };
}

import type { DatabaseSnapshot } from '@hive/shared-db';
import { quantiles, type Quantiles } from '../analysis/quantiles.ts';

/** How a lane has committed since the start. Writes that wait together share one transaction, a group. */
export interface CommitsDocument {
  readonly groups: number;
  readonly writes: number;
  /** From BEGIN until the group lasted as the durability says; of transactions, which are counted here as well, from COMMIT. */
  readonly commit_seconds: Quantiles;
  /** What one of them in a hundred took at least, or half of fewer, of those of the last minute or two; null where there were not fifty. */
  readonly late_commit_seconds: number | null;
}

export function commitsDocument({ work }: Pick<DatabaseSnapshot['lane'], 'work'>): CommitsDocument {
  const { groups, members, commitTime, lateCommitMs } = work;
  return {
    groups,
    writes: members,
    commit_seconds: quantiles(commitTime),
    late_commit_seconds: lateCommitMs === undefined ? null : lateCommitMs / 1_000,
  };
}

import type { DatabaseSnapshot } from '@hive/shared-db';

/** What was done with a database since it was opened. */
export interface CountersDocument {
  readonly reads: number;
  readonly synchronous_reads: number;
  readonly writes: number;
  readonly transactions: number;
  readonly sessions: number;
  /** Statements that were read in other threads or processes. */
  readonly offloads: number;
  readonly rolled_back: number;
  /** How often the write lock was somebody else's at the first try. */
  readonly busy: number;
}

export function countersDocument(counters: DatabaseSnapshot['counters']): CountersDocument {
  return {
    reads: counters.reads,
    synchronous_reads: counters.synchronousReads,
    writes: counters.writes,
    transactions: counters.transactions,
    sessions: counters.sessions,
    offloads: counters.offloads,
    rolled_back: counters.rolledBack,
    busy: counters.busy,
  };
}

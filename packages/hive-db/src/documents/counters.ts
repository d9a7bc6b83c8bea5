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
  /** Transactions that were open when their session was closed or over its limit. */
  readonly transactions_left_open: number;
  /** Sessions that were over their limit and were ended. */
  readonly sessions_expired: number;
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
    transactions_left_open: counters.transactionsLeftOpen,
    sessions_expired: counters.sessionsExpired,
    busy: counters.busy,
  };
}

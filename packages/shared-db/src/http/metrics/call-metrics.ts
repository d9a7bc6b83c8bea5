import type { DatabaseMetric } from './database-metric.ts';

/** What callers have done, and how that went. */
export const callMetrics: readonly DatabaseMetric[] = [
  {
    name: 'hive_db_operations_total',
    type: 'counter',
    help: 'Calls, by their kind.',
    by: 'kind',
    read: ({ counters }) => ({
      each: {
        read: counters.reads,
        read_sync: counters.synchronousReads,
        write: counters.writes,
        transaction: counters.transactions,
        session: counters.sessions,
        offload: counters.offloads,
      },
    }),
  },
  {
    name: 'hive_db_rolled_back_total',
    type: 'counter',
    help: 'Writes and transactions that were rolled back.',
    read: ({ counters }) => counters.rolledBack,
  },
  {
    name: 'hive_db_transactions_left_open_total',
    type: 'counter',
    help: 'Transactions that were open when their session was closed or over its limit; they were rolled back.',
    read: ({ counters }) => counters.transactionsLeftOpen,
  },
  {
    name: 'hive_db_sessions_expired_total',
    type: 'counter',
    help: 'Sessions that were over their limit and were ended.',
    read: ({ counters }) => counters.sessionsExpired,
  },
  {
    name: 'hive_db_busy_total',
    type: 'counter',
    help: "How often the write lock was somebody else's at the first try.",
    read: ({ counters }) => counters.busy,
  },
  {
    name: 'hive_db_errors_total',
    type: 'counter',
    help: 'Failures, by their code.',
    by: 'code',
    read: ({ counters }) => ({ each: counters.errors }),
  },
];

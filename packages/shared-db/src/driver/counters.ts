import type { DatabaseCounters } from '../snapshot.ts';

/** What a database counts as it goes; errors are counted where they are told. Plain numbers: counting costs an addition. */
export type Counters = { -readonly [Count in keyof Omit<DatabaseCounters, 'errors'>]: number };

export function newCounters(): Counters {
  return {
    reads: 0,
    synchronousReads: 0,
    writes: 0,
    transactions: 0,
    sessions: 0,
    offloads: 0,
    rolledBack: 0,
    transactionsLeftOpen: 0,
    sessionsExpired: 0,
    busy: 0,
  };
}

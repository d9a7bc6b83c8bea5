import type { DatabaseSnapshot } from '../../snapshot.ts';
import type { DatabaseMetric, Values } from './database-metric.ts';

/** What OpenTelemetry has no word for, of the pool of connections that read. */
export const poolMetrics: readonly DatabaseMetric[] = [
  {
    name: 'hive_db_pool_connections',
    type: 'gauge',
    help: 'Connections that are neither idle nor used, by what happens to them; abandoned ones no longer count as open.',
    by: 'state',
    read: ({ pool: { creating, validating, resetting, closing, abandoned } }) => ({
      each: { creating, validating, resetting, closing, abandoned },
    }),
  },
  {
    name: 'hive_db_pool_overflow_connections',
    type: 'gauge',
    help: 'Connections beyond the size of the pool.',
    read: ({ pool }) => Math.max(0, pool.live - pool.size),
  },
  {
    name: 'hive_db_pool_oldest_waiter_seconds',
    type: 'gauge',
    help: 'How long the first caller in the queue has been waiting for a connection.',
    read: ({ pool }) => pool.oldestWaitMs / 1_000,
  },
  {
    name: 'hive_db_pool_oldest_lease_seconds',
    type: 'gauge',
    help: 'How long the oldest lease has been held.',
    read: ({ pool }) => pool.oldestLeaseMs / 1_000,
  },
  {
    name: 'hive_db_pool_acquires_total',
    type: 'counter',
    help: 'Attempts to get a connection, by how they ended.',
    by: 'result',
    read: ({ pool: { counters } }) => ({
      each: {
        immediate: counters.immediate,
        waited: counters.waited,
        timeout: counters.timeouts,
        aborted: counters.aborted,
        overloaded: counters.overloaded,
      },
    }),
  },
  {
    name: 'hive_db_pool_connections_created_total',
    type: 'counter',
    help: 'Connections opened.',
    read: ({ pool }) => pool.counters.created,
  },
  {
    name: 'hive_db_pool_create_failures_total',
    type: 'counter',
    help: 'Connections that could not be opened.',
    read: ({ pool }) => pool.counters.createFailures,
  },
  {
    name: 'hive_db_pool_connections_closed_total',
    type: 'counter',
    help: 'Connections closed, by the reason.',
    by: 'reason',
    read: ({ pool }) => ({ each: pool.counters.destroyed }),
  },
  {
    name: 'hive_db_pool_validations_total',
    type: 'counter',
    help: 'Connections tested before they were handed out, by the result.',
    by: 'result',
    read: ({ pool: { counters } }) => ({
      each: { passed: counters.validations - counters.validationFailures, failed: counters.validationFailures },
    }),
  },
  {
    name: 'hive_db_pool_lease_suspects',
    type: 'gauge',
    help: 'Leases that look like leaks: held for longer than their holders said, and not used for long.',
    read: ({ leaks }) => leaks.suspects,
  },
  {
    name: 'hive_db_pool_leases_suspected_total',
    type: 'counter',
    help: 'Leases that ever looked like leaks.',
    read: ({ leaks }) => leaks.suspected,
  },
  {
    name: 'hive_db_pool_leases_returned_late_total',
    type: 'counter',
    help: 'Leases that looked like leaks and were given back after all.',
    read: ({ leaks }) => leaks.returnedLate,
  },
  {
    name: 'hive_db_pool_leases_collected_total',
    type: 'counter',
    help: 'Leases that were never given back and were found by the garbage collector: certain leaks.',
    read: ({ leaks }) => leaks.collected,
  },
  {
    name: 'hive_db_pool_leases_revoked_total',
    type: 'counter',
    help: 'Leases taken away from their holders.',
    read: ({ pool }) => pool.counters.revoked,
  },
  {
    name: 'hive_db_pool_budget_leases',
    type: 'gauge',
    help: 'Connections that are used, by the budget that they count in.',
    by: 'budget',
    read: (database) => ofBudgets(database, ({ leased }) => leased),
  },
  {
    name: 'hive_db_pool_budget_reserved',
    type: 'gauge',
    help: 'Connections that a budget comes first for.',
    by: 'budget',
    read: (database) => ofBudgets(database, ({ reserved }) => reserved),
  },
  {
    name: 'hive_db_pool_budget_max',
    type: 'gauge',
    help: 'Connections that a budget may have.',
    by: 'budget',
    read: (database) => ofBudgets(database, ({ max }) => max),
  },
  {
    name: 'hive_db_pool_budget_waiting',
    type: 'gauge',
    help: 'Callers that wait for a connection, by their budget.',
    by: 'budget',
    read: (database) => ofBudgets(database, ({ waiting }) => waiting),
  },
  {
    name: 'hive_db_pool_budget_oldest_waiter_seconds',
    type: 'gauge',
    help: 'How long the first of these has been waiting.',
    by: 'budget',
    read: (database) => ofBudgets(database, ({ oldestWaitMs }) => oldestWaitMs / 1_000),
  },
  {
    name: 'hive_db_pool_budget_granted_total',
    type: 'counter',
    help: 'Connections that a budget was given.',
    by: 'budget',
    read: (database) => ofBudgets(database, ({ counters }) => counters.granted),
  },
  {
    name: 'hive_db_pool_budget_waited_total',
    type: 'counter',
    help: 'Of these, those that it was given after waiting.',
    by: 'budget',
    read: (database) => ofBudgets(database, ({ counters }) => counters.waited),
  },
  {
    name: 'hive_db_pool_budget_timeouts_total',
    type: 'counter',
    help: 'Callers of a budget that waited for a connection in vain.',
    by: 'budget',
    read: (database) => ofBudgets(database, ({ counters }) => counters.timeouts),
  },
];

/** One value for each budget; undefined where nobody shares the connections. */
function ofBudgets(
  { pool: { budgets } }: DatabaseSnapshot,
  read: (budget: NonNullable<DatabaseSnapshot['pool']['budgets']>[number]) => number,
): Values | undefined {
  return budgets && { each: Object.fromEntries(budgets.map((budget) => [budget.name, read(budget)])) };
}

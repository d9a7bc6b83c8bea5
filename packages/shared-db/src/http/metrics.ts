import type { HistogramSnapshot } from '@hive/pool';
import type { DatabaseSnapshot, OffloadCrewSnapshot, OffloadSnapshot, ServiceSnapshot } from '../snapshot.ts';
import type { Family, Series } from './exposition.ts';

/**
 * Every metric of a snapshot. What OpenTelemetry has a word for is called by its name, with the unit as a suffix as Prometheus
 * wants it; the rest is `hive_db_...`. Metrics carry names of databases and words of closed lists: never SQL, paths or labels.
 */
export function metricFamilies(snapshot: ServiceSnapshot): Family[] {
  return [...serviceFamilies(snapshot), ...databaseMetrics.map((metric) => familyOf(metric, snapshot.databases))];
}

/** One family that every database has a part in. */
interface DatabaseMetric {
  readonly name: string;
  readonly type: Family['type'];
  readonly help: string;
  /** What the metric is divided by, where `read` returns several values. */
  readonly by?: string;
  /** Undefined where a database has no such thing. */
  readonly read: (database: DatabaseSnapshot) => number | HistogramSnapshot | Values | undefined;
}

/** One value for each word of `by`. */
type Values = { readonly each: Readonly<Record<string, number>> };

/** What OpenTelemetry's semantic conventions call a pool's name; families of our own say `database`. */
const POOL_NAME = 'db_client_connection_pool_name';

const databaseMetrics: readonly DatabaseMetric[] = [
  {
    name: 'db_client_connection_count',
    type: 'gauge',
    help: 'Connections that are currently in the state described by the state attribute.',
    by: 'db_client_connection_state',
    read: ({ pool }) => ({ each: { idle: pool.idle, used: pool.leased } }),
  },
  {
    name: 'db_client_connection_idle_max',
    type: 'gauge',
    help: 'Connections that are kept open while nobody uses them.',
    read: ({ pool }) => pool.size,
  },
  {
    name: 'db_client_connection_idle_min',
    type: 'gauge',
    help: 'Connections that are kept ready while nobody uses them.',
    read: ({ pool }) => pool.minIdle,
  },
  {
    name: 'db_client_connection_max',
    type: 'gauge',
    help: 'Connections that may be open at the same time, overflow included.',
    read: ({ pool }) => pool.size + pool.maxOverflow,
  },
  {
    name: 'db_client_connection_pending_requests',
    type: 'gauge',
    help: 'Callers that wait for a connection.',
    read: ({ pool }) => pool.waiting,
  },
  {
    name: 'db_client_connection_timeouts_total',
    type: 'counter',
    help: 'Callers that waited for a connection in vain.',
    read: ({ pool }) => pool.counters.timeouts,
  },
  {
    name: 'db_client_connection_create_time_seconds',
    type: 'histogram',
    help: 'Time it took to open a connection.',
    read: ({ pool }) => pool.createTime,
  },
  {
    name: 'db_client_connection_wait_time_seconds',
    type: 'histogram',
    help: 'Time it took to get a connection from the pool.',
    read: ({ pool }) => pool.waitTime,
  },
  {
    name: 'db_client_connection_use_time_seconds',
    type: 'histogram',
    help: 'Time between getting a connection and giving it back.',
    read: ({ pool }) => pool.useTime,
  },
  {
    name: 'hive_db_up',
    type: 'gauge',
    help: 'Whether the database is open: 1 when it is, 0 when it is opening, fenced, failed or closed.',
    read: ({ status }) => (status === 'open' ? 1 : 0),
  },
  {
    name: 'hive_db_fenced',
    type: 'gauge',
    help: 'Whether writes are refused after an input/output error.',
    read: ({ status }) => (status === 'fenced' ? 1 : 0),
  },
  {
    name: 'hive_db_fenced_seconds',
    type: 'gauge',
    help: 'For how long that has been so; 0 while they are not.',
    read: ({ repair }) => (repair?.sinceMs ?? 0) / 1_000,
  },
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
  {
    name: 'hive_db_lane_waiting',
    type: 'gauge',
    help: 'Writes that wait in the lane.',
    read: ({ lane }) => lane.waiting,
  },
  {
    name: 'hive_db_lane_running',
    type: 'gauge',
    help: 'Whether somebody holds the writer.',
    read: ({ lane }) => lane.running,
  },
  {
    name: 'hive_db_lane_oldest_waiter_seconds',
    type: 'gauge',
    help: 'How long the first write in the lane has been waiting.',
    read: ({ lane }) => lane.oldestWaitMs / 1_000,
  },
  {
    name: 'hive_db_lane_groups_total',
    type: 'counter',
    help: 'Transactions that were committed for writes of the lane.',
    read: ({ lane }) => lane.work.groups,
  },
  {
    name: 'hive_db_lane_writes_total',
    type: 'counter',
    help: 'Writes that were committed in them.',
    read: ({ lane }) => lane.work.members,
  },
  {
    name: 'hive_db_lane_commit_seconds',
    type: 'histogram',
    help: 'How long such a transaction took, from BEGIN until it lasts as the durability says.',
    read: ({ lane }) => lane.work.commitTime,
  },
  {
    name: 'hive_db_turns_total',
    type: 'counter',
    help: 'Turns to write, by how they were had.',
    by: 'kind',
    read: ({ turns }) => turns && { each: { granted: turns.granted, polled: turns.polled } },
  },
  {
    name: 'hive_db_turns_mode',
    type: 'gauge',
    help: 'How turns to write are had among the processes of this host: 1 for the mode in force, 0 for the others.',
    by: 'mode',
    read: ({ turns }) => turns && { each: { alone: 0, arbiter: 0, polling: 0, [turns.mode]: 1 } },
  },
  {
    name: 'hive_db_turns_waiting',
    type: 'gauge',
    help: 'Callers of this process that wait for a turn.',
    read: ({ turns }) => turns?.waiting,
  },
  {
    name: 'hive_db_turns_oldest_waiter_seconds',
    type: 'gauge',
    help: 'How long the first of them has been waiting.',
    read: ({ turns }) => turns && turns.oldestWaitMs / 1_000,
  },
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
  {
    name: 'hive_db_sqlite_db_size_bytes',
    type: 'gauge',
    help: 'Size of the database file.',
    read: ({ fileBytes }) => fileBytes,
  },
  {
    name: 'hive_db_sqlite_wal_size_bytes',
    type: 'gauge',
    help: 'Size of the write-ahead log beside the database file.',
    read: ({ walBytes }) => walBytes,
  },
  {
    name: 'hive_db_sqlite_wal_frames',
    type: 'gauge',
    help: 'Frames in the write-ahead log, by whether they are in the database file too, when the thread that checkpoints last looked.',
    by: 'state',
    read: ({ checkpoints: { frames, backfilledFrames = 0 } = {} }) =>
      frames === undefined ? undefined : { each: { backfilled: backfilledFrames, waiting: frames - backfilledFrames } },
  },
  {
    name: 'hive_db_sqlite_wal_pinned_seconds',
    type: 'gauge',
    help: 'For how long a reader has kept the log from getting shorter; 0 while none does.',
    read: ({ checkpoints }) => checkpoints && (checkpoints.pinned?.forMs ?? 0) / 1_000,
  },
  {
    name: 'hive_db_sqlite_checkpoints_total',
    type: 'counter',
    help: 'Checkpoints by the thread of this process, by how they were done; elsewhere: another process was at it.',
    by: 'result',
    read: ({ checkpoints }) => {
      if (checkpoints === undefined) return undefined;
      const { passive, restart, elsewhere, failures } = checkpoints.counters;
      return { each: { passive, restart, elsewhere, failed: failures } };
    },
  },
  {
    name: 'hive_db_sqlite_checkpoints_blocked_total',
    type: 'counter',
    help: 'Checkpoints that a reader let come only so far.',
    read: ({ checkpoints }) => checkpoints?.counters.blocked,
  },
  {
    name: 'hive_db_sqlite_checkpoint_pauses_total',
    type: 'counter',
    help: 'How often the writers of this process were asked to wait so that the log could be begun anew.',
    read: ({ checkpoints }) => checkpoints?.counters.pauses,
  },
  {
    name: 'hive_db_sqlite_checkpoint_seconds',
    type: 'gauge',
    help: 'How long the last checkpoint of the thread took.',
    read: ({ checkpoints }) => checkpoints?.last && checkpoints.last.ms / 1_000,
  },
];

/** One value for each budget; undefined where nobody shares the connections. */
function ofBudgets(
  { pool: { budgets } }: DatabaseSnapshot,
  read: (budget: NonNullable<DatabaseSnapshot['pool']['budgets']>[number]) => number,
): Values | undefined {
  return budgets && { each: Object.fromEntries(budgets.map((budget) => [budget.name, read(budget)])) };
}

function familyOf(
  { name, type, help, by = '', read }: DatabaseMetric,
  databases: ServiceSnapshot['databases'],
): Family {
  const key = name.startsWith('db_client_') ? POOL_NAME : 'database';
  const series = databases.flatMap((database): Series[] => {
    const labels = { [key]: database.name };
    const value = read(database);
    if (value === undefined) return [];
    if (typeof value === 'number' || !('each' in value)) return [{ labels, value }];
    return Object.entries(value.each).map(([word, part]) => ({ labels: { ...labels, [by]: word }, value: part }));
  });
  return { name, type, help, series };
}

function serviceFamilies(snapshot: ServiceSnapshot): Family[] {
  const { app, uptimeMs, closing, eventLoop, warnings, offload, fallbacks, deprecations } = snapshot;
  return [
    gauge('hive_db_service_info', 'The service of this process; always 1.', [{ labels: { app }, value: 1 }]),
    gauge('hive_db_service_uptime_seconds', 'How long the service has been open.', [
      { labels: {}, value: uptimeMs / 1_000 },
    ]),
    gauge('hive_db_service_event_loop_blocked_seconds', 'For how long the event loop of the process has not turned.', [
      { labels: {}, value: eventLoop.blockedMs / 1_000 },
    ]),
    gauge('hive_db_service_closing', 'Whether the service is closing.', [{ labels: {}, value: closing ? 1 : 0 }]),
    gauge('hive_db_service_warnings', 'Things about the process that are not as they should be.', [
      { labels: {}, value: warnings.length },
    ]),
    ...offloadFamilies(offload),
    gauge(
      'hive_db_fallback_active',
      'Databases whose adapter works on direct connections; always 1.',
      Array.from(new Set(fallbacks.map(({ database }) => database)), (database) => ({
        labels: { database },
        value: 1,
      })),
    ),
    {
      name: 'hive_db_deprecated_api_calls_total',
      type: 'counter',
      help: 'Calls of deprecated APIs, by their code.',
      series: deprecations.map(({ code, calls }) => ({ labels: { code }, value: calls })),
    },
  ];
}

/** What reads beside the main thread: threads and processes apart. */
function offloadFamilies({ threads, processes }: OffloadSnapshot): Family[] {
  const of = (read: (crew: OffloadCrewSnapshot) => Readonly<Record<string, number>>, by: string): Series[] =>
    Object.entries({ thread: threads, process: processes }).flatMap(([isolation, crew]) =>
      Object.entries(read(crew)).map(([word, value]) => ({
        labels: { isolation, ...(by === '' ? {} : { [by]: word }) },
        value,
      })),
    );
  return [
    gauge(
      'hive_db_offload_workers',
      'Threads and processes that read, by what they do; one that is stuck runs a statement that nobody waits for.',
      of(({ live, busy, stuck }) => ({ idle: live - busy, busy: busy - stuck, stuck }), 'state'),
    ),
    gauge(
      'hive_db_offload_waiting',
      'Reads that wait for one of them.',
      of(({ queued }) => ({ queued }), ''),
    ),
    {
      name: 'hive_db_offload_reads_total',
      type: 'counter',
      help: 'Reads in threads and processes, by how they ended.',
      series: of(
        ({ counters: { done, failed, released, refused } }) => ({ done, failed, released, refused }),
        'result',
      ),
    },
    {
      name: 'hive_db_offload_time_seconds_total',
      type: 'counter',
      help: 'How long statements took there, in all.',
      series: of(({ counters }) => ({ time: counters.busyMs / 1_000 }), ''),
    },
    {
      name: 'hive_db_offload_crashes_total',
      type: 'counter',
      help: 'How often one of them ended by itself.',
      series: of(({ counters }) => ({ crashes: counters.crashes }), ''),
    },
  ];
}

function gauge(name: string, help: string, series: readonly Series[]): Family {
  return { name, type: 'gauge', help, series };
}

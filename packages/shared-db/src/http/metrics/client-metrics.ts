import type { DatabaseMetric } from './database-metric.ts';

/** The pool of connections that read, in the words of OpenTelemetry for clients of databases. */
export const clientMetrics: readonly DatabaseMetric[] = [
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
];

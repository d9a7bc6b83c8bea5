import type { DatabaseMetric } from './database-metric.ts';

/** Whether a database is of use. */
export const stateMetrics: readonly DatabaseMetric[] = [
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
];

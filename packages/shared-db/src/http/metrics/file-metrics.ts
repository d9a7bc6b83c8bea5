import type { DatabaseMetric } from './database-metric.ts';

/** The files of a database on SQLite, and how its log is kept short. */
export const fileMetrics: readonly DatabaseMetric[] = [
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

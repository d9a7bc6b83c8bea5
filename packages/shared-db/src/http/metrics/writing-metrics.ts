import type { DatabaseMetric } from './database-metric.ts';

/** Where writes wait: in the lane of their process, and for its turn among processes. */
export const writingMetrics: readonly DatabaseMetric[] = [
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
    help: 'How long commits took until they last as the durability says: of such transactions from BEGIN, of others from COMMIT.',
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
];

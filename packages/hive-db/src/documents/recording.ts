import type { DatabaseRecording } from '@hive/shared-db/presence';
import type { Recorded, RecordingInquiry } from '../inquiry.ts';
import { moment, unansweredOf, type Unanswered } from './process.ts';

/** `record`, hive-db/recording/v1: what the processes were like over the last minutes, in columns of one value a step. */
export interface RecordingDocument extends Unanswered {
  readonly schema: 'hive-db/recording/v1';
  readonly processes: readonly RecordedProcess[];
}

export interface RecordedProcess {
  readonly pid: number;
  readonly app: string;
  readonly started_at: string | null;
  readonly step_seconds: number;
  /** When each step was, the oldest first. Every other column has as many values. */
  readonly at: readonly (string | null)[];
  /** The longest time without a turn of the event loop before the step; 0 below half a second. */
  readonly event_loop_blocked_seconds: readonly number[];
  readonly memory_bytes: readonly number[];
  readonly databases: readonly RecordedDatabase[];
  /** How many databases the process has beyond those that it records. */
  readonly unrecorded_databases: number;
}

/** A column of values for each figure: null where it was not known at that step. */
export type RecordedDatabase = { readonly name: string } & Readonly<Record<RecordedFigure, Column>>;

export type Column = readonly (number | null)[];

/** Gauges, and three counters of everything since the database was named: `calls`, `errors` and `busy`. */
export const RECORDED_FIGURES = [
  'pool_in_use',
  'pool_idle',
  'pool_waiting',
  'lane_waiting',
  'lane_running',
  'oldest_wait_seconds',
  'calls',
  'errors',
  'busy',
  'wal_size_bytes',
] as const;
export type RecordedFigure = (typeof RECORDED_FIGURES)[number];

export function recordingOf(inquiry: RecordingInquiry): RecordingDocument {
  return {
    schema: 'hive-db/recording/v1',
    processes: inquiry.answered.map((process) => recordingOfProcess(process)),
    ...unansweredOf(inquiry),
  };
}

function recordingOfProcess({ pid, recording }: Recorded): RecordedProcess {
  return {
    pid,
    app: recording.app,
    started_at: moment(recording.startedAt),
    step_seconds: recording.stepMs / 1_000,
    at: recording.at.map((ms) => moment(ms)),
    event_loop_blocked_seconds: recording.blockedMs.map((ms) => ms / 1_000),
    memory_bytes: recording.memoryBytes,
    databases: recording.databases.map((database) => recordingOfDatabase(database)),
    unrecorded_databases: recording.unrecorded,
  };
}

function recordingOfDatabase({ name, figures }: DatabaseRecording): RecordedDatabase {
  return {
    name,
    pool_in_use: figures.poolInUse,
    pool_idle: figures.poolIdle,
    pool_waiting: figures.poolWaiting,
    lane_waiting: figures.laneWaiting,
    lane_running: figures.laneRunning,
    oldest_wait_seconds: figures.oldestWaitMs.map((ms) => (ms === null ? null : ms / 1_000)),
    calls: figures.calls,
    errors: figures.errors,
    busy: figures.busy,
    wal_size_bytes: figures.walBytes,
  };
}

import { misfit, type Shape } from '@hive/shared-db/presence';
import type { Unreachable } from '../inquiry.ts';
import { RECORDED_FIGURES, type RecordedDatabase, type RecordedProcess, type RecordingDocument } from './recording.ts';

const column = { each: { nullable: 'number' } } as const;

const database: Shape<RecordedDatabase> = {
  fields: {
    name: 'string',
    pool_in_use: column,
    pool_idle: column,
    pool_waiting: column,
    lane_waiting: column,
    lane_running: column,
    oldest_wait_seconds: column,
    calls: column,
    errors: column,
    busy: column,
    wal_size_bytes: column,
  },
};

const process: Shape<RecordedProcess> = {
  fields: {
    pid: 'number',
    app: 'string',
    started_at: { nullable: 'string' },
    step_seconds: 'number',
    at: { each: { nullable: 'string' } },
    event_loop_blocked_seconds: { each: 'number' },
    memory_bytes: { each: 'number' },
    databases: { each: database },
    unrecorded_databases: 'number',
  },
};

const unreachable: Shape<Unreachable> = {
  fields: { pid: 'number', state: { oneOf: { silent: true, refused: true, rubbish: true } }, reason: 'string' },
};

const shape: Shape<RecordingDocument> = {
  fields: {
    schema: { oneOf: { 'hive-db/recording/v1': true } },
    processes: { each: process },
    unreachable: { optional: { each: unreachable } },
  },
};

/** Why a value is no recording, as a sentence of our own words; undefined where it is one. */
export function recordingMisfit(value: unknown): string | undefined {
  const fault = misfit<RecordingDocument>(value, shape, 'the document');
  if (fault !== undefined) return fault;
  const { processes } = value as RecordingDocument;
  const uneven = processes.findIndex((one) => columnsOf(one).some(({ length }) => length !== one.at.length));
  return uneven < 0 ? undefined : `the columns of the document.processes[${uneven}] are not even`;
}

function columnsOf(one: RecordedProcess): readonly (readonly unknown[])[] {
  const figures = one.databases.flatMap((each) => RECORDED_FIGURES.map((figure) => each[figure]));
  return [one.event_loop_blocked_seconds, one.memory_bytes, ...figures];
}

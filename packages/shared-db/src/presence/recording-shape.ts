import { FIGURES, type DatabaseRecording, type Recording } from './recording.ts';
import { misfit, type Shape } from './shape.ts';

const column = { each: { nullable: 'number' } } as const;

const database: Shape<DatabaseRecording> = {
  fields: {
    name: 'string',
    figures: {
      fields: {
        poolInUse: column,
        poolIdle: column,
        poolWaiting: column,
        laneWaiting: column,
        laneRunning: column,
        oldestWaitMs: column,
        calls: column,
        errors: column,
        busy: column,
        walBytes: column,
      },
    },
  },
};

const shape: Shape<Recording> = {
  fields: {
    app: 'string',
    pid: 'number',
    startedAt: 'number',
    stepMs: 'number',
    at: { each: 'number' },
    blockedMs: { each: 'number' },
    memoryBytes: { each: 'number' },
    databases: { each: database },
    unrecorded: 'number',
  },
};

/** Why a value is no recording, as a sentence of our own words; undefined where it is one. */
export function recordingMisfit(value: unknown): string | undefined {
  return misfit<Recording>(value, shape, 'recording') ?? unevenness(value as Recording);
}

function unevenness({ at, blockedMs, memoryBytes, databases }: Recording): string | undefined {
  const columns = [blockedMs, memoryBytes, ...databases.flatMap(({ figures }) => FIGURES.map((key) => figures[key]))];
  return columns.every(({ length }) => length === at.length) ? undefined : 'the columns of the recording are not even';
}

import { join } from 'node:path';
import {
  decodeAnswer,
  encodeAnswer,
  FIGURES,
  FlightRecorder,
  listProcesses,
  listRecordings,
  startPresence,
  type Recording,
} from '@hive/shared-db/presence';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serving } from '../support/conversation.ts';
import { startNeighbour } from '../support/neighbour.ts';
import { replay } from '../support/replay.ts';
import { healthyDatabase, healthyService } from '../support/snapshots.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';

let place: TemporaryDirectory;
beforeEach(() => {
  place = temporaryDirectory();
});
afterEach(() => {
  place[Symbol.dispose]();
});

const STEPS = 900;
const MOST_DATABASES = 32;
const VALUE_BYTES = 8;

/** A recording of so many steps, each a second after the other. */
function recordingOf(steps: number): Recording {
  const recorder = new FlightRecorder();
  for (let step = 0; step < steps; step++) record(recorder, step);
  return recorder.recording(healthyService());
}

function record(recorder: FlightRecorder, step: number): void {
  const databases = [healthyDatabase({ counters: { busy: step } })];
  recorder.record({ at: step * 1_000, blockedMs: step, memoryBytes: 1e8 + step }, healthyService({ databases }));
}

/** What the only process there has recorded so far. */
async function recorded(): Promise<Recording | undefined> {
  const [report] = await listRecordings({ directory: join(place.path, 'run'), timeoutMs: 10_000 });
  return report?.state === 'answered' ? report.recording : undefined;
}

describe('a flight recorder', () => {
  it('keeps the figures of every step and every database', () => {
    const recorder = new FlightRecorder();
    const busy = healthyDatabase({
      pool: { leased: 3, idle: 1, waiting: 2, oldestWaitMs: 250.4 },
      lane: { waiting: 5, running: 1, oldestWaitMs: 900.6 },
      counters: {
        reads: 1,
        synchronousReads: 10,
        writes: 100,
        transactions: 1_000,
        sessions: 10_000,
        busy: 7,
        errors: { HIVEDB_E_SQL: 2, HIVEDB_E_BUSY_TIMEOUT: 3 },
      },
      walBytes: 4_096,
    });
    recorder.record({ at: 1_000, blockedMs: 700, memoryBytes: 5e7 }, healthyService({ databases: [busy] }));
    expect(recorder.recording(healthyService())).toEqual({
      app: 'shop',
      pid: 4711,
      startedAt: healthyService().startedAt,
      stepMs: 1_000,
      at: [1_000],
      blockedMs: [700],
      memoryBytes: [5e7],
      databases: [
        {
          name: 'orders',
          figures: {
            poolInUse: [3],
            poolIdle: [1],
            poolWaiting: [2],
            laneWaiting: [5],
            laneRunning: [1],
            oldestWaitMs: [901],
            calls: [11_111],
            errors: [5],
            busy: [7],
            walBytes: [4_096],
          },
        },
      ],
      unrecorded: 0,
    });
  });

  it('has null for what was not known, and for a database that was not there', () => {
    const recorder = new FlightRecorder();
    const step = { at: 0, blockedMs: 0, memoryBytes: 0 };
    recorder.record(step, healthyService({ databases: [healthyDatabase({ walBytes: undefined })] }));
    recorder.record(step, healthyService({ databases: [] }));
    recorder.record(step, healthyService({ databases: [healthyDatabase({ name: 'late' })] }));
    const { databases } = recorder.recording(healthyService({ databases: [] }));
    expect(databases.map(({ name, figures }) => [name, figures.walBytes, figures.poolInUse])).toEqual([
      ['orders', [null, null, null], [1, null, null]],
      ['late', [null, null, 32_768], [null, null, 1]],
    ]);
  });

  it('does not keep what is older than that for a database that has gone', () => {
    const recorder = new FlightRecorder();
    for (let step = 0; step < STEPS; step++) record(recorder, step);
    recorder.record({ at: 0, blockedMs: 0, memoryBytes: 0 }, healthyService({ databases: [] }));
    expect(recorder.recording(healthyService()).databases[0]?.figures.busy.slice(-2)).toEqual([STEPS - 1, null]);
  });

  it('keeps the last quarter of an hour in order, however long it has run', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 * STEPS + 1 }), (steps) => {
        const expected = Array.from({ length: steps }, (_, step) => step).slice(-STEPS);
        const { at, blockedMs, memoryBytes, databases } = recordingOf(steps);
        expect(at).toEqual(expected.map((step) => step * 1_000));
        expect(blockedMs).toEqual(expected);
        expect(memoryBytes).toEqual(expected.map((step) => 1e8 + step));
        expect(databases[0]?.figures.busy ?? []).toEqual(expected);
      }),
      replay({ numRuns: 30, examples: [[STEPS], [STEPS + 1], [2 * STEPS]] }),
    );
  });

  it('takes no more memory than it says, however many databases there are and however long it runs', () => {
    const databases = Array.from({ length: 100 }, (_, index) => healthyDatabase({ name: `db-${index}` }));
    const service = healthyService({ databases });
    const recorder = new FlightRecorder();
    const step = { at: 0, blockedMs: 0, memoryBytes: 0 };
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 3 * STEPS; round++) recorder.record(step, service);
    const taken = process.memoryUsage().arrayBuffers - before;
    expect(taken).toBeLessThanOrEqual((MOST_DATABASES * FIGURES.length + 3) * STEPS * VALUE_BYTES);
    const recording = recorder.recording(service);
    expect([recording.databases.length, recording.unrecorded]).toEqual([MOST_DATABASES, 68]);
  });
});

describe('a recording', () => {
  it('arrives as it was sent, in one line', () => {
    const recording = recordingOf(1_000);
    const line = encodeAnswer({ kind: 'recording', recording });
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(decodeAnswer(Buffer.from(line))).toEqual({ kind: 'recording', recording });
  });

  it.each([
    [{ app: 7 }, 'recording.app is not a string'],
    [{ at: [0, '1'] }, 'recording.at[1] is not a number'],
    [{ at: [0, null] }, 'recording.at[1] is not a number'],
    [{ at: [0] }, 'the columns of the recording are not even'],
    [{ blockedMs: [] }, 'the columns of the recording are not even'],
    [{ databases: [{ name: 'x', figures: {} }] }, 'recording.databases[0].figures.poolInUse is not a list'],
    [{ databases: 'all' }, 'recording.databases is not a list'],
  ])('is rubbish with %j', (change, reason) => {
    const recording = { ...recordingOf(2), ...change };
    const line = JSON.stringify({ schema: 'hive-db/answer/v1', ok: true, recording });
    expect(decodeAnswer(Buffer.from(line))).toEqual({ kind: 'rubbish', reason });
  });

  it('is rubbish where a column of a database is shorter than the others', () => {
    const line = encodeAnswer({ kind: 'recording', recording: recordingOf(3) });
    expect(decodeAnswer(Buffer.from(line.replace('"busy":[0,1,2]', '"busy":[0,1]')))).toEqual({
      kind: 'rubbish',
      reason: 'the columns of the recording are not even',
    });
  });

  it('is refused by a process that has none', async () => {
    using _presence = await startPresence({ directory: place.path, describe: () => healthyService() });
    expect(await listRecordings({ directory: place.path })).toMatchObject([
      { state: 'refused', reason: 'the process keeps no recording of itself' },
    ]);
  });

  it('is not taken for a snapshot, nor a snapshot for a recording', async () => {
    const says = (text: string) => serving(join(place.path, 'process-7-1.sock'), (socket) => socket.end(text));
    const other = { pid: 7, state: 'rubbish', reason: 'it answered another question' };
    {
      await using _server = await says(encodeAnswer({ kind: 'recording', recording: recordingOf(1) }));
      expect(await listProcesses({ directory: place.path })).toEqual([other]);
    }
    await using _server = await says(encodeAnswer({ kind: 'snapshot', snapshot: healthyService() }));
    expect(await listRecordings({ directory: place.path })).toEqual([other]);
  });
});

describe('a real process', () => {
  const SERVICE = `
    import { openDatabaseService, sqlite } from '@hive/shared-db';
    const [directory] = process.argv.slice(-1);
    const migrations = [{ id: 1, name: 'a', sql: 'CREATE TABLE a (x INTEGER)' }];
    const service = await openDatabaseService({
      app: 'shop',
      runtimeDirectory: directory + '/run',
      databases: { orders: sqlite({ path: directory + '/orders.db', migrations }) },
    });
    const orders = service.database('orders');
    console.log('ready');
  `;
  /** Stuck like one that computes, and leaves the processor to the other tests. */
  const STAND_STILL = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
  const LONG = { timeout: 20_000, interval: 100 };

  it('records itself, a step a second, while nobody looks', async () => {
    const program = `
      await orders.write('fill', (tx) => tx.run('INSERT INTO a VALUES (1)'));
      await orders.session('nightly import');
      process.stdin.ref();
    `;
    await using process = startNeighbour(SERVICE + program, place.path);
    await process.line();
    await expect.poll(async () => (await recorded())?.databases[0]?.figures.poolInUse.at(-1), LONG).toBe(1);
    await expect.poll(async () => (await recorded())?.at.length, LONG).toBeGreaterThanOrEqual(3);
    const recording = await recorded();
    expect(recording).toMatchObject({ app: 'shop', pid: process.pid, stepMs: 1_000, unrecorded: 0 });
    expect(recording?.databases).toMatchObject([{ name: 'orders' }]);
    expect(recording?.databases[0]?.figures.calls.at(-1)).toBe(2);
    expect(recording?.memoryBytes.every((bytes) => bytes > 1e7)).toBe(true);
    const steps = recording?.at.slice(1).map((at, index) => at - (recording.at[index] ?? 0)) ?? [];
    expect(steps.every((ms) => ms >= 900)).toBe(true);
  });

  it('records also for how long its main thread was stuck, while it is', async () => {
    await using process = startNeighbour(`${SERVICE} ${STAND_STILL}`, place.path);
    await process.line();
    await expect
      .poll(async () => Math.max(...((await recorded())?.blockedMs ?? [])), LONG)
      .toBeGreaterThanOrEqual(2_000);
    const { blockedMs = [] } = (await recorded()) ?? {};
    // It grows from step to step for as long as it lasts.
    const stuck = blockedMs.slice(blockedMs.findIndex((ms) => ms > 0));
    expect(stuck).toEqual(stuck.toSorted((a, b) => a - b));
  });
});

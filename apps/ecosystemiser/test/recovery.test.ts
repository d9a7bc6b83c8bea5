import { mkdirSync } from 'node:fs';
import { systemClock, type SqliteDatabase } from '@hive/shared-db';
import { openDirect } from '@hive/shared-db/direct';
import { temporaryDirectory, type TemporaryDirectory } from '@hive/shared-db/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSeattleYear } from '../src/climate/climate-year.ts';
import { schema } from '../src/db/schema.ts';
import { systemIo } from '../src/main.ts';
import { defaultStudies } from '../src/study/default-studies.ts';
import { runStudy } from '../src/study/run-study.ts';
import { ServeProcess } from './support/command.ts';
import { Requester } from './support/requester.ts';
import { shippedLibrary } from './support/shipped-library.ts';
import { asStored, storedStudies } from './support/stored-study.ts';

const year = await loadSeattleYear();
const clean = runStudy(defaultStudies[1]!, shippedLibrary, year);
const HELD_MS = 60_000;

let directory: TemporaryDirectory;
let data: string;
let requester: Requester;

beforeEach(async () => {
  directory = temporaryDirectory();
  data = directory.file('data');
  mkdirSync(data);
  requester = await Requester.open(data);
});

afterEach(async () => {
  await requester[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const start = (): ServeProcess => new ServeProcess(data, { cwd: directory.path });

/** Another process's write lock, as far as `serve` can tell: while it is held no study can be stored. Resolves when it is held. */
async function holdTheLock(database: SqliteDatabase): Promise<() => Promise<void>> {
  const held = Promise.withResolvers<void>();
  const letGo = Promise.withResolvers<void>();
  const limits = { limitMs: HELD_MS, idleLimitMs: HELD_MS };
  const done = database.transaction('hold the lock', () => (held.resolve(), letGo.promise), limits);
  await held.promise;
  return async () => {
    letGo.resolve();
    await done;
  };
}

/** `serve` in the middle of a study, which goes on only as long as `work` runs. */
async function duringAStudy(work: (serve: ServeProcess) => Promise<void>): Promise<void> {
  await using serve = start();
  await serve.said('ready for studies');
  await using database = await openDirect({
    name: 'ecosystemiser',
    path: `${data}/ecosystemiser.db`,
    migrations: schema,
  });
  const letGo = await holdTheLock(database);
  await requester.ask('t1', 'detached-pv');
  await serve.said('study begins', { task: 't1' });
  await work(serve);
  await serve.ended;
  await letGo();
}

describe('recovery', () => {
  it('a study whose process was killed is computed by the next one, as if nothing had happened', async () => {
    await duringAStudy(async (serve) => {
      serve.kill('SIGKILL');
      expect(await serve.ended).toEqual({ code: null, signal: 'SIGKILL' });
    });
    expect((await storedStudies(data)).size).toBe(0);

    await using serve = start();
    expect((await requester.answerTo('t1')).payload).toEqual({ taskId: 't1', attempt: 1, summary: clean.summary });
    expect(await storedStudies(data)).toEqual(new Map([['t1', asStored(clean)]]));
    serve.kill('SIGTERM');
    expect(await serve.ended).toEqual({ code: 0, signal: null });
  });

  it('a request that was published while nobody served is handled at the next start', async () => {
    await requester.ask('t1', 'detached-pv');
    await using _serve = start();
    expect((await requester.answerTo('t1')).topic).toBe('study.finished');
  });
});

describe('Ctrl-C', () => {
  it('during a study ends the process within 5 s with nothing half, and the next start goes on', async () => {
    await duringAStudy(async (serve) => {
      const asked = performance.now();
      serve.kill('SIGINT');
      expect(await serve.ended).toEqual({ code: 0, signal: null });
      expect(performance.now() - asked).toBeLessThan(5_000);
      // It was given back, not left to run out, and is nobody's failure.
      const place = requester.bus.readSync('place', (c) =>
        c.get<{ attempts: number; free: number }>(
          `SELECT attempts, free_at <= ? AS free FROM consumers WHERE consumer = 'ecosystemiser'`,
          systemClock.wallTime(),
        ),
      );
      expect(place).toEqual({ attempts: 0, free: 1 });
    });
    expect((await storedStudies(data)).size).toBe(0);

    await using _serve = start();
    expect((await requester.answerTo('t1')).payload).toMatchObject({ summary: clean.summary });
    expect(await storedStudies(data)).toEqual(new Map([['t1', asStored(clean)]]));
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('and nothing to do: %s ends the process with exit code 0', async (signal) => {
    await using serve = start();
    await serve.said('ready for studies');
    serve.kill(signal);
    expect(await serve.ended).toEqual({ code: 0, signal: null });
  });

  it('a second time ends the process at once', async () => {
    await duringAStudy(async (serve) => {
      // While the bus is locked, the first one cannot give the study back at once.
      const letGo = await holdTheLock(requester.bus);
      serve.kill('SIGINT');
      await serve.said('stopping');
      serve.kill('SIGINT');
      expect(await serve.ended).toEqual({ code: null, signal: 'SIGINT' });
      await letGo();
    });
  });

  it('is not needed when the process that started it is gone', async () => {
    await using serve = new ServeProcess(data, { cwd: directory.path, ipc: true });
    await serve.said('ready for studies');
    serve.disconnect();
    expect(await serve.ended).toEqual({ code: 0, signal: null });
  });

  it('is not needed when that process was gone before this one listened', () => {
    const before = process.connected;
    try {
      process.connected = false;
      using interruption = systemIo().interruption();
      expect(interruption.signal.aborted).toBe(true);
    } finally {
      process.connected = before;
    }
  });
});

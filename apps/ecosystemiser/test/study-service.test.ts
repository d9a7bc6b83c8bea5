import { outboxMigrations } from '@hive/hive-bus';
import { systemClock, type Clock } from '@hive/shared-db';
import { temporaryDatabase, type TemporaryDatabase } from '@hive/shared-db/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSeattleYear } from '../src/climate/climate-year.ts';
import { schema } from '../src/db/schema.ts';
import { StudyRepository } from '../src/studies/study-repository.ts';
import { StudyService } from '../src/studies/study-service.ts';
import { defaultStudies } from '../src/study/default-studies.ts';
import { runStudy } from '../src/study/run-study.ts';
import { seriesNames } from '../src/study/study-series.ts';
import { listeningLogger, type Heard } from './support/heard.ts';
import { shippedLibrary } from './support/shipped-library.ts';

const year = await loadSeattleYear();
const [, spec] = defaultStudies;
const clean = runStudy(spec!, shippedLibrary, year);
const forever = new AbortController().signal;

let temporary: TemporaryDatabase;
let studies: StudyRepository;
let heard: Heard[];
let service: StudyService;

const serviceWith = (clock: Clock): StudyService => {
  const listening = listeningLogger();
  heard = listening.heard;
  const { database } = temporary;
  return new StudyService({ database, library: shippedLibrary, climate: year, logger: listening.logger, clock });
};

beforeEach(async () => {
  temporary = await temporaryDatabase({ migrations: schema });
  studies = new StudyRepository(temporary.database);
  service = serviceWith(systemClock);
});

afterEach(() => temporary[Symbol.asyncDispose]());

/** What waits to be sent. */
const answers = (): readonly unknown[] =>
  temporary.database
    .readSync('outbox', (c) =>
      c.all<{ topic: string; key: string; payload: string }>('SELECT topic, key, payload FROM _bus_outbox ORDER BY id'),
    )
    .map(({ topic, key, payload }) => ({ topic, key, payload: JSON.parse(payload) as unknown }));

const rows = (table: string): number =>
  temporary.database.readSync('rows', (c) => c.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))?.n ?? NaN;

/** A clock that aborts in a certain turn of the event loop between two slices. */
function abortingIn(turn: number): { readonly clock: Clock; readonly signal: AbortSignal } {
  const controller = new AbortController();
  let turns = 0;
  const nextTurn = (callback: () => void): void => {
    if (++turns === turn) controller.abort(new Error(`stopped in turn ${turn}`));
    systemClock.nextTurn(callback);
  };
  return { clock: { ...systemClock, nextTurn }, signal: controller.signal };
}

describe('a request', () => {
  it('by the name of a default study is computed, stored and answered', async () => {
    await service.handle({ taskId: 't1', attempt: 1, study: 'detached-pv' }, forever);
    expect(studies.find('t1')).toMatchObject({ id: 't1', name: 'detached-pv', summary: clean.summary });
    expect(answers()).toEqual([
      { topic: 'study.finished', key: 't1:1', payload: { taskId: 't1', attempt: 1, summary: clean.summary } },
    ]);
  });

  it('that brings a study along is computed as it says', async () => {
    const study = { ...spec!, name: 'mine', battery: { id: 'battery-lithium-home', capacityKwh: 10 } };
    await service.handle({ taskId: 't1', attempt: 1, study }, forever);
    expect(studies.find('t1')).toMatchObject({ name: 'mine', summary: runStudy(study, shippedLibrary, year).summary });
  });

  it('stores every hour of every series', async () => {
    await service.handle({ taskId: 't1', attempt: 1, study: 'detached-pv' }, forever);
    for (const name of seriesNames) {
      const stored = await studies.series('t1', name);
      expect(stored.map(({ value }) => value)).toEqual([...clean.series[name]]);
      expect(stored.map(({ startMs }) => startMs)).toEqual([...year.startMs]);
    }
  });

  it('lets the event loop have its turn after every slice of a week and every 250 hours stored', async () => {
    const { clock, signal } = abortingIn(Infinity);
    let turns = 0;
    const nextTurn = (callback: () => void): void => {
      turns++;
      clock.nextTurn(callback);
    };
    await serviceWith({ ...clock, nextTurn }).handle({ taskId: 't1', attempt: 1, study: 'detached-pv' }, signal);
    expect(turns).toBeGreaterThanOrEqual(54 + 36);
  });
});

describe('a request that was handled', () => {
  beforeEach(() => service.handle({ taskId: 't1', attempt: 1, study: 'detached-pv' }, forever));

  it('is answered again and not computed again', async () => {
    const before = studies.find('t1');
    await service.handle({ taskId: 't1', attempt: 2, study: 'detached-pv' }, forever);
    expect(studies.find('t1')).toEqual(before);
    expect(answers().at(-1)).toEqual({
      topic: 'study.finished',
      key: 't1:2',
      payload: { taskId: 't1', attempt: 2, summary: clean.summary },
    });
    expect(heard.filter(({ message }) => message === 'study begins')).toHaveLength(1);
  });

  it('twice at once is stored once and answered twice', async () => {
    const again = { taskId: 't2', attempt: 1, study: 'detached-pv' };
    await Promise.all([service.handle(again, forever), service.handle(again, forever)]);
    expect(rows('study_hours')).toBe(2 * 8759);
    expect(answers()).toHaveLength(3);
  });
});

describe('a request that cannot be computed', () => {
  it.each([
    [
      'an unknown name',
      'detached-pw',
      `task "t1": study: expected a study or one of detached-heat-pump, detached-pv, detached-pv-battery, street-community, found 'detached-pw'; did you mean "detached-pv"?`,
    ],
    ['nothing', undefined, 'task "t1": expected object, found nothing.'],
    ['a number', 7, 'task "t1": expected object, found 7.'],
    ['a mistyped key', { ...spec!, sight: {} }, `task "t1": expected only known keys, found 'sight'.`],
    [
      'an unknown component',
      { ...spec!, demand: { id: 'dwelling-flet', dwellings: 1 } },
      `study "detached-pv": demand.id: expected the id of a component of kind demand, found 'dwelling-flet'; did you mean "dwelling-flat"?`,
    ],
  ])('because of %s is answered with a sentence, once for all', async (_, study, error) => {
    await service.handle({ taskId: 't1', attempt: 3, study }, forever);
    const payload = { taskId: 't1', attempt: 3, error, retryable: false };
    expect(answers()).toEqual([{ topic: 'study.failed', key: 't1:3', payload }]);
    expect(rows('studies')).toBe(0);
  });

  it('because of a bug of ours is answered with it, and logged', async () => {
    const climate = { ...year, temperatureC: Array.from(year.temperatureC, () => NaN) };
    const { logger, heard: said } = listeningLogger();
    const broken = new StudyService({ database: temporary.database, library: shippedLibrary, climate, logger });
    await broken.handle({ taskId: 't1', attempt: 1, study: 'detached-pv' }, forever);
    expect(answers()).toMatchObject([
      { topic: 'study.failed', payload: { error: expect.stringMatching(/^BUG: hour 0/) } },
    ]);
    expect(said.map(({ level, message }) => [level, message])).toContainEqual(['error', 'a study met a bug']);
  });
});

describe('Ctrl-C during a study', () => {
  // 54 turns belong to computing, the rest to storing.
  it.each([1, 30, 54, 55, 70, 90])(
    'in turn %i leaves nothing half, and the study is computed at the next start',
    async (turn) => {
      const { clock, signal } = abortingIn(turn);
      const request = { taskId: 't1', attempt: 1, study: 'detached-pv' };
      await expect(serviceWith(clock).handle(request, signal)).rejects.toThrow(/stopped in turn|aborted/);
      expect({ studies: rows('studies'), hours: rows('study_hours'), answers: answers() }).toEqual({
        studies: 0,
        hours: 0,
        answers: [],
      });
      expect(temporary.database.leases()).toEqual([]);
      // Who is told to stop has met no bug.
      expect(heard.map(({ message }) => message)).toEqual(['study begins']);
      await service.handle(request, forever);
      expect(studies.find('t1')?.summary).toEqual(clean.summary);
    },
  );
});

describe('a database that fails', () => {
  it('when a study is stored makes the request fail, so that the bus brings it again', async () => {
    await using other = await temporaryDatabase({ migrations: outboxMigrations(1) });
    const { logger } = listeningLogger();
    const broken = new StudyService({ database: other.database, library: shippedLibrary, climate: year, logger });
    const attempt = broken.handle({ taskId: 't1', attempt: 1, study: 'detached-pv' }, forever);
    await expect(attempt).rejects.toMatchObject({ code: 'HIVEDB_E_SQL' });
  });
});

import { systemClock, type Clock } from '@hive/pool';
import { describe, expect, it } from 'vitest';
import type { DatabaseSnapshot } from '@hive/shared-db';
import type { TemporaryDatabase } from '@hive/shared-db/testing';
import { recordingLogger } from './support/recording-logger.ts';
import { rejectionOf } from './support/outcome.ts';
import { shop } from './support/shop.ts';

const INSERT = 'INSERT INTO item (name) VALUES (?)';

/** A clock that goes on by so much whenever it is read. */
function ticking(stepMs: number): Clock {
  let now = 0;
  return { ...systemClock, now: () => (now += stepMs) };
}

function snapshotOf({ service }: TemporaryDatabase): DatabaseSnapshot {
  const [database] = service.snapshot().databases;
  if (database === undefined) throw new Error('there is no database');
  return database;
}

describe('the statements of a database', () => {
  it('are counted by their text, on whichever connection they run, with the time that they take', async () => {
    await using temporary = await shop({ clock: ticking(3), thresholds: { slowStatementMs: 1_000 } });
    const { database } = temporary;
    for (const name of ['a', 'b', 'c']) await database.write('save', (tx) => tx.run(INSERT, name));
    await database.transaction('save', (tx) => tx.run(INSERT, 'd'));
    const count = 'SELECT count(*) FROM item';
    database.readSync('count', (c) => c.get(count));
    await database.read('count', (c) => c.get(count));
    const found = new Map(snapshotOf(temporary).statements.map((one) => [one.statement, one]));
    expect(found.get(INSERT)).toEqual({ statement: INSERT, runs: 4, sumMs: 12, maxMs: 3 });
    expect(found.get(count)).toEqual({ statement: count, runs: 2, sumMs: 6, maxMs: 3 });
    expect(found.get('COMMIT')?.runs).toBeGreaterThanOrEqual(4);
  });

  it('stand for one another in a dense stream, of which only some are timed', async () => {
    let readings = 0;
    const clock: Clock = { ...systemClock, now: () => ++readings / 1_000 };
    await using temporary = await shop({ clock });
    const before = readings;
    for (let run = 0; run < 1_600; run++) temporary.database.readSync('look', (c) => c.get('SELECT 7'));
    expect(readings - before).toBeLessThan(600);
    const found = snapshotOf(temporary).statements.find(({ statement }) => statement === 'SELECT 7');
    // Each takes a microsecond of this clock.
    expect(found?.runs).toBe(1_600);
    expect(found?.sumMs).toBeGreaterThan(1.5);
    expect(found?.sumMs).toBeLessThan(1.7);
  });

  it('are counted too when they fail, and an iteration once', async () => {
    await using temporary = await shop({ clock: ticking(3) });
    const { database } = temporary;
    const save = (): Promise<unknown> => database.write('save', (tx) => tx.run(INSERT, 'same'));
    await save();
    expect(await rejectionOf(save())).toMatchObject({ code: 'HIVEDB_E_CONSTRAINT' });
    const rows = 'SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3';
    expect(database.readSync('rows', (c) => [...c.iterate(rows)])).toHaveLength(3);
    const runs = Object.fromEntries(snapshotOf(temporary).statements.map(({ statement, runs: n }) => [statement, n]));
    expect(runs).toMatchObject({ [INSERT]: 2, [rows]: 1 });
  });

  it('are shown by the time that was spent on them, ten at most', async () => {
    await using temporary = await shop({ clock: ticking(1) });
    for (let width = 1; width <= 30; width++)
      for (let run = 0; run < width; run++) temporary.database.readSync('read', (c) => c.get(`SELECT ${width}`));
    const { statements } = snapshotOf(temporary);
    expect(statements.map(({ statement }) => statement)).toEqual(
      Array.from({ length: 10 }, (_, i) => `SELECT ${30 - i}`),
    );
  });

  it('are one when there are more texts than a thousand, and long ones are cut short', async () => {
    await using temporary = await shop({ clock: ticking(1) });
    temporary.database.readSync('read', (c) => {
      for (let i = 0; i < 1_100; i++) c.get(`SELECT ${i}`);
    });
    const { statements } = snapshotOf(temporary);
    expect(statements[0]?.statement).toBe('(other statements)');
    expect(statements[0]?.runs).toBeGreaterThanOrEqual(100);
    await using second = await shop({ clock: ticking(1) });
    second.database.readSync('read', (c) => c.get(`SELECT '${'x'.repeat(300)}'`));
    const texts = snapshotOf(second).statements.map(({ statement }) => statement);
    expect(texts.find((text) => text.startsWith("SELECT 'xxx"))).toBe(`SELECT '${'x'.repeat(191)}…`);
  });
});

describe('a statement that takes longer than the threshold', () => {
  it('is remembered with its label and without its values, newest first', async () => {
    await using temporary = await shop({ thresholds: { slowStatementMs: 5 } });
    const { database } = temporary;
    const slow =
      'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT count(*), ? FROM c';
    database.readSync('first look', (c) => c.get(slow, 1_000_000, 'hunter2'));
    await database.read('second look', (c) => c.get(slow, 1_000_000, 'hunter2'));
    // On a busy machine anything may be slow.
    const found = snapshotOf(temporary).slowStatements.filter(({ statement }) => statement === slow);
    expect(found.map(({ label }) => label)).toEqual(['second look', 'first look']);
    for (const { ms, at } of found) {
      expect(ms).toBeGreaterThanOrEqual(5);
      expect(Math.abs(Date.now() - at)).toBeLessThan(60_000);
    }
    expect(JSON.stringify(snapshotOf(temporary).slowStatements)).not.toContain('hunter2');
  });

  it('is said in the log once a second at most, with how many were not', async () => {
    const logger = recordingLogger();
    await using temporary = await shop({ clock: ticking(60), logger, thresholds: { slowStatementMs: 50 } });
    const said = (): readonly string[] => logger.said('warn').filter((line) => line.startsWith('a statement took'));
    // What opening ran has been said already.
    const before = said().length;
    for (let i = 0; i < 40; i++) temporary.database.readSync('look', (c) => c.get('SELECT 1'));
    expect(snapshotOf(temporary).slowRuns).toBeGreaterThanOrEqual(40);
    const lines = said().slice(before);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.length).toBeLessThan(20);
    expect(lines.at(-1)).toMatch(/^a statement took 60 ms, after \d+ more that were not said$/u);
    expect(logger.lines.findLast(({ message }) => message === lines.at(-1))?.fields).toEqual({
      database: 'test',
      label: 'look',
      statement: 'SELECT 1',
      ms: 60,
    });
  });

  it('is one of ten that are remembered, and all are counted', async () => {
    await using temporary = await shop({ clock: ticking(60), thresholds: { slowStatementMs: 50 } });
    for (let i = 0; i < 50; i++) temporary.database.readSync(`look ${i}`, (c) => c.get('SELECT 1'));
    const { slowStatements, slowRuns } = snapshotOf(temporary);
    expect(slowStatements.map(({ label }) => label)).toEqual(Array.from({ length: 10 }, (_, i) => `look ${49 - i}`));
    expect(slowRuns).toBeGreaterThanOrEqual(50);
  });
});

describe('the time of a label', () => {
  it('counts from the call to its end, whatever kind of call it is, and however it ends', async () => {
    await using temporary = await shop({ clock: ticking(1) });
    const { database, service } = temporary;
    const mine = new Error('mine');
    const fail = (): never => {
      throw mine;
    };
    await database.write('write', () => 1);
    await database.read('read', () => Promise.resolve());
    await database.transaction('transaction', () => Promise.resolve());
    database.readSync('readSync', () => 1);
    for (const use of [
      database.write('failed write', fail),
      database.read('failed read', async () => Promise.reject(mine)),
      database.transaction('failed transaction', async () => Promise.reject(mine)),
    ])
      expect(await rejectionOf(use)).toBe(mine);
    expect(() => database.readSync('failed readSync', fail)).toThrow(mine);
    const { labels } = service.snapshot();
    for (const kind of ['write', 'read', 'transaction', 'readSync'])
      for (const label of [kind, `failed ${kind}`]) {
        const found = labels.find((one) => one.label === label);
        expect(found).toMatchObject({ label, calls: 1, failures: label === kind ? 0 : 1 });
        expect(found?.sumMs).toBeGreaterThanOrEqual(1);
        expect(found?.maxMs).toBe(found?.sumMs);
      }
  });
});

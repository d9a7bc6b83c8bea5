import { describe, expect, it } from 'vitest';
import type { Database } from '@hive/shared-db';
import { fakeDatabase, passUntilSettled } from '../support/fake-database.ts';
import { rejectionOf } from '../support/outcome.ts';

const three = (database: Database): Promise<unknown> =>
  Promise.all(['1', '2', '3'].map((text) => database.transaction('write', (tx) => tx.run(text))));

describe('a driver with many writers', () => {
  it('runs transactions side by side, on the connections that read as well', async () => {
    await using fake = await fakeDatabase({ poolSize: 3 });
    const { driver, clock, database } = fake;
    driver.delay('statement', 100);
    const begin = clock.now();
    const all = three(database);
    await passUntilSettled(clock, all);
    expect(clock.now() - begin).toBeLessThan(200);
    expect(driver.committed).toHaveLength(3);
    expect(database.snapshot()).toMatchObject({ lane: { waiting: 0, running: 0, oldestWaitMs: 0 }, pool: { live: 3 } });
    expect(new Set(driver.connections.map(({ access }) => access))).toEqual(new Set(['write']));
  });

  it('does not let a read write', async () => {
    await using fake = await fakeDatabase();
    const { driver, database } = fake;
    expect(await rejectionOf(database.read('sneak', (c) => c.run('INSERT 1')))).toMatchObject({
      code: 'HIVEDB_E_READ_ONLY',
    });
    expect(driver.committed).toEqual([]);
  });
});

describe('a driver with a single writer', () => {
  it('runs one transaction after another, and reads beside them', async () => {
    await using fake = await fakeDatabase({ singleWriter: true, poolSize: 3 });
    const { driver, clock, database } = fake;
    driver.delay('statement', 100);
    const begin = clock.now();
    const all = three(database);
    const read = database.read('beside', (c) => c.get('SELECT 1'));
    await clock.advance(50);
    expect(database.snapshot().lane).toMatchObject({ waiting: 2, running: 1, oldestWaitMs: 50 });
    await passUntilSettled(clock, read);
    expect(clock.now() - begin).toBeLessThan(150);
    await passUntilSettled(clock, all);
    expect(clock.now() - begin).toBeGreaterThanOrEqual(300);
    expect(driver.committed).toEqual(['1', '2', '3']);
    expect(driver.connections.filter(({ access }) => access === 'write')).toHaveLength(1);
  });

  it('tells who waits for it at once that the database is closing, also while it cannot be opened', async () => {
    await using fake = await fakeDatabase({ singleWriter: true });
    const { driver, clock, database, service } = fake;
    driver.delay('connect', 1_000);
    const waiting = rejectionOf(database.transaction('write', (tx) => tx.run('1')));
    await clock.advance(5);
    const from = clock.now();
    const closing = service.close({ graceMs: 0 });
    expect(await waiting).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    expect(clock.now()).toBe(from);
    await passUntilSettled(clock, closing);
    expect(driver.live).toBe(0);
  });

  it('that does not close is left behind after two seconds, and the log says so', async () => {
    await using fake = await fakeDatabase({ singleWriter: true, initialSize: 0 });
    const { driver, clock, database, service, logger } = fake;
    await passUntilSettled(
      clock,
      database.transaction('write', (tx) => tx.run('1')),
    );
    driver.delay('close', Number.POSITIVE_INFINITY);
    const from = clock.now();
    await passUntilSettled(clock, service.close({ graceMs: 0 }));
    expect(clock.now() - from).toBeLessThanOrEqual(2_001);
    expect(logger.said('warn')).toContain('a connection could not be closed in time, and is not waited for any more');
  });
});

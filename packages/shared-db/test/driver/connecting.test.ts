import { describe, expect, it } from 'vitest';
import { driverDatabase, openDatabaseService } from '@hive/shared-db';
import { FakeDriver, VirtualClock } from '@hive/shared-db/testing';
import { fakeDatabase, passUntilSettled } from '../support/fake-database.ts';
import { rejectionOf } from '../support/outcome.ts';

describe('a driver that connects slowly', () => {
  it('is waited for when the service opens', async () => {
    await using fake = await fakeDatabase({ prepare: (driver) => driver.delay('connect', 150) });
    expect(fake.clock.now()).toBeGreaterThanOrEqual(150);
    expect(fake.database.snapshot()).toMatchObject({ status: 'open', driver: 'fake' });
    expect(fake.logger.said('info')).toEqual(['pool initialised 1/4']);
  });

  it('is not connected to more often than the pool is large, however many ask', async () => {
    await using fake = await fakeDatabase({ poolSize: 2, maxOverflow: 1 });
    const { driver, clock, database } = fake;
    driver.delay('connect', 150);
    driver.delay('statement', 20);
    const reads = Array.from({ length: 50 }, () => database.read('many', (c) => c.get('SELECT 1')));
    await passUntilSettled(clock, Promise.all(reads));
    await Promise.all(reads);
    expect(driver.mostLive).toBeLessThanOrEqual(3);
    expect(driver.faults).toEqual([]);
  });

  it('does not make a caller wait for a connection of its own when another comes back', async () => {
    await using fake = await fakeDatabase({ poolSize: 2 });
    const { driver, clock, database } = fake;
    driver.delay('connect', 10_000);
    driver.delay('statement', 50);
    const first = database.read('first', (c) => c.get('SELECT 1'));
    const second = database.read('second', (c) => c.get('SELECT 1'));
    await clock.advance(100);
    await Promise.all([first, second]);
    expect(clock.now()).toBeLessThan(1_000);
  });

  it('ends nobody but the waiter when a waiter runs out of time', async () => {
    await using fake = await fakeDatabase({ poolSize: 1, acquireTimeoutMs: 1_000 });
    const { driver, clock, database } = fake;
    await database.flush('all');
    driver.delay('connect', 3_000);
    const hasty = rejectionOf(database.read('hasty', (c) => c.get('SELECT 1')));
    const patient = database.read('patient', (c) => c.get('SELECT 1'), { timeoutMs: 5_000 });
    await clock.advance(1_000);
    expect(await hasty).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT', retryable: true, label: 'hasty' });
    await clock.advance(2_000);
    expect(await patient).toBeUndefined();
    expect(driver.counts.connect).toBe(2);
  });
});

describe('what is opened with a database, before anybody asks', () => {
  it('is as many connections as its settings say, and all are free', async () => {
    await using fake = await fakeDatabase({
      poolSize: 5,
      maxOverflow: 15,
      initialSize: 5,
      prepare: (driver) => driver.delay('connect', 150),
    });
    expect(fake.clock.now()).toBeLessThan(1_000);
    expect(fake.logger.said('info')).toEqual(['pool initialised 5/20']);
    expect(fake.database.snapshot().pool).toMatchObject({ live: 5, idle: 5, leased: 0, waiting: 0 });
    const reads = Array.from({ length: 5 }, () => fake.database.read('at once', (c) => c.get('SELECT 1')));
    await passUntilSettled(fake.clock, Promise.all(reads));
    expect(fake.driver.counts.connect).toBe(5);
  });

  it('is what can be opened: the others come when they are needed', async () => {
    let isFull = true;
    await using fake = await fakeDatabase({
      initialSize: 3,
      prepare: (driver) => {
        const connect = driver.connect.bind(driver);
        driver.connect = (...args) =>
          isFull && driver.live > 0 ? Promise.reject(new Error('too many connections')) : connect(...args);
      },
    });
    expect(fake.logger.said('info')).toEqual(['pool initialised 1/4']);
    expect(fake.database.snapshot()).toMatchObject({ status: 'open', pool: { leased: 0 } });
    isFull = false;
    await fake.clock.advance(10_000);
    const sessions = Promise.all(['a', 'b', 'c'].map((label) => fake.database.session(label)));
    await passUntilSettled(fake.clock, sessions);
    for (const session of await sessions) await session.close();
  });
});

describe('a driver that cannot connect', () => {
  it('is quoted to the last line of what it says', async () => {
    await using fake = await fakeDatabase();
    const { driver, clock, database } = fake;
    await database.flush('idle');
    const message = 'password authentication failed\nDETAIL: the role does not exist';
    driver.fail('connect', { message, times: 100 });
    const refused = rejectionOf(database.read('list', (c) => c.get('SELECT 1')));
    await passUntilSettled(clock, refused);
    expect(await refused).toMatchObject({
      code: 'HIVEDB_E_CREATE_FAILED',
      message: expect.stringContaining(message) as string,
    });
  });

  it('leaves its database failed with the reason, opened again by the first caller after a second', async () => {
    await using fake = await fakeDatabase({
      prepare: (driver) => {
        driver.fail('connect', { kind: 'SERVER_UNAVAILABLE', message: 'nobody listens on 5432', times: 100 });
      },
    });
    const { driver, clock, database } = fake;
    expect(database.snapshot()).toMatchObject({
      status: 'failed',
      failure: {
        code: 'HIVEDB_E_SERVER_UNAVAILABLE',
        message: expect.stringContaining('nobody listens on 5432') as string,
      },
    });
    const tried = driver.counts.connect;
    expect(await rejectionOf(database.read('at once', (c) => c.get('SELECT 1')))).toMatchObject({
      code: 'HIVEDB_E_SERVER_UNAVAILABLE',
      retryable: true,
    });
    expect(driver.counts.connect).toBe(tried);
    await clock.advance(1_000);
    const again = rejectionOf(database.read('later', (c) => c.get('SELECT 1')));
    await passUntilSettled(clock, again);
    expect(await again).toMatchObject({ code: 'HIVEDB_E_SERVER_UNAVAILABLE' });
    expect(driver.counts.connect).toBeGreaterThan(tried);
  });

  it('is used again as soon as it can', async () => {
    await using fake = await fakeDatabase({
      prepare: (driver) => {
        driver.fail('connect', { kind: 'SERVER_UNAVAILABLE', times: 3 });
      },
    });
    const { driver, clock, database } = fake;
    driver.answer('SELECT 1 AS one', { rows: [{ one: 1 }] });
    expect(database.snapshot().status).toBe('failed');
    await clock.advance(1_000);
    const reads = [1, 2, 3].map(() => database.read('again', (c) => c.get('SELECT 1 AS one')));
    await passUntilSettled(clock, Promise.all(reads));
    expect(await Promise.all(reads)).toEqual([{ one: 1 }, { one: 1 }, { one: 1 }]);
    expect(database.snapshot()).toMatchObject({ status: 'open', failure: undefined });
  });

  it('keeps a service from opening when its database is required', async () => {
    const clock = new VirtualClock();
    const driver = new FakeDriver({ clock });
    driver.fail('connect', { kind: 'SERVER_UNAVAILABLE', times: 100 });
    const databases = { orders: driverDatabase({ driver, identity: 'fake://1', required: true }) };
    const opening = rejectionOf(openDatabaseService({ app: 'shop', presence: false, databases, clock }));
    await passUntilSettled(clock, opening);
    expect(await opening).toMatchObject({ code: 'HIVEDB_E_SERVER_UNAVAILABLE', database: 'orders' });
    expect(driver.live).toBe(0);
    expect(clock.aliveTimers).toBe(0);
  });
});

describe('a connection that is opened when its service has closed', () => {
  it('and cannot be had makes no failed database of a closed one', async () => {
    await using fake = await fakeDatabase({
      prepare: (driver) => {
        driver.fail('connect', { times: 100 });
      },
    });
    const { driver, database, service, clock } = fake;
    expect(database.snapshot().status).toBe('failed');
    await clock.advance(1_000);
    driver.delay('connect', 50);
    const late = rejectionOf(database.read('again', (c) => c.get('SELECT 1')));
    await clock.advance(10);
    const closing = service.close({ graceMs: 0 });
    await passUntilSettled(clock, Promise.all([late, closing]));
    await clock.advance(2_000);
    const { connect } = driver.counts;
    expect(database.snapshot().status).toBe('closed');
    expect(await rejectionOf(database.read('after', (c) => c.get('SELECT 1')))).toMatchObject({
      code: 'HIVEDB_E_POOL_CLOSED',
    });
    expect(driver.counts.connect).toBe(connect);
  });

  it('is closed at once', async () => {
    const fake = await fakeDatabase();
    const { driver, clock, database, service } = fake;
    await database.flush('all');
    driver.delay('connect', 500);
    const late = rejectionOf(database.read('late', (c) => c.get('SELECT 1')));
    await clock.advance(100);
    const closing = service.close({ graceMs: 1_000 });
    expect(await late).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    await passUntilSettled(clock, closing);
    await clock.advance(1_000);
    expect(driver.live).toBe(0);
  });
});

import { describe, expect, it } from 'vitest';
import { fakeDatabase, passUntilSettled } from '../support/fake-database.ts';
import { rejectionOf } from '../support/outcome.ts';

const LOST = { kind: 'CONNECTION_LOST', lost: true, message: 'the server hung up' } as const;

describe('a COMMIT whose answer is lost', () => {
  it.each([true, false])(
    'leaves the outcome unknown, and nobody tries again (single writer: %s)',
    async (singleWriter) => {
      await using fake = await fakeDatabase({ singleWriter });
      const { driver, database } = fake;
      driver.loseCommitAnswer();
      const error = await rejectionOf(database.transaction('pay', (tx) => tx.run('INSERT 1')));
      expect(error).toMatchObject({
        code: 'HIVEDB_E_OUTCOME_UNKNOWN',
        retryable: false,
        database: 'orders',
        label: 'pay',
        advice: 'read back whether the rows are there before writing them again',
      });
      expect(driver.committed).toEqual(['INSERT 1']);
      expect(driver.counts.commit).toBe(1);
    },
  );

  it('costs its connection, and the next transaction gets another', async () => {
    await using fake = await fakeDatabase({ poolSize: 1 });
    const { driver, database } = fake;
    driver.loseCommitAnswer();
    await rejectionOf(database.transaction('pay', (tx) => tx.run('INSERT 1')));
    await database.transaction('pay', (tx) => tx.run('INSERT 2'));
    expect(driver.committed).toEqual(['INSERT 1', 'INSERT 2']);
    expect(driver.connections.map(({ open }) => open)).toEqual([false, true]);
    expect(driver.faults).toEqual([]);
  });

  it('is not told to those who wait for its COMMIT', async () => {
    await using fake = await fakeDatabase();
    const { driver, database } = fake;
    driver.loseCommitAnswer();
    let told = false;
    const attempt = database.transaction('pay', async (tx) => {
      tx.afterCommit(() => (told = true));
      await tx.run('INSERT 1');
    });
    await rejectionOf(attempt);
    expect(told).toBe(false);
  });
});

describe('a connection that is lost', () => {
  it('fails the statement with an error that may be tried again, and commits nothing', async () => {
    await using fake = await fakeDatabase();
    const { driver, database } = fake;
    const attempt = database.transaction('pay', async (tx) => {
      await tx.run('INSERT 1');
      driver.breakAll();
      await tx.run('INSERT 2');
    });
    expect(await rejectionOf(attempt)).toMatchObject({
      code: 'HIVEDB_E_CONNECTION_LOST',
      retryable: true,
      label: 'pay',
    });
    expect(driver.committed).toEqual([]);
  });

  it.each([
    ['by a read', (db) => db.read('lose', (c) => c.get('SELECT 1'))],
    ['by a read that swallows it', (db) => db.read('lose', (c) => c.get('SELECT 1').catch(() => undefined))],
    ['by a transaction', (db) => db.transaction('lose', (tx) => tx.run('INSERT 1'))],
    ['by a part', (db) => db.transaction('lose', (tx) => tx.transaction((part) => part.run('INSERT 1')))],
    [
      'by a part that swallows it',
      (db) => db.transaction('lose', (tx) => tx.transaction((part) => part.run('INSERT 1').catch(() => undefined))),
    ],
    [
      'by a session',
      async (db) => {
        await using session = await db.session('lose');
        await session.connection.get('SELECT 1');
      },
    ],
    [
      'by a session that swallows it',
      async (db) => {
        await using session = await db.session('lose');
        await session.connection.get('SELECT 1').catch(() => undefined);
      },
    ],
  ] as readonly (readonly [string, (db: Awaited<ReturnType<typeof fakeDatabase>>['database']) => Promise<unknown>])[])(
    'goes to nobody else when it is found out %s',
    async (_, lose) => {
      await using fake = await fakeDatabase({ poolSize: 1 });
      const { driver, database } = fake;
      driver.answer('SELECT 1 AS one', { rows: [{ one: 1 }] });
      driver.fail('statement', LOST);
      await lose(database).catch(() => undefined);
      expect(await database.read('next', (c) => c.get('SELECT 1 AS one'))).toEqual({ one: 1 });
      expect(driver.connections.map(({ open }) => open)).toEqual([false, true]);
      expect(driver.committed).toEqual([]);
      expect(driver.faults).toEqual([]);
    },
  );

  it('goes to nobody else when BEGIN, COMMIT or ROLLBACK find it out', async () => {
    for (const step of ['begin', 'commit', 'rollback', 'savepoint'] as const) {
      await using fake = await fakeDatabase({ poolSize: 1 });
      const { driver, database } = fake;
      driver.fail(step, LOST);
      const attempt = database.transaction('lose', async (tx) => {
        await tx.transaction((part) => part.run('INSERT 1'));
        if (step === 'rollback') throw new Error('mine');
      });
      const code = step === 'commit' ? 'HIVEDB_E_OUTCOME_UNKNOWN' : 'HIVEDB_E_CONNECTION_LOST';
      expect(await rejectionOf(attempt)).toMatchObject(step === 'rollback' ? { message: 'mine' } : { code });
      await database.transaction('next', (tx) => tx.run('INSERT 2'));
      expect(driver.committed).toEqual(['INSERT 2']);
      expect(driver.connections.map(({ open }) => open)).toEqual([false, true]);
      expect(driver.faults).toEqual([]);
    }
  });

  it('is found out by validation after it has lain idle, and takes its generation with it', async () => {
    await using fake = await fakeDatabase({ poolSize: 2 });
    const { driver, clock, database, logger } = fake;
    driver.delay('statement', 10);
    const both = [1, 2].map(() => database.read('warm', (c) => c.get('SELECT 1')));
    await passUntilSettled(clock, Promise.all(both));
    driver.breakAll();
    await clock.advance(1_000);
    const read = database.read('next', (c) => c.get('SELECT 1'));
    await passUntilSettled(clock, read);
    await read;
    expect(driver.connections.filter(({ open }) => open)).toHaveLength(1);
    expect(logger.said('warn')).toContain('invalidate: a connection no longer works');
  });
});

describe('a step that fails', () => {
  it('passes on what the database says, and nothing of the transaction is there', async () => {
    await using fake = await fakeDatabase({ poolSize: 1 });
    const { driver, database } = fake;
    for (const step of ['begin', 'statement', 'commit'] as const) {
      driver.fail(step, { kind: 'SERIALIZATION', message: 'somebody was faster' });
      expect(await rejectionOf(database.transaction('pay', (tx) => tx.run('INSERT 1')))).toMatchObject({
        code: 'HIVEDB_E_SERIALIZATION',
        retryable: true,
        message: expect.stringContaining('somebody was faster') as string,
      });
    }
    expect(driver.committed).toEqual([]);
    expect(driver.counts.connect).toBe(1);
    expect(database.snapshot().counters).toMatchObject({
      rolledBack: 2,
      errors: { HIVEDB_E_SERIALIZATION: 3 },
    });
  });

  it('costs the connection when it cannot even roll back', async () => {
    await using fake = await fakeDatabase({ poolSize: 1 });
    const { driver, database } = fake;
    driver.fail('rollback');
    const mine = new Error('mine');
    expect(await rejectionOf(database.transaction('pay', () => Promise.reject(mine)))).toBe(mine);
    await database.transaction('next', (tx) => tx.run('INSERT 2'));
    expect(driver.connections.map(({ open }) => open)).toEqual([false, true]);
  });

  it('does not let a transaction go on when a part of it cannot be undone', async () => {
    await using fake = await fakeDatabase();
    const { driver, database } = fake;
    const attempt = database.transaction('pay', async (tx) => {
      await tx.run('INSERT 1');
      const part = tx.transaction(async (inner) => {
        await inner.run('INSERT 2');
        driver.fail('savepoint', { message: 'the savepoint is gone' });
        throw new Error('mine');
      });
      expect(await rejectionOf(part)).toEqual(new Error('mine'));
      expect(await rejectionOf(tx.run('INSERT 3'))).toMatchObject({ code: 'HIVEDB_E_SQL' });
    });
    expect(await rejectionOf(attempt)).toMatchObject({
      code: 'HIVEDB_E_SQL',
      message: expect.stringContaining('the savepoint is gone') as string,
    });
    expect(driver.committed).toEqual([]);
  });

  it('closes a connection that cannot be made as good as new', async () => {
    await using fake = await fakeDatabase({ poolSize: 1 });
    const { driver, database } = fake;
    driver.answer('SELECT n', { rows: [{ n: 1 }, { n: 2 }] });
    driver.fail('reset');
    const session = await database.session('leave an iterator open');
    await session.connection.iterate('SELECT n').next();
    await session.close();
    await database.read('next', (c) => c.get('SELECT 1'));
    expect(driver.connections.map(({ open }) => open)).toEqual([false, true]);
  });

  it('keeps nobody from closing, though connections cannot be closed', async () => {
    const fake = await fakeDatabase({ poolSize: 2 });
    fake.driver.fail('close', { times: 10 });
    const closing = fake.service.close({ graceMs: 100 });
    await passUntilSettled(fake.clock, closing);
    expect(await closing).toEqual({ forced: [], stuck: [] });
  });
});

describe('a driver that cannot even say what an error means', () => {
  it('loses no connection by it, and the error passes through', async () => {
    await using fake = await fakeDatabase({ poolSize: 1, acquireTimeoutMs: 50 });
    const { database, driver } = fake;
    driver.classify = (error) => {
      throw new TypeError(`cannot read ${typeof error}`);
    };
    for (const thrown of [undefined, new Error('mine'), 42])
      for (const use of [
        database.transaction('throw', () => Promise.reject(thrown as Error)),
        database.read('throw', () => Promise.reject(thrown as Error)),
      ])
        expect(await rejectionOf(use)).toBe(thrown);
    expect(database.leases()).toEqual([]);
  });
});

describe('a lock that is somebody else’s', () => {
  it('is tried for again until it is free, while others go on', async () => {
    await using fake = await fakeDatabase({ singleWriter: true });
    const { driver, clock, database } = fake;
    driver.fail('begin', { kind: 'BUSY_TIMEOUT', busy: true, times: 20 });
    const waiting = database.transaction('wait', (tx) => tx.run('INSERT 1'));
    await clock.advance(19);
    expect(driver.committed).toEqual([]);
    await clock.advance(2);
    await waiting;
    expect(driver.committed).toEqual(['INSERT 1']);
    expect(database.snapshot().counters).toMatchObject({ busy: 1, rolledBack: 0 });
  });

  it('is given up when the time is up, or when the caller aborts', async () => {
    await using fake = await fakeDatabase();
    const { driver, clock, database } = fake;
    driver.fail('begin', { kind: 'BUSY_TIMEOUT', busy: true, times: 10_000 });
    const late = rejectionOf(database.read('late', (c) => c.get('SELECT 1'), { timeoutMs: 300 }));
    const controller = new AbortController();
    const aborted = rejectionOf(database.read('aborted', (c) => c.get('SELECT 1'), { signal: controller.signal }));
    await clock.advance(100);
    controller.abort();
    await clock.advance(2);
    expect(await aborted).toMatchObject({ code: 'HIVEDB_E_ABORTED', label: 'aborted' });
    await clock.advance(200);
    expect(await late).toMatchObject({ code: 'HIVEDB_E_BUSY_TIMEOUT', retryable: true, label: 'late' });
    expect(database.snapshot().pool).toMatchObject({ leased: 0, waiting: 0 });
  });
});

describe('an error after which nothing may be written', () => {
  it('is the first that came: others after it change nothing, and none opens what was closed', async () => {
    await using fake = await fakeDatabase();
    const { driver, database, service, clock, logger } = fake;
    driver.delay('statement', 10);
    for (const message of ['the disk is broken', 'the disk is gone', 'there never was a disk'])
      driver.fail('statement', { kind: 'IO', message, fences: true });
    const write = (): Promise<unknown> => rejectionOf(database.transaction('pay', (tx) => tx.run('INSERT 1')));
    const writes = Promise.all([write(), write()]);
    await passUntilSettled(clock, writes);
    expect(database.snapshot().failure?.message).toContain('the disk is broken');
    expect(logger.said('error')).toEqual([expect.stringContaining('writes are stopped')]);
    const late = rejectionOf(database.read('late', (c) => c.get('SELECT 1')));
    await clock.advance(5);
    const closing = service.close();
    await passUntilSettled(clock, Promise.all([late, closing]));
    expect(await late).toMatchObject({ code: 'HIVEDB_E_IO' });
    expect(database.snapshot().status).toBe('closed');
  });

  it('is heeded by a transaction that had been let into the queue before', async () => {
    await using fake = await fakeDatabase({ singleWriter: true });
    const { driver, database } = fake;
    driver.fail('statement', { kind: 'IO', message: 'the disk is broken', fences: true });
    let ran = false;
    const [first, late] = await Promise.all([
      rejectionOf(database.transaction('first', (tx) => tx.run('INSERT 1'))),
      rejectionOf(database.transaction('late', () => Promise.resolve((ran = true)))),
    ]);
    expect(first).toMatchObject({ code: 'HIVEDB_E_IO' });
    expect(late).toMatchObject({ code: 'HIVEDB_E_FENCED', label: 'late' });
    expect(ran).toBe(false);
  });

  it('stops writes, not reads, and says so in the snapshot and in the log', async () => {
    await using fake = await fakeDatabase({ singleWriter: true });
    const { driver, database, logger } = fake;
    driver.fail('statement', { kind: 'IO', message: 'the disk is broken', fences: true });
    expect(await rejectionOf(database.transaction('pay', (tx) => tx.run('INSERT 1')))).toMatchObject({
      code: 'HIVEDB_E_IO',
      retryable: false,
    });
    for (let i = 0; i < 3; i++)
      expect(await rejectionOf(database.transaction('again', (tx) => tx.run('INSERT 1')))).toMatchObject({
        code: 'HIVEDB_E_FENCED',
        retryable: false,
        message: expect.stringContaining('the disk is broken') as string,
      });
    await database.read('go on', (c) => c.get('SELECT 1'));
    expect(driver.committed).toEqual([]);
    expect(database.snapshot()).toMatchObject({ status: 'fenced', failure: { code: 'HIVEDB_E_IO' } });
    expect(logger.said('error')).toEqual([expect.stringContaining('writes are stopped')]);
  });
});

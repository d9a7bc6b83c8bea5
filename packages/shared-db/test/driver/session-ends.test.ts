import { describe, expect, it } from 'vitest';
import type { Session } from '@hive/shared-db';
import type { FakeConnection } from '@hive/shared-db/testing';
import { fakeDatabase, passUntilSettled, type FakeDatabase } from '../support/fake-database.ts';
import { rejectionOf } from '../support/outcome.ts';

const LIMITS = { limitMs: 1_000_000, idleLimitMs: 1_000_000, timeoutMs: 1_000_000 };
const EXPIRED = { code: 'HIVEDB_E_SESSION_EXPIRED', label: 'pay' };

interface Ended {
  readonly what: string;
  readonly end: (session: Session, fake: FakeDatabase) => Promise<void>;
  readonly error: object;
}

const ENDS: readonly Ended[] = [
  { what: 'over its limit', end: (_, { clock }) => clock.advance(1_000), error: EXPIRED },
  { what: 'closed', end: (session) => session.close(), error: { code: 'HIVEDB_E_LEASE_STALE', label: 'pay' } },
];

describe.each(ENDS)('on an asynchronous driver, when a session is $what', ({ end, error }) => {
  it.each([true, false])('its open transaction is rolled back (single writer: %s)', async (singleWriter) => {
    await using fake = await fakeDatabase({ singleWriter });
    const { driver, database, clock } = fake;
    const session = await database.session('pay', { timeoutMs: 1_000 });
    const begun = Promise.withResolvers<undefined>();
    const open = rejectionOf(
      session.transaction(async (tx) => {
        await tx.run('INSERT 1');
        begun.resolve(undefined);
        await Promise.withResolvers().promise;
      }, LIMITS),
    );
    await passUntilSettled(clock, begun.promise);
    await end(session, fake);
    expect(await open).toMatchObject(error);
    await database.transaction('next', (tx) => tx.run('INSERT 2'));
    expect(driver.committed).toEqual(['INSERT 2']);
    expect(driver.counts.rollback).toBe(1);
    expect(database.snapshot().counters).toMatchObject({ transactionsLeftOpen: 1, rolledBack: 1 });
    expect(driver.faults).toEqual([]);
  });

  it.each(['begin', 'statement'] as const)(
    'the connection on which a %s runs is closed, not handed on, and nobody waits for it',
    async (step) => {
      await using fake = await fakeDatabase({ singleWriter: true });
      const { driver, database, clock } = fake;
      // Opens the writer.
      await database.transaction('warm', () => Promise.resolve());
      const session = await database.session('pay', { timeoutMs: 1_000 });
      driver.delay(step, Infinity);
      const stuck = rejectionOf(session.transaction((tx) => tx.run('INSERT 1'), LIMITS));
      await clock.settle();
      await end(session, fake);
      expect(await stuck).toMatchObject(error);
      driver.delay(step, 0);
      await database.transaction('next', (tx) => tx.run('INSERT 2'));
      expect(driver.committed).toEqual(['INSERT 2']);
      const writers = driver.connections.filter(({ access }) => access === 'write');
      expect(writers.map(({ open }) => open)).toEqual([false, true]);
      expect(driver.faults).toEqual([]);
    },
  );

  it('a transaction that waits for somebody else’s lock does not get it', async () => {
    await using fake = await fakeDatabase({ singleWriter: true });
    const { driver, database, clock } = fake;
    const session = await database.session('pay', { timeoutMs: 1_000 });
    driver.fail('begin', { kind: 'BUSY_TIMEOUT', busy: true, times: 100_000 });
    let ran = false;
    const waiting = rejectionOf(session.transaction(() => Promise.resolve((ran = true)), LIMITS));
    await clock.advance(10);
    await end(session, fake);
    await clock.advance(2);
    expect(await waiting).toMatchObject(error);
    const tries = driver.counts.begin;
    await clock.advance(100);
    expect(driver.counts.begin).toBe(tries);
    expect(ran).toBe(false);
    expect(database.leases()).toEqual([]);
  });

  it('a COMMIT that is on its way is not called off, and its answer counts', async () => {
    await using fake = await fakeDatabase({ singleWriter: true });
    const { driver, database, clock } = fake;
    const session = await database.session('pay', { timeoutMs: 1_000 });
    driver.delay('commit', 5_000);
    const paid = session.transaction((tx) => tx.run('INSERT 1'), LIMITS);
    await clock.settle();
    expect(driver.counts.commit).toBe(1);
    await end(session, fake);
    await passUntilSettled(clock, paid);
    await paid;
    expect(driver.committed).toEqual(['INSERT 1']);
    expect(database.snapshot().counters).toMatchObject({ transactionsLeftOpen: 0, rolledBack: 0 });
    expect(driver.faults).toEqual([]);
  });

  it('a transaction that was begun through the driver’s own handle is blamed, and its connection closed', async () => {
    await using fake = await fakeDatabase({ poolSize: 1 });
    const { driver, database, logger } = fake;
    const session = await database.session('pay', { timeoutMs: 1_000 });
    await (session.connection.raw as FakeConnection).begin('write');
    await end(session, fake);
    expect(database.snapshot().counters.transactionsLeftOpen).toBe(1);
    expect(logger.said('warn')).toEqual([expect.stringContaining('while a transaction of it was open')]);
    await database.read('next', (c) => c.get('SELECT 1'));
    expect(driver.connections.map(({ open }) => open)).toEqual([false, true]);
    expect(driver.faults).toEqual([]);
  });
});

describe('a session that is closed in any moment', () => {
  it('leaves nobody waiting for a driver that never answers', async () => {
    await using fake = await fakeDatabase({ singleWriter: true });
    const { driver, database, clock } = fake;
    driver.delay('begin', Infinity);
    for (let reactions = 0; reactions < 20; reactions++) {
      const opening = database.session('pay');
      await passUntilSettled(clock, opening);
      const session = await opening;
      const outcome = rejectionOf(session.transaction(() => Promise.resolve(), LIMITS));
      for (let n = 0; n < reactions; n++) await Promise.resolve();
      await session.close();
      await passUntilSettled(clock, outcome);
      expect(await outcome).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE', label: 'pay' });
    }
    expect(driver.counts.begin).toBeGreaterThan(0);
    expect(driver.counts.begin).toBeLessThan(20);
    expect(database.leases()).toEqual([]);
    expect(driver.faults).toEqual([]);
  });
});

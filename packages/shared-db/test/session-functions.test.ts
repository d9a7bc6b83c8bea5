import { afterEach, describe, expect, it } from 'vitest';
import {
  configureDatabaseService,
  getDatabaseService,
  getManagedSession,
  sqlite,
  type ReadOnlySession,
  type Session,
} from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { rejectionOf } from './support/outcome.ts';
import { itemsOf, shop } from './support/shop.ts';

describe('a function that is lent a session', () => {
  it('has it until it settles, and its result is passed on', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    let lent: Session | undefined;
    const result = await database.session('export', async (session) => {
      lent = session;
      await session.transaction((tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
      expect(database.leases()).toMatchObject([{ owner: 'export', use: 'session' }]);
      return session.connection.all('SELECT name FROM item');
    });
    expect(result).toEqual([{ name: 'a' }]);
    expect(database.leases()).toEqual([]);
    expect(await rejectionOf((lent as Session).connection.get('SELECT 1'))).toMatchObject({
      code: 'HIVEDB_E_LEASE_STALE',
    });
    expect(await database.session('options', { timeoutMs: 1_000 }, (session) => Promise.resolve(session.label))).toBe(
      'options',
    );
    expect(await database.session('no options', undefined, (session) => Promise.resolve(session.label))).toBe(
      'no options',
    );
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('mine'))],
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
  ])('gives it back when it %s, and its error is passed on as it is', async (_, fail) => {
    await using temporary = await shop();
    const { database } = temporary;
    expect(await rejectionOf(database.session('fail', fail))).toEqual(new Error('mine'));
    expect(database.leases()).toEqual([]);
  });

  it('may close it early', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const early = database.session('early', async (session) => {
      const row = await session.connection.get('SELECT 1 AS one');
      await session.close();
      expect(database.leases()).toEqual([]);
      return row;
    });
    expect(await early).toEqual({ one: 1 });
  });

  it('is not waited for when the session is over its limit, or aborted', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const controller = new AbortController();
    const begun = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()] as const;
    const hangs = (nth: 0 | 1) => (): Promise<unknown> => {
      begun[nth].resolve(undefined);
      return Promise.withResolvers().promise;
    };
    const late = rejectionOf(database.session('late', { timeoutMs: 1_000 }, hangs(0)));
    await begun[0].promise;
    const aborted = rejectionOf(database.session('aborted', { signal: controller.signal }, hangs(1)));
    await clock.advance(999);
    await begun[1].promise;
    expect(database.leases()).toHaveLength(2);
    controller.abort();
    await clock.advance(1);
    expect(await late).toMatchObject({ code: 'HIVEDB_E_SESSION_EXPIRED', label: 'late' });
    expect(await aborted).toMatchObject({ code: 'HIVEDB_E_ABORTED', label: 'aborted' });
    expect(database.leases()).toEqual([]);
  });

  it('is told when it has returned before its transaction, which is undone, or before a statement', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const begun = Promise.withResolvers<undefined>();
    let transaction: Promise<unknown> | undefined;
    const left = database.session('careless', async (session) => {
      transaction = rejectionOf(
        session.transaction(async (tx) => {
          await tx.run("INSERT INTO item (name) VALUES ('undone')");
          begun.resolve(undefined);
          await Promise.withResolvers().promise;
        }),
      );
      await begun.promise;
    });
    expect(await rejectionOf(left)).toMatchObject({
      code: 'HIVEDB_E_WRONG_USE',
      label: 'careless',
      message: expect.stringContaining('has returned before its transaction had ended') as string,
    });
    expect(await transaction).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    await database.write('next', () => 1);
    expect(itemsOf(database)).toEqual([]);
    expect(database.snapshot().counters.transactionsLeftOpen).toBe(1);
    const lazy = database.session('lazy', (session) => session.connection.iterate('SELECT 1') as unknown as Promise<1>);
    expect(await rejectionOf(lazy)).toMatchObject({ code: 'HIVEDB_E_WRONG_USE', label: 'lazy' });
    expect(database.leases()).toEqual([]);
  });

  it('is told at once when it waits for a connection that only its own end could free', async () => {
    await using temporary = await shop({ poolSize: 1 });
    const { database } = temporary;
    const stuck = database.session('outer', async () => {
      await database.read('inner', (c) => c.get('SELECT 1'), { timeoutMs: 600_000 });
    });
    expect(await rejectionOf(stuck)).toMatchObject({ code: 'HIVEDB_E_SELF_DEADLOCK', label: 'inner' });
    expect(database.leases()).toEqual([]);
  });

  it.each([null, 42, 'text', {}])('is refused when it is none: %j', async (value) => {
    await using temporary = await shop();
    const { database } = temporary;
    const fn = value as unknown as () => Promise<unknown>;
    expect(await rejectionOf(database.session('wrong', {}, fn))).toMatchObject({
      code: 'HIVEDB_E_WRONG_USE',
      label: 'wrong',
      message: expect.stringMatching(/session\(\) was given .*; expected a function/u) as string,
    });
    expect(database.leases()).toEqual([]);
  });
});

describe('a session that only reads', () => {
  it('has no transactions: for the compiler, and for who gets around it', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using session: ReadOnlySession = await database.session('report', { readOnly: true });
    // @ts-expect-error -- the type of a session that only reads has none
    const refused = (): Promise<unknown> => session.transaction(() => Promise.resolve());
    expect(await rejectionOf(refused())).toMatchObject({
      code: 'HIVEDB_E_READ_ONLY',
      retryable: false,
      database: 'test',
      label: 'report',
      message: expect.stringContaining('opened with readOnly and has no transactions') as string,
    });
    expect(await session.connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
    expect(await rejectionOf(session.connection.run('DELETE FROM item'))).toMatchObject({ code: 'HIVEDB_E_READ_ONLY' });
    const lent = database.session('report', { readOnly: true }, (reader) =>
      (reader as Session).transaction(() => Promise.resolve()),
    );
    expect(await rejectionOf(lent)).toMatchObject({ code: 'HIVEDB_E_READ_ONLY' });
    expect(database.snapshot().counters.transactions).toBe(0);
  });

  it('is asked for by true and by nothing else', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using session = await database.session('both', { readOnly: false });
    expect(await session.transaction((tx) => tx.get('SELECT 1 AS one'))).toEqual({ one: 1 });
    for (const readOnly of ['yes', 1, null, {}])
      expect(await rejectionOf(database.session('wrong', { readOnly: readOnly as boolean }))).toMatchObject({
        code: 'HIVEDB_E_CONFIG',
        message: expect.stringContaining('the option readOnly is') as string,
      });
    expect(database.leases()).toHaveLength(1);
  });
});

describe('a managed session', () => {
  afterEach(async () => {
    const service = await getDatabaseService().catch(() => undefined);
    await service?.close({ graceMs: 0 });
  });

  it('is one of the service of the process, whose first user opens it, and says where it was opened', async () => {
    using directory = temporaryDirectory();
    const clock = new VirtualClock();
    const databases = { orders: sqlite({ path: directory.file('orders.db'), durability: 'normal' }) };
    configureDatabaseService({ app: 'shop', presence: false, databases, clock });
    {
      await using session = await getManagedSession('orders', 'first');
      expect(await session.connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
    }
    const service = await getDatabaseService();
    const database = service.database('orders');
    expect(await getManagedSession('orders', 'lent', (session) => Promise.resolve(session.label))).toBe('lent');
    const reading = getManagedSession('orders', 'reads', { readOnly: true }, ({ connection }) =>
      connection.get('SELECT 2 AS two'),
    );
    expect(await reading).toEqual({ two: 2 });
    expect(database.leases()).toEqual([]);
    // Nobody awaits it yet: its stack leads nowhere once it has waited for something.
    const opening = getManagedSession('orders', 'forgotten');
    await clock.settle();
    const session = await opening;
    expect(database.leases()).toMatchObject([
      { owner: 'forgotten', acquiredAt: expect.stringContaining('session-functions.test') as string },
    ]);
    await clock.advance(300_000);
    expect(await rejectionOf(session.connection.get('SELECT 1'))).toMatchObject({
      code: 'HIVEDB_E_SESSION_EXPIRED',
      message: expect.stringMatching(/limit of 300000 ms.*opened at .*session-functions\.test/u) as string,
    });
  });

  it('is refused without a service, of a database that there is none of, and after the end', async () => {
    expect(await rejectionOf(getManagedSession('orders', 'early'))).toMatchObject({
      code: expect.stringMatching(/CONFIG|POOL_CLOSED/u) as string,
    });
    using directory = temporaryDirectory();
    const databases = { orders: sqlite({ path: directory.file('orders.db'), durability: 'normal' }) };
    configureDatabaseService({ app: 'shop', presence: false, databases });
    expect(await rejectionOf(getManagedSession('order', 'wrong'))).toMatchObject({ name: 'DatabaseError' });
    const service = await getDatabaseService();
    expect(await rejectionOf(getManagedSession('order', 'wrong'))).toMatchObject({ name: 'DatabaseError' });
    await service.close();
    expect(await rejectionOf(getManagedSession('orders', 'late'))).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
  });
});

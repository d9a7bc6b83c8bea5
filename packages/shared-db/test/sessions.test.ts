import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';
import Driver from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { Session } from '@hive/shared-db';
import { VirtualClock } from '@hive/shared-db/testing';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { recordingLogger } from './support/recording-logger.ts';
import { itemsOf, shop } from './support/shop.ts';

/** Every way to use a session, each as it comes out. */
function usesOf(session: Session): readonly Promise<unknown>[] {
  const { connection } = session;
  return [
    connection.all('SELECT 1'),
    connection.get('SELECT 1'),
    connection.run('SELECT 1'),
    connection.exec('SELECT 1'),
    connection.iterate('SELECT 1').next(),
    session.transaction(() => Promise.resolve()),
  ];
}

describe('a session', () => {
  it('lends one connection across awaits, each statement on the newest state', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using session = await database.session('import');
    expect(session.label).toBe('import');
    expect(await session.connection.all('SELECT name FROM item')).toEqual([]);
    await database.write('add', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    expect(await session.connection.get('SELECT name FROM item')).toEqual({ name: 'a' });
    const seen: unknown[] = [];
    for await (const row of session.connection.iterate('SELECT name FROM item')) seen.push(row);
    expect(seen).toEqual([{ name: 'a' }]);
    expect(database.leases()).toMatchObject([
      { owner: 'import', use: 'session', acquiredAt: expect.stringContaining('sessions.test') as string },
    ]);
    // The connection that a session has had is for anybody then.
    await session.close();
    await database.read('look', async () => {
      expect(database.leases()).toMatchObject([{ owner: 'look', use: 'read' }]);
      await database.transaction('move', () => {
        expect(database.leases()).toMatchObject([{ use: 'read' }, { owner: 'move', use: 'write' }]);
        return Promise.resolve();
      });
    });
  });

  it('reads only, but for its transactions, which take their turn like any other', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using session = await database.session('import');
    expect(await rejectionOf(session.connection.run("INSERT INTO item (name) VALUES ('x')"))).toMatchObject({
      code: 'HIVEDB_E_READ_ONLY',
      label: 'import',
    });
    const changes = await session.transaction(async (tx) => {
      await tx.run("INSERT INTO item (name) VALUES ('a')");
      return (await tx.run("INSERT INTO item (name) VALUES ('b')")).changes;
    });
    expect(changes).toBe(1);
    const mine = new Error('mine');
    const undone = session.transaction(async (tx) => {
      await tx.run('DELETE FROM item');
      throw mine;
    });
    expect(await rejectionOf(undone)).toBe(mine);
    expect(itemsOf(database)).toEqual(['a', 'b']);
  });

  it('holds no lock while it does nothing, however long it lives', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using session = await database.session('long', { timeoutMs: 600_000 });
    await session.transaction((tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    expect(database.snapshot().lane).toMatchObject({ running: 0 });
    await database.write('beside', (tx) => tx.run("INSERT INTO item (name) VALUES ('b')"));
    expect(await session.connection.all('SELECT name FROM item')).toHaveLength(2);
  });

  it('gives its connection back when it is closed, once, and can do nothing any more', async () => {
    await using temporary = await shop({ poolSize: 1 });
    const { database } = temporary;
    const session = await database.session('short');
    await session.connection.get('SELECT 1');
    await session.close();
    await session.close();
    await session[Symbol.asyncDispose]();
    expect(database.snapshot().pool).toMatchObject({ leased: 0, idle: 1, counters: { staleReleases: 0 } });
    for (const use of usesOf(session))
      expect(await rejectionOf(use)).toMatchObject({
        code: 'HIVEDB_E_LEASE_STALE',
        database: 'test',
        label: 'short',
        message: expect.stringContaining('the session has been closed') as string,
      });
    expect(outcomeOf(() => session.connection.raw)).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
  });

  it('leaves the next borrower nothing of its own: no open iterator, no transaction', async () => {
    await using temporary = await shop({ poolSize: 1 });
    const { database } = temporary;
    const session = await database.session('careless');
    const rows = session.connection.iterate('SELECT 1 AS n UNION SELECT 2');
    await rows.next();
    await session.close();
    expect(await database.read('next', (c) => c.all('SELECT 3 AS n'))).toEqual([{ n: 3 }]);
    expect(await rejectionOf(rows.next())).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    expect(database.snapshot().pool.counters.created).toBe(1);
  });

  it('hands out the driver’s own handle, and such a connection goes to nobody else', async () => {
    await using temporary = await shop({ poolSize: 1 });
    const { database } = temporary;
    const session = await database.session('query builder');
    const raw = session.connection.raw as { prepare(sql: string): { get(): unknown }; open: boolean };
    expect(raw.prepare('SELECT 1 AS one').get()).toEqual({ one: 1 });
    await session.close();
    expect(raw.open).toBe(false);
    await database.read('next', (c) => c.get('SELECT 1'));
    expect(database.snapshot().pool.counters.created).toBe(2);
  });

  it('hands out a handle that looks like the driver’s, and whose transactions do, to whatever library is given it', async () => {
    await using temporary = await shop();
    const own = new Driver(temporary.path, { readonly: true });
    await using session = await temporary.database.session('query builder');
    const raw = session.connection.raw as Driver.Database;
    expect(raw).toBeInstanceOf(Driver);
    expect(inspect(raw)).toBe(inspect(own));
    expect(Object.keys(raw)).toEqual(Object.keys(own));
    expect(raw.prepare('SELECT 1').database).toBe(raw);
    const made = raw.transaction(function (this: unknown, n: number) {
      return [this, n, raw.inTransaction];
    });
    expect(Object.keys(made)).toEqual(Object.keys(own.transaction(() => undefined)));
    expect(made.deferred.call('this', 1)).toEqual(['this', 1, true]);
    const { immediate } = made as unknown as { immediate: { default: unknown; database: unknown } };
    expect([immediate.default, immediate.database]).toEqual([made, raw]);
    expect(Reflect.set(raw, 'prepare', own.prepare.bind(own))).toBe(true);
    own.close();
  });
});

describe('a session that lasts too long', () => {
  it('is ended at its deadline, whatever it is doing; its connection goes, and errors say where it was opened', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    await using temporary = await shop({ clock, logger, poolSize: 1 });
    const { database } = temporary;
    const session = await database.session('nightly import', { timeoutMs: 600_000, leakAfterMs: 600_000 });
    const raw = session.connection.raw as { open: boolean };
    const waiting = database.read('waiting', (c) => c.get('SELECT 1 AS one'), { timeoutMs: 1_000_000 });
    await clock.advance(599_999);
    await session.connection.get('SELECT 1');
    await clock.advance(1);
    expect(await waiting).toEqual({ one: 1 });
    expect(raw.open).toBe(false);
    for (const use of usesOf(session)) {
      const error = await rejectionOf(use);
      expect(error).toMatchObject({
        code: 'HIVEDB_E_SESSION_EXPIRED',
        retryable: false,
        label: 'nightly import',
        message: expect.stringContaining('over its limit of 600000 ms') as string,
        cause: { stack: expect.stringContaining('sessions.test') as string },
      });
    }
    expect(logger.said('warn')).toEqual([
      expect.stringMatching(/^probably waits for itself: .* its own caller keeps "nightly import"/),
      'session "nightly import" was over its limit and was ended',
    ]);
    await session.close();
    expect(database.snapshot().pool.counters.staleReleases).toBe(0);
  });

  it('has five minutes unless told otherwise, and does not keep its process alive', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const session = await temporary.database.session('forgotten');
    expect(clock.aliveTimers).toBe(0);
    await clock.advance(299_999);
    await session.connection.get('SELECT 1');
    await clock.advance(1);
    expect(await rejectionOf(session.connection.get('SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_SESSION_EXPIRED' });
  });

  it.each([-1, Number.NaN, '1000'])('cannot have a limit of %j', async (timeoutMs) => {
    await using temporary = await shop();
    expect(await rejectionOf(temporary.database.session('wrong', { timeoutMs: timeoutMs as number }))).toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining('timeoutMs is') as string,
    });
    expect(temporary.database.snapshot().pool.leased).toBe(0);
  });
});

describe('a session whose caller aborts', () => {
  it('in the moment in which it is granted has ended before it begins', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await (await database.session('open the reader')).close();
    const controller = new AbortController();
    const opening = database.session('too late', { signal: controller.signal });
    controller.abort();
    await using session = await opening;
    expect(await rejectionOf(session.connection.get('SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_ABORTED' });
    expect(database.leases()).toEqual([]);
  });

  it('leaves nothing at the signal when it has ended, though the signal lives on', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const { signal } = new AbortController();
    for (let n = 0; n < 3; n++) await (await database.session('come and go', { signal })).close();
    await database.read('come and go', () => Promise.resolve(1), { signal });
    await database.write('come and go', () => 1, { signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('is ended at once', async () => {
    await using temporary = await shop({ poolSize: 1 });
    const { database } = temporary;
    const controller = new AbortController();
    const session = await database.session('given up', { signal: controller.signal });
    controller.abort();
    for (const use of usesOf(session))
      expect(await rejectionOf(use)).toMatchObject({ code: 'HIVEDB_E_ABORTED', label: 'given up' });
    expect(await database.read('next', (c) => c.get('SELECT 1 AS one'))).toEqual({ one: 1 });
    await session.close();
  });

  it('is not opened when it was aborted before, or while it waited', async () => {
    await using temporary = await shop({ poolSize: 1 });
    const { database } = temporary;
    expect(await rejectionOf(database.session('before', { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'HIVEDB_E_ABORTED',
    });
    const controller = new AbortController();
    await using holder = await database.session('holder');
    const waiting = rejectionOf(database.session('while', { signal: controller.signal }));
    controller.abort();
    expect(await waiting).toMatchObject({ code: 'HIVEDB_E_ABORTED', label: 'while' });
    expect(await holder.connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
  });
});

describe('a flush', () => {
  it.each(['all', 'graceful', 'idle'] as const)('of mode %s harms no later user', async (mode) => {
    await using temporary = await shop({ poolSize: 2 });
    const { database } = temporary;
    await using session = await database.session('held');
    await session.connection.get('SELECT 1');
    await database.read('idle', (c) => c.get('SELECT 1'));
    const report = await database.flush(mode);
    const held = await session.connection.get('SELECT 2 AS two').catch((error: unknown) => error);
    if (mode === 'all') {
      expect(report.revoked).toMatchObject([{ owner: 'held' }]);
      expect(held).toMatchObject({
        code: 'HIVEDB_E_LEASE_STALE',
        label: 'held',
        message: expect.stringContaining("revoked by flush('all')") as string,
      });
    } else expect(held).toEqual({ two: 2 });
    expect(await database.read('later', (c) => c.get('SELECT 3 AS three'))).toEqual({ three: 3 });
    await database.write('later', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    expect(itemsOf(database)).toEqual(['a']);
  });

  it('of everything takes a transaction away, which commits nothing and says why', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const begun = Promise.withResolvers<undefined>();
    const gate = Promise.withResolvers<undefined>();
    const taken = rejectionOf(
      database.transaction('taken', async (tx) => {
        await tx.run("INSERT INTO item (name) VALUES ('a')");
        begun.resolve(undefined);
        await gate.promise;
        await tx.run("INSERT INTO item (name) VALUES ('b')").catch(() => undefined);
      }),
    );
    await begun.promise;
    await database.flush('all');
    await database.write('next', (tx) => tx.run("INSERT INTO item (name) VALUES ('next')"));
    gate.resolve(undefined);
    expect(await taken).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE', label: 'taken' });
    expect(itemsOf(database)).toEqual(['next']);
  });
});

describe('a session whose connection a flush has taken away', () => {
  it('begins no transaction any more, neither one that waits for its turn nor another, and says why', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const session = await database.session('nightly import');
    const held = Promise.withResolvers<undefined>();
    const holder = rejectionOf(database.transaction('holder', () => held.promise));
    let ran = 0;
    const attempt = (): Promise<unknown> => rejectionOf(session.transaction(() => Promise.resolve(ran++)));
    const waiting = attempt();
    await database.flush('all');
    const stale = {
      code: 'HIVEDB_E_LEASE_STALE',
      label: 'nightly import',
      message: expect.stringContaining("revoked by flush('all')") as string,
    };
    expect(await waiting).toMatchObject(stale);
    expect(await attempt()).toMatchObject(stale);
    held.resolve(undefined);
    await holder;
    expect(ran).toBe(0);
    await session.close();
    expect(await attempt()).toMatchObject({
      message: expect.stringContaining('the session has been closed') as string,
    });
  });
});

describe('a session whose limit comes after a flush has taken its connection', () => {
  it('is not counted and blamed for that, too', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    await using temporary = await shop({ clock, logger });
    const { database } = temporary;
    await using session = await database.session('nightly import', { timeoutMs: 60_000 });
    await database.flush('all');
    await clock.advance(60_000);
    expect(database.snapshot().counters.sessionsExpired).toBe(0);
    expect(logger.said('warn').filter((text) => text.includes('was over its limit'))).toEqual([]);
    expect(await rejectionOf(session.connection.get('SELECT 1'))).toMatchObject({ label: 'nightly import' });
  });
});

describe('leak detection: a flush', () => {
  it('of what has leaked spares who said how long it will not be used, until that is over', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    await using asked = await database.session('nightly import', { timeoutMs: 600_000, leakAfterMs: 300_000 });
    await using forgotten = await database.session('forgotten');
    await clock.advance(120_000);
    expect(await database.flush('leaked')).toMatchObject({ revoked: [{ owner: 'forgotten' }] });
    expect(await asked.connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
    expect(await rejectionOf(forgotten.connection.get('SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
  });
});

describe('a suspended database', () => {
  it('lets its callers wait, and serves them when it is resumed', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    database.suspend();
    const done: string[] = [];
    const uses = [
      database.write('write', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')")).then(() => done.push('write')),
      database.read('read', (c) => c.get('SELECT 1')).then(() => done.push('read')),
      database.transaction('transaction', () => Promise.resolve()).then(() => done.push('transaction')),
    ];
    expect(await rejectionOf(database.read('hasty', (c) => c.get('SELECT 1'), { timeoutMs: 1 }))).toMatchObject({
      code: 'HIVEDB_E_POOL_SUSPENDED',
      retryable: true,
    });
    expect(done).toEqual([]);
    database.resume();
    await Promise.all(uses);
    expect(done).toHaveLength(3);
  });

  it('can be made larger and smaller while it runs', async () => {
    await using temporary = await shop({ poolSize: 1 });
    const { database } = temporary;
    await using first = await database.session('first');
    const second = database.session('second');
    await database.resize({ size: 2 });
    await using session = await second;
    expect(await session.connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
    expect(await rejectionOf(database.resize({ size: 0 }))).toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining('size is 0') as string,
    });
    expect(await first.connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
  });
});

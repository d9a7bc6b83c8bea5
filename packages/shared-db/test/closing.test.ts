import { readdirSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite, type SqliteDatabase } from '@hive/shared-db';
import { listProcesses } from '@hive/shared-db/presence';
import { temporaryDirectory, VirtualClock, type TemporaryDatabase } from '@hive/shared-db/testing';
import { companion } from './support/companion.ts';
import { lockHolder } from './support/lock-holder.ts';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { recordingLogger } from './support/recording-logger.ts';
import { itemsOf, shop } from './support/shop.ts';

const CLOSED = { code: 'HIVEDB_E_POOL_CLOSED', database: 'test' };

/** How many descriptors this process has on files below a directory. */
function openFilesIn(directory: string): number {
  return readdirSync('/proc/self/fd').filter((descriptor) =>
    String(outcomeOf(() => readlinkSync(`/proc/self/fd/${descriptor}`))).startsWith(directory),
  ).length;
}

/** Resolves when a write has found the lock taken. */
async function waitingForLock(database: SqliteDatabase): Promise<void> {
  await expect.poll(() => database.snapshot().counters.busy, { timeout: 10_000 }).toBe(1);
}

describe('closing a service', () => {
  it('lets what has begun come to its end, and turns away at once who waits and who comes', async () => {
    await using temporary = await shop({ poolSize: 1 });
    const { database, service } = temporary;
    const gate = Promise.withResolvers<undefined>();
    const started = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()] as const;
    const begun = [
      database.read('read', async (c) => {
        started[0].resolve(undefined);
        await gate.promise;
        return c.get('SELECT count(*) AS n FROM item');
      }),
      database.transaction('transaction', async (tx) => {
        started[1].resolve(undefined);
        await gate.promise;
        return (await tx.run("INSERT INTO item (name) VALUES ('a')")).changes;
      }),
    ];
    await Promise.all(started.map(({ promise }) => promise));
    const waiting = [
      database.read('waiting', (c) => c.get('SELECT 1')),
      database.write('waiting', () => 1),
      database.transaction('waiting', () => Promise.resolve()),
      database.session('waiting'),
    ].map(rejectionOf);
    const closing = service.close();
    expect(await Promise.all(waiting)).toMatchObject([CLOSED, CLOSED, CLOSED, CLOSED]);
    gate.resolve(undefined);
    expect(await Promise.all(begun)).toEqual([{ n: 0 }, 1]);
    expect(await closing).toEqual({ forced: [], stuck: [] });
  });

  it('waits for five seconds at most, then takes away what is still held and says what that was', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    await using temporary = await shop({ clock, logger });
    const { database, service } = temporary;
    const session = await database.session('nightly import');
    void rejectionOf(
      database.transaction(
        'stuck',
        async (tx) => {
          await tx.run("INSERT INTO item (name) VALUES ('half')");
          await new Promise(() => undefined);
        },
        { limitMs: 60_000, idleLimitMs: 60_000 },
      ),
    );
    const begun = Promise.withResolvers<undefined>();
    void rejectionOf(
      database.read('reading', () => {
        begun.resolve(undefined);
        return new Promise(() => undefined);
      }),
    );
    await begun.promise;
    let report: unknown;
    void service.close().then((value) => (report = value));
    await clock.advance(4_999);
    expect(report).toBeUndefined();
    expect(await session.connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
    expect(service.snapshot()).toMatchObject({ closing: true, databases: [{ status: 'closed' }] });
    await clock.advance(1);
    await clock.settle();
    expect(report).toEqual({
      forced: expect.arrayContaining(
        ['nightly import', 'stuck', 'reading'].map(
          (owner) => expect.objectContaining({ database: 'test', owner }) as unknown,
        ),
      ) as unknown,
      stuck: [],
    });
    expect((report as { forced: unknown[] }).forced).toHaveLength(3);
    expect(logger.said('warn')).toEqual(
      Array.from({ length: 3 }, () => 'a lease was still held when the service closed'),
    );
    expect(await rejectionOf(session.connection.get('SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    expect(openFilesIn(dirname(temporary.path))).toBe(0);
  });

  it('tells a transaction whose connection was taken before, or meanwhile, who took it, and one that it cuts short that it did', async () => {
    for (const flushed of ['before', 'meanwhile', 'never']) {
      const clock = new VirtualClock();
      await using temporary = await shop({ clock });
      const { database, service } = temporary;
      const begun = Promise.withResolvers<undefined>();
      const stuck = rejectionOf(
        database.transaction(
          'move stock',
          async (tx) => {
            await tx.run("INSERT INTO item (name) VALUES ('half')");
            begun.resolve(undefined);
            await new Promise(() => undefined);
          },
          { limitMs: 60_000, idleLimitMs: 60_000 },
        ),
      );
      await begun.promise;
      // Holds up the closing until the flush.
      const session = await database.session('nightly import');
      if (flushed === 'before') await database.flush('all');
      const closing = service.close();
      await clock.advance(1_000);
      if (flushed === 'meanwhile') await database.flush('all');
      await clock.advance(5_000);
      await closing;
      await session.close();
      const taken = /"move stock": .*was revoked by flush\('all'\).*it was acquired at .*closing\.test\.ts:\d+/u;
      expect(await stuck).toMatchObject(
        flushed === 'never'
          ? { ...CLOSED, label: 'move stock', message: expect.stringContaining('the service was closed') as string }
          : {
              code: 'HIVEDB_E_LEASE_STALE',
              database: 'test',
              label: 'move stock',
              message: expect.stringMatching(taken) as string,
            },
      );
    }
  });

  it('is told once, however often it is asked for, and never fails', async () => {
    await using temporary = await shop();
    const { database, service } = temporary;
    expect(service.closing).toBe(false);
    const closings = [service.close({ graceMs: 0 }), service.close(), service.close({ graceMs: Number.NaN })];
    expect(service.closing).toBe(true);
    expect(new Set(closings).size).toBe(1);
    await service[Symbol.asyncDispose]();
    expect(await closings[0]).toEqual({ forced: [], stuck: [] });
    const uses = [
      database.read('late', () => Promise.resolve()),
      database.write('late', () => undefined),
      database.transaction('late', () => Promise.resolve()),
      database.session('late'),
    ];
    for (const use of uses) expect(await rejectionOf(use)).toMatchObject(CLOSED);
    expect(outcomeOf(() => itemsOf(database))).toMatchObject(CLOSED);
    expect(service.verdict().status).not.toBe('pass');
  });

  it.each<readonly [string, (temporary: TemporaryDatabase) => unknown]>([
    [
      'a write',
      ({ database, service }) =>
        database.write('inside', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')") && void service.close()),
    ],
    [
      'a synchronous read',
      ({ database, service }) => database.readSync('inside', (c) => c.all('SELECT 1') && void service.close()),
    ],
    [
      'a transaction',
      ({ database, service }) =>
        database.transaction('inside', async (tx) => {
          void service.close();
          await tx.run("INSERT INTO item (name) VALUES ('a')");
        }),
    ],
    [
      'what is done after COMMIT',
      ({ database, service }) =>
        database.write('inside', (tx) => {
          tx.run("INSERT INTO item (name) VALUES ('a')");
          tx.afterCommit(() => void service.close());
        }),
    ],
  ])('may be asked for from inside %s, which is done to its end', async (_, inside) => {
    await using temporary = await shop();
    await inside(temporary);
    expect(await temporary.service.close()).toEqual({ forced: [], stuck: [] });
    expect(openFilesIn(dirname(temporary.path))).toBe(0);
  });

  it('leaves nothing beside the file, and the file to whoever opens it next', async () => {
    await using temporary = await shop();
    await temporary.database.write('add', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    expect(itemsOf(temporary.database)).toEqual(['a']);
    await temporary.service.close();
    expect(readdirSync(dirname(temporary.path))).toEqual(['test.db']);
    await using again = await openDatabaseService({
      app: 'again',
      presence: false,
      databases: { orders: sqlite({ path: temporary.path, required: true }) },
    });
    expect(itemsOf(again.database('orders'))).toEqual(['a']);
  });
});

describe('closing a service whose write waits for the lock of another process', () => {
  it('lets it have the lock when that comes free in time', async () => {
    await using temporary = await shop();
    await using holder = await lockHolder(temporary.path);
    const write = temporary.database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')").changes);
    await waitingForLock(temporary.database);
    const closing = temporary.service.close();
    holder.say('let go');
    expect(await write).toBe(1);
    expect(await closing).toEqual({ forced: [], stuck: [] });
  });

  it('ends its wait when the time is up, and nothing is written afterwards', async () => {
    await using temporary = await shop();
    const { database, service, path } = temporary;
    await using holder = await lockHolder(path);
    const writes = [
      rejectionOf(database.write('running', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"))),
      rejectionOf(database.write('waiting', (tx) => tx.run("INSERT INTO item (name) VALUES ('b')"))),
    ];
    await waitingForLock(database);
    expect(await service.close({ graceMs: 0 })).toMatchObject({ forced: [{ owner: 'running', database: 'test' }] });
    expect(await Promise.all(writes)).toMatchObject([
      { name: 'DatabaseError', label: 'running', retryable: false },
      { ...CLOSED, label: 'waiting' },
    ]);
    holder.say('let go');
    await holder.end();
    await using again = await openDatabaseService({
      app: 'again',
      presence: false,
      databases: { orders: sqlite({ path, required: true }) },
    });
    expect(itemsOf(again.database('orders'))).toEqual([]);
  });
});

describe('closing a service with a database that is stuck', () => {
  it('closes the others meanwhile', async () => {
    using directory = temporaryDirectory();
    const clock = new VirtualClock();
    const databases = {
      stuck: sqlite({ path: directory.file('stuck.db') }),
      orders: sqlite({ path: directory.file('orders.db') }),
    };
    const service = await openDatabaseService({ app: 'test', presence: false, databases, clock });
    await service.database('stuck').session('never given back');
    await service.database('orders').write('save', () => 1);
    const closing = service.close({ graceMs: 1_000 });
    await clock.settle();
    expect(readdirSync(directory.path).toSorted()).toEqual(['orders.db', 'stuck.db', 'stuck.db-shm', 'stuck.db-wal']);
    await clock.advance(1_000);
    expect(await closing).toMatchObject({ forced: [{ owner: 'never given back', database: 'stuck' }] });
    expect(readdirSync(directory.path).toSorted()).toEqual(['orders.db', 'stuck.db']);
  });
});

describe('a process that has closed its service', () => {
  it('ends by itself, whatever was still held, and is seen by nobody any more', async () => {
    using directory = temporaryDirectory();
    await using other = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { orders: sqlite({ path: args[0] }) };
       const service = await openDatabaseService({ app: 'shop', runtimeDirectory: args[1], databases });
       const orders = service.database('orders');
       await orders.session('held', { timeoutMs: 600_000 });
       orders.read('held', () => new Promise(() => {})).catch(() => {});
       orders.transaction('held', () => new Promise(() => {})).catch(() => {});
       say('open');
       await hear();
       const { forced } = await service.close({ graceMs: 10 });
       say(String(forced.length));
       goDeaf();`,
      directory.file('orders.db'),
      directory.file('run'),
    );
    expect(await other.hear()).toBe('open');
    expect(await listProcesses({ directory: directory.file('run') })).toMatchObject([{ pid: other.pid }]);
    other.say('close');
    expect(await other.hear()).toBe('3');
    expect(await listProcesses({ directory: directory.file('run') })).toEqual([]);
    expect(await other.end()).toEqual({ code: 0, stderr: '' });
  });

  it('ends by itself, however long a transaction that is stuck was allowed to take, and its caller is told', async () => {
    using directory = temporaryDirectory();
    await using other = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { orders: sqlite({ path: args[0] }) };
       const service = await openDatabaseService({ app: 'shop', presence: false, databases });
       const orders = service.database('orders');
       const limits = { limitMs: 3_600_000, idleLimitMs: 3_600_000 };
       const stuck = orders.transaction('stuck', () => new Promise(() => {}), limits).catch(({ code }) => code);
       await orders.read('open', () => Promise.resolve());
       await service.close({ graceMs: 10 });
       say(await stuck);
       goDeaf();`,
      directory.file('orders.db'),
    );
    expect(await other.hear()).toBe('HIVEDB_E_POOL_CLOSED');
    expect(await other.end()).toEqual({ code: 0, stderr: '' });
  });

  it('leaves the other processes on the file as they were', async () => {
    await using temporary = await shop();
    await using other = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { orders: sqlite({ path: args[0], durability: 'normal' }) };
       const service = await openDatabaseService({ app: 'shop', presence: false, databases });
       await service.database('orders').write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('of the other')"));
       await service.close();
       say('closed');`,
      temporary.path,
    );
    expect(await other.hear()).toBe('closed');
    expect(readdirSync(dirname(temporary.path)).toSorted()).toEqual(['test.db', 'test.db-shm', 'test.db-wal']);
    await temporary.database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('ours')"));
    expect(itemsOf(temporary.database)).toEqual(['of the other', 'ours']);
  });
});

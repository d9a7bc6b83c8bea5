import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  openDatabaseService,
  sqlite,
  type Connection,
  type SqliteDatabase,
  type SyncConnection,
} from '@hive/shared-db';
import { VirtualClock } from '@hive/shared-db/testing';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { itemsOf, shop } from './support/shop.ts';

/** A place in this file. */
const HERE: unknown = expect.stringMatching(/reading\.test\.ts:\d+:\d+/);

const add = (database: SqliteDatabase, name: string): Promise<unknown> =>
  database.write('add', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', name));
const count = (c: Connection): Promise<number | undefined> =>
  c.get<{ n: number }>('SELECT count(*) AS n FROM item').then((row) => row?.n);

/** Another process writes while this thread stands still. */
function addElsewhere(path: string, name: string): void {
  const script = `const { DatabaseSync } = require('node:sqlite');
    new DatabaseSync(process.argv[1]).prepare('INSERT INTO item (name) VALUES (?)').run(process.argv[2]);`;
  execFileSync(process.execPath, ['-e', script, path, name], { stdio: 'pipe' });
}

describe('a read', () => {
  it('is one snapshot: it sees nothing that is committed after it began', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await add(database, 'a');
    const seen = await database.read('twice', async (c) => {
      // read             write
      const before = await count(c);
      await add(database, 'b');
      const between = await count(c);
      await database.transaction('add', (tx) => tx.run("INSERT INTO item (name) VALUES ('c')"));
      return [before, between, await count(c)];
    });
    expect(seen).toEqual([1, 1, 1]);
    expect(itemsOf(database)).toEqual(['a', 'b', 'c']);
  });

  it('begins its snapshot before its first statement', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const seen = await database.read('late', async (c) => {
      await add(database, 'a');
      return count(c);
    });
    expect(seen).toBe(0);
  });

  it('can be as many as there are readers at one time, each with a snapshot of its own', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<undefined>());
    const reads: Promise<number | undefined>[] = [];
    for (const [index, gate] of gates.entries()) {
      const begun = Promise.withResolvers<undefined>();
      reads.push(
        database.read('snapshot', (c) => {
          begun.resolve(undefined);
          return gate.promise.then(() => count(c));
        }),
      );
      await begun.promise;
      await add(database, `item ${index}`);
    }
    for (const gate of gates) gate.resolve(undefined);
    expect(await Promise.all(reads)).toEqual([0, 1, 2, 3]);
    expect(database.snapshot().pool).toMatchObject({ live: 4, leased: 0 });
  });

  it.each(['run', 'exec', 'get', 'all', 'iterate'] as const)('cannot write, by no method: %s', async (method) => {
    await using temporary = await shop();
    const { database } = temporary;
    const sql = "INSERT INTO item (name) VALUES ('x')";
    const returning = `${sql} RETURNING id`;
    const use = (c: Connection): Promise<unknown> => {
      if (method === 'iterate') return c.iterate(returning).next();
      return c[method](method === 'run' || method === 'exec' ? sql : returning);
    };
    expect(await rejectionOf(database.read('sneak', use))).toMatchObject({
      code: 'HIVEDB_E_READ_ONLY',
      retryable: false,
      database: 'test',
      label: 'sneak',
      advice: 'use write() or transaction() to change data',
    });
    const useSync = (c: SyncConnection): unknown => {
      if (method === 'iterate') return [...c.iterate(returning)];
      return c[method](method === 'run' || method === 'exec' ? sql : returning);
    };
    expect(outcomeOf(() => database.readSync('sneak', useSync))).toMatchObject({
      code: 'HIVEDB_E_READ_ONLY',
      label: 'sneak',
    });
    expect(itemsOf(database)).toEqual([]);
  });

  it('waits when all readers are taken, and says in time who has them', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock, poolSize: 2 });
    const { database } = temporary;
    const gate = Promise.withResolvers<undefined>();
    const holders = ['long report', 'longer report'].map((label) => database.read(label, () => gate.promise));
    await clock.advance(2_000);
    const served = database.read('served', count, { timeoutMs: 5_000 });
    await clock.advance(500);
    const late = rejectionOf(database.read('late', count, { timeoutMs: 1_000 }));
    await clock.advance(1_000);
    expect(await late).toMatchObject({
      code: 'HIVEDB_E_POOL_TIMEOUT',
      retryable: true,
      label: 'late',
      culprits: [
        { pid: process.pid, app: 'test', label: 'long report', heldMs: 3_500, callSite: HERE },
        { pid: process.pid, app: 'test', label: 'longer report', heldMs: 3_500, callSite: HERE },
      ],
      waiters: [{ pid: process.pid, app: 'test', label: 'served', waitMs: 1_500 }],
    });
    expect(database.leases().map(({ owner }) => owner)).toEqual(['long report', 'longer report']);
    gate.resolve(undefined);
    await Promise.all(holders);
    expect(await served).toBe(0);
  });

  it('gives its reader back whatever its function does', async () => {
    await using temporary = await shop({ poolSize: 1 });
    const { database } = temporary;
    const mine = new Error('mine');
    const ways: readonly ((c: Connection) => Promise<unknown>)[] = [
      () => Promise.reject(mine),
      () => {
        throw mine;
      },
      (c) => c.get('SELEKT'),
      (c) => c.iterate('SELECT 1 UNION SELECT 2').next(),
      async (c) => {
        for await (const row of c.iterate('SELECT 1 UNION SELECT 2')) return row;
        return undefined;
      },
    ];
    for (const way of ways) await database.read('careless', way).catch(() => undefined);
    expect(await database.read('next', count)).toBe(0);
    expect(database.snapshot().pool).toMatchObject({ leased: 0, live: 1 });
  });
});

describe('a synchronous read', () => {
  it('sees the newest state with each statement', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    expect(itemsOf(database)).toEqual([]);
    await add(database, 'a');
    expect(itemsOf(database)).toEqual(['a']);
    const seen = database.readSync('twice', (c) => {
      const before = c.all('SELECT name FROM item').length;
      addElsewhere(temporary.path, 'b');
      return [before, c.all('SELECT name FROM item').length];
    });
    expect(seen).toEqual([1, 2]);
  });

  it('leaves no iterator open, which would keep what comes after on an old state', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('a'), ('b')"));
    database.readSync('leave', (c) => {
      c.iterate('SELECT name FROM item').next();
    });
    await database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('c')"));
    expect(itemsOf(database)).toEqual(['a', 'b', 'c']);
  });

  it('can be used inside another, and inside a transaction, which it does not see', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const inside = await database.transaction('outer', async (tx) => {
      await tx.run("INSERT INTO item (name) VALUES ('a')");
      return database.readSync('outer', (c) => [c.get('SELECT 1 AS n'), itemsOf(database), c.get('SELECT 2 AS n')]);
    });
    expect(inside).toEqual([{ n: 1 }, [], { n: 2 }]);
  });

  it('does not take an asynchronous function', async () => {
    await using temporary = await shop();
    const outcome = outcomeOf(() => temporary.database.readSync('async', (c) => Promise.resolve(c.get('SELECT 1'))));
    expect(outcome).toMatchObject({ code: 'HIVEDB_E_WRONG_USE', label: 'async' });
  });

  it('passes on what its function throws, and takes its handle back', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const mine = new RangeError('mine');
    expect(
      outcomeOf(() =>
        database.readSync('throw', () => {
          throw mine;
        }),
      ),
    ).toBe(mine);
    const kept = database.readSync('keep', (c) => c);
    expect(outcomeOf(() => kept.get('SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE', database: 'test' });
    const { rows } = database.readSync('keep', (c) => ({ rows: c.iterate('SELECT 1 UNION SELECT 2') }));
    expect(outcomeOf(() => rows.next())).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
  });

  it('leaves a handle that was kept as stale in every function that comes later, and its iterator too', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const stale = { code: 'HIVEDB_E_LEASE_STALE', label: 'later' };
    const [kept, rows] = database.readSync('keep', (c) => {
      const iterator = c.iterate('SELECT 1 UNION SELECT 2 UNION SELECT 3');
      iterator.next();
      return [c, iterator] as const;
    });
    database.readSync('later', (own) => {
      expect(outcomeOf(() => kept.get('SELECT 1'))).toMatchObject(stale);
      expect(outcomeOf(() => rows.next())).toMatchObject(stale);
      const inner = database.readSync('inner', (c) => c);
      expect(outcomeOf(() => inner.get('SELECT 1'))).toMatchObject(stale);
      expect(database.readSync('inner', () => own.get('SELECT 1 AS one'))).toEqual({ one: 1 });
    });
  });

  it('says whether it has the connection that another one had, for what SQLite counts for each connection', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const look = (): symbol => database.readSync('look', ({ connectionKey }) => connectionKey);
    const first = look();
    expect(look()).toBe(first);
    await database.flush('idle');
    expect(look()).not.toBe(first);
  });

  it('never waits: not for a reader, not for a writer, not for opening', async () => {
    await using temporary = await shop({ poolSize: 1 });
    const { database, service } = temporary;
    const gate = Promise.withResolvers<undefined>();
    const holders = [database.read('reader', () => gate.promise), database.transaction('writer', () => gate.promise)];
    expect(itemsOf(database)).toEqual([]);
    gate.resolve(undefined);
    await Promise.all(holders);
    await service.close();
    expect(outcomeOf(() => itemsOf(database))).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED', database: 'test' });
  });

  it('says why when its database has failed, and has it opened again', async () => {
    await using temporary = await shop();
    const path = `${temporary.path}.d/orders.db`;
    mkdirSync(path, { recursive: true });
    const clock = new VirtualClock();
    await using service = await openDatabaseService({
      app: 'test',
      presence: false,
      databases: { orders: sqlite({ path }) },
      clock,
    });
    const read = (): unknown => service.database('orders').readSync('read', (c) => c.get('SELECT 1 AS one'));
    expect(outcomeOf(read)).toMatchObject({ code: 'HIVEDB_E_PATH' });
    rmdirSync(path);
    expect(outcomeOf(read)).toMatchObject({ code: 'HIVEDB_E_PATH' });
    await clock.advance(1_000);
    outcomeOf(read);
    await expect.poll(() => outcomeOf(read)).toEqual({ one: 1 });
  });
});

describe('the event loop', () => {
  it.each<readonly [string, (database: SqliteDatabase) => Promise<unknown>]>([
    ['reads', (database) => database.read('loop', (c) => c.get('SELECT 1'))],
    ['writes', (database) => database.write('loop', (tx) => tx.get('SELECT 1'))],
    ['transactions', (database) => database.transaction('loop', (tx) => tx.get('SELECT 1'))],
  ])('turns while a loop does nothing but await %s', async (_, use) => {
    await using temporary = await shop();
    const stop = new AbortController();
    setTimeout(() => {
      stop.abort();
    }, 20);
    const begin = performance.now();
    // Without a turn of the event loop the timer would never fire, and this would go on until it gives up.
    while (!stop.signal.aborted && performance.now() - begin < 5_000) await use(temporary.database);
    expect(stop.signal.aborted).toBe(true);
  });
});

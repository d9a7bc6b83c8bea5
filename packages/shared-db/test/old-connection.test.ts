import { describe, expect, it } from 'vitest';
import type { DatabaseSnapshot } from '@hive/shared-db';
import { oldConnection, OldConnectionPool } from '@hive/shared-db/direct';
import { rejectionOf } from './support/outcome.ts';
import { itemsOf, shop } from './support/shop.ts';

const held = ({ pool, lane, leases }: DatabaseSnapshot): unknown => ({ leased: pool.leased, ...lane, leases });
const NOTHING = expect.objectContaining({ leased: 0, waiting: 0, running: 0, leases: [] }) as unknown;

describe('an old connection', () => {
  it('reads and writes statement by statement, in the ways that old callers do', async () => {
    await using file = await shop();
    const connection = await oldConnection(() => Promise.resolve(file.database), 'old');
    expect(await connection.run('INSERT INTO item (name) VALUES (?)', 'a')).toMatchObject({ changes: 1 });
    await connection.exec("INSERT INTO item (name) VALUES ('b'); INSERT INTO item (name) VALUES ('c')");
    const statement = connection.prepare('SELECT name FROM item WHERE id > ? ORDER BY id');
    expect(await statement.all(1)).toEqual([{ name: 'b' }, { name: 'c' }]);
    expect(await statement.get(0)).toEqual({ name: 'a' });
    expect(await connection.prepare('DELETE FROM item WHERE name = ?').run('b')).toMatchObject({ changes: 1 });
    expect(await connection.all('SELECT name FROM item ORDER BY id')).toEqual([{ name: 'a' }, { name: 'c' }]);
  });

  it('writes once where a statement writes and gives rows', async () => {
    await using file = await shop();
    const connection = await oldConnection(() => Promise.resolve(file.database), 'old');
    expect(await connection.get("INSERT INTO item (name) VALUES ('a') RETURNING name")).toEqual({ name: 'a' });
    expect(await connection.all("INSERT INTO item (name) VALUES ('b') RETURNING id")).toEqual([{ id: 2 }]);
    expect(itemsOf(file.database)).toEqual(['a', 'b']);
  });

  it('asks for the right to write only where a statement writes: a wrong one fails as it is', async () => {
    await using file = await shop();
    const connection = await oldConnection(() => Promise.resolve(file.database), 'old');
    expect(await rejectionOf(connection.all('SELECT nothing FROM nowhere'))).toMatchObject({ code: 'HIVEDB_E_SQL' });
    const { reads, transactions } = file.database.snapshot().counters;
    expect({ reads, transactions }).toEqual({ reads: 1, transactions: 0 });
  });

  it('does several things or none of them', async () => {
    await using file = await shop();
    const connection = await oldConnection(() => Promise.resolve(file.database), 'old');
    const failing = connection.transaction(async (tx) => {
      await tx.run("INSERT INTO item (name) VALUES ('a')");
      throw new Error('changed my mind');
    });
    expect(await rejectionOf(failing)).toMatchObject({ message: 'changed my mind' });
    const twice = connection.exec("INSERT INTO item (name) VALUES ('b'); INSERT INTO item (name) VALUES ('b')");
    expect(await rejectionOf(twice)).toMatchObject({ code: 'HIVEDB_E_CONSTRAINT' });
    expect(itemsOf(file.database)).toEqual([]);
    await connection.transaction((tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    expect(itemsOf(file.database)).toEqual(['a']);
  });

  it('borrows for one call at a time: many that nobody gives back hold up nobody', async () => {
    await using file = await shop({ poolSize: 1 });
    const connections = await Promise.all(
      Array.from({ length: 50 }, () => oldConnection(() => Promise.resolve(file.database), 'old')),
    );
    await Promise.all(connections.map((connection, n) => connection.run('INSERT INTO item (name) VALUES (?)', `${n}`)));
    expect(await file.database.read('count', (c) => c.get('SELECT count(*) AS n FROM item'))).toEqual({ n: 50 });
    expect(held(file.database.snapshot())).toEqual(NOTHING);
  });

  it('is given back once, however often and by whichever names', async () => {
    await using file = await shop();
    const back: unknown[] = [];
    const connection = await oldConnection(
      () => Promise.resolve(file.database),
      'old',
      (one) => back.push(one),
    );
    await connection.close();
    await connection.release();
    await connection[Symbol.asyncDispose]();
    expect(back).toEqual([connection]);
  });

  it('is of no use once it was given back, by whichever name', async () => {
    await using file = await shop();
    for (const end of ['close', 'release', Symbol.asyncDispose] as const) {
      const connection = await oldConnection(() => Promise.resolve(file.database), 'old');
      await connection[end]();
      await connection[end]();
      for (const use of [connection.all('SELECT 1'), connection.exec('DELETE FROM item')])
        expect(await rejectionOf(use)).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE', label: 'old' });
    }
  });

  it('is refused where its database cannot be had', async () => {
    const none = oldConnection(() => Promise.reject(new Error('no database')), 'old');
    expect(await rejectionOf(none)).toMatchObject({ message: 'no database' });
  });
});

describe('an old pool', () => {
  const deprecation = { code: 'HIVEDB_DEP0996', api: 'ConnectionPool', replacement: 'the service' } as const;

  it('lends, counts what is out, takes back and closes, while the database stays open', async () => {
    await using file = await shop();
    const pool = new OldConnectionPool(() => Promise.resolve(file.database), deprecation);
    const [one, two, three] = [await pool.getConnection(), await pool.getConnection(), await pool.getConnection()];
    expect(await pool.getStats()).toEqual({ inUse: 3, databaseName: 'test' });
    await pool.returnConnection(one);
    await two.release();
    expect(await pool.getStats()).toMatchObject({ inUse: 1 });
    const late = rejectionOf(pool.getConnection());
    await pool.closeAll();
    expect(await late).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    expect(await pool.getStats()).toMatchObject({ inUse: 0 });
    expect(await rejectionOf(three.all('SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    expect(await rejectionOf(pool.getConnection())).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    expect(itemsOf(file.database)).toEqual([]);
  });
});

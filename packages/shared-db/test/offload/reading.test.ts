import { openDatabaseService, sqlite, type IntegerMode, type SqliteDatabase } from '@hive/shared-db';
import { temporaryDatabase, temporaryDirectory } from '@hive/shared-db/testing';
import Database from 'better-sqlite3';
import * as fc from 'fast-check';
import { renameSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rejectionOf } from '../support/outcome.ts';
import { replay } from '../support/replay.ts';
import { shop } from '../support/shop.ts';

const MIXED = [{ id: 1, name: 'mixed', sql: 'CREATE TABLE mixed (id INTEGER PRIMARY KEY, a, b, c)' }];
const ALL = 'SELECT * FROM mixed ORDER BY id';

function here(database: SqliteDatabase, sql: string): unknown {
  return database.readSync('here', (c) => c.all(sql));
}

function there(database: SqliteDatabase, sql: string): Promise<unknown> {
  return database.offload('there', sql);
}

describe('reading in another thread', () => {
  it('gives the rows that reading here gives, whatever they hold and however many there are', async () => {
    await using temporary = await temporaryDatabase({ migrations: MIXED });
    const { database } = temporary;
    const value = fc.oneof(
      fc.constant(null),
      fc.double({ noNaN: true }),
      fc.maxSafeInteger(),
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    );
    const rows = fc.array(fc.tuple(value, value, value), { minLength: 0, maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(rows, async (given) => {
        await database.write('fill', (tx) => {
          tx.run('DELETE FROM mixed');
          for (const values of given) tx.run('INSERT INTO mixed (a, b, c) VALUES (?, ?, ?)', ...values);
        });
        expect(await there(database, ALL)).toStrictEqual(here(database, ALL));
      }),
      replay({ numRuns: 60 }),
    );
  });

  it('gives a result of many packages in its order', async () => {
    await using temporary = await shop();
    const rows = await temporary.database.offload<{ i: number; t: string }>(
      'many',
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, 'text ' || i AS t FROM n",
    );
    expect(rows).toHaveLength(20_000);
    expect(rows.every(({ i, t }, index) => i === index + 1 && t === `text ${i}`)).toBe(true);
  });

  it('gives long texts and blobs whole', async () => {
    await using temporary = await shop();
    const sql =
      "SELECT value AS n, replace(hex(zeroblob(100000)), '0', 'ä') AS t, zeroblob(50000) AS b FROM json_each('[1,2,3,4,5,6,7,8,9]')";
    expect(await there(temporary.database, sql)).toStrictEqual(here(temporary.database, sql));
  });

  it.each(['safe', 'bigint', 'number'] as const)(
    'gives integers as the database wants them: %s',
    async (integers: IntegerMode) => {
      await using temporary = await temporaryDatabase({ migrations: MIXED, integers });
      const { database } = temporary;
      await database.write('fill', (tx) => {
        for (let i = 0; i < 500; i++)
          tx.run('INSERT INTO mixed (a, b, c) VALUES (?, ?, NULL)', i, 9_007_199_254_740_991);
      });
      expect(await there(database, ALL)).toStrictEqual(here(database, ALL));
      expect(await there(database, `${ALL} LIMIT 3`)).toStrictEqual(here(database, `${ALL} LIMIT 3`));
    },
  );

  it('refuses an integer that a number cannot hold, as reading here does', async () => {
    await using temporary = await shop();
    const sql = 'SELECT 9007199254740993 AS large';
    const told = await rejectionOf(temporary.database.read('large', (c) => c.all(sql)));
    expect(await rejectionOf(temporary.database.offload('large', sql))).toMatchObject({
      code: 'HIVEDB_E_WRONG_USE',
      message: (told as Error).message,
      database: 'test',
      label: 'large',
    });
  });

  it.each([
    ['no rows', 'SELECT 1 AS n WHERE 0'],
    ['columns of one name', 'SELECT 1 AS n, 2 AS m, 3 AS n'],
    ['names that are no words', 'SELECT 1 AS "1", 2 AS "a""b", 3 AS "", 4 AS "constructor"'],
    ['infinities and the negative zero', 'SELECT 9e999 AS a, -9e999 AS b, -0.0 AS c, NULL AS d'],
    ['many columns', `SELECT ${Array.from({ length: 1_000 }, (_, i) => `${i} AS c${i}`).join(', ')}`],
  ])('gives %s as the engine does', async (_, sql) => {
    await using temporary = await shop();
    expect(await there(temporary.database, sql)).toStrictEqual(here(temporary.database, sql));
  });

  it('binds by position and by name, and what was bound at the moment of the call', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const bytes = Buffer.from('bytes');
    const list = [1, 'two', 3n, bytes.subarray(1, 3), null];
    const positions = database.offload('positions', 'SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e', list);
    list[0] = 99;
    bytes.fill(0);
    expect(await positions).toStrictEqual([{ a: 1, b: 'two', c: 3, d: Buffer.from('yt'), e: null }]);
    expect(await database.offload('names', 'SELECT :a AS a, @b AS b', { a: 1, b: 'two' })).toStrictEqual([
      { a: 1, b: 'two' },
    ]);
  });

  it('sees what has been committed before it was called, and keeps no snapshot', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    for (const expected of [1, 2, 3]) {
      await database.write('save', (tx) => tx.run('INSERT INTO item (name) VALUES (?)', `item ${expected}`));
      expect(await database.offload('count', 'SELECT count(*) AS n FROM item')).toEqual([{ n: expected }]);
    }
    // A snapshot that is left open would hold the log.
    const checkpoint = new Database(temporary.path);
    expect(checkpoint.pragma('wal_checkpoint(TRUNCATE)')).toEqual([{ busy: 0, log: 0, checkpointed: 0 }]);
    checkpoint.close();
  });

  it('reads a column that was added after the statement was run the first time', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    const sql = 'SELECT * FROM item';
    expect(await database.offload('items', sql)).toEqual([{ id: 1, name: 'a' }]);
    await database.write('alter', (tx) => {
      tx.exec('ALTER TABLE item ADD COLUMN price REAL DEFAULT 1.5');
    });
    expect(await database.offload('items', sql)).toEqual([{ id: 1, name: 'a', price: 1.5 }]);
  });

  it('serves databases with integers of their own by the same threads', async () => {
    using directory = temporaryDirectory();
    await using service = await openDatabaseService({
      app: 'test',
      presence: false,
      offloadWorkers: 1,
      databases: {
        one: sqlite({ path: directory.file('one.db'), durability: 'normal' }),
        two: sqlite({ path: directory.file('two.db'), durability: 'normal', integers: 'bigint' }),
      },
    });
    const [one, two] = await Promise.all([
      service.database('one').offload('one', 'SELECT 1 AS n'),
      service.database('two').offload('two', 'SELECT 1 AS n'),
    ]);
    expect([one, two]).toEqual([[{ n: 1 }], [{ n: 1n }]]);
    expect(service.snapshot().offload.threads).toMatchObject({ live: 1, counters: { done: 2 } });
  });

  it.each([
    ['a statement that writes', "INSERT INTO item (name) VALUES ('x') RETURNING id", 'READ_ONLY'],
    ['one that gives nothing', "INSERT INTO item (name) VALUES ('x')", 'WRONG_USE'],
    ['transaction control', 'BEGIN', 'WRONG_USE'],
    ['a pragma that changes the connection', 'PRAGMA query_only = OFF', 'WRONG_USE'],
    ['another file', "ATTACH 'x.db' AS x", 'WRONG_USE'],
    ['a temporary table', 'CREATE TEMP TABLE t AS SELECT 1', 'WRONG_USE'],
    ['two statements', 'SELECT 1; SELECT 2', 'WRONG_USE'],
    ['what is no SQL', 'SELEC 1', 'SQL'],
  ])('refuses %s', async (_, sql, kind) => {
    await using temporary = await shop();
    const { database } = temporary;
    expect(await rejectionOf(database.offload('wrong', sql))).toMatchObject({
      code: `HIVEDB_E_${kind}`,
      database: 'test',
      label: 'wrong',
      retryable: false,
    });
    expect(database.readSync('items', (c) => c.all('SELECT * FROM item'))).toEqual([]);
    // The thread goes on.
    expect(await database.offload('right', 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it.each([
    ['a value that cannot be bound', ['SELECT ?', [true]], 'WRONG_USE'],
    ['a function among them', ['SELECT ?', [() => 1]], 'WRONG_USE'],
    ['too few values', ['SELECT ?, ?', [1]], 'WRONG_USE'],
    ['parameters that are none', ['SELECT ?', 1], 'WRONG_USE'],
    ['SQL that is no text', [42, []], 'WRONG_USE'],
    ['an option that is none', ['SELECT 1', [], { isolated: true }], 'CONFIG'],
    ['an isolation that is none', ['SELECT 1', [], { isolation: 'fork' }], 'CONFIG'],
    ['a duration that is none', ['SELECT 1', [], { timeoutMs: -1 }], 'CONFIG'],
  ])('refuses %s', async (_, args, kind) => {
    await using temporary = await shop();
    const database = temporary.database as unknown as { offload(...given: readonly unknown[]): Promise<unknown> };
    const error = await rejectionOf(database.offload('wrong', ...args));
    expect(error).toMatchObject({ code: `HIVEDB_E_${kind}`, database: 'test' });
    expect((error as Error).message).toContain('database test');
  });

  it('tells no bound value in an error', async () => {
    await using temporary = await shop();
    const error = await rejectionOf(temporary.database.offload('json', 'SELECT json_extract(?, ?)', ['{}', 'geheim']));
    expect(error).toMatchObject({ code: 'HIVEDB_E_SQL' });
    expect(String((error as Error).stack) + String((error as Error).cause)).not.toContain('geheim');
  });

  it('is refused inside a write function, which must use its own handle', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    let offloaded: Promise<unknown> = Promise.resolve();
    await database.write('save', () => {
      offloaded = rejectionOf(database.offload('count', 'SELECT 1'));
    });
    expect(await offloaded).toMatchObject({ code: 'HIVEDB_E_WRONG_USE', label: 'count' });
  });

  it('opens no other file in the place of the one that was there', async () => {
    await using temporary = await shop();
    const { database, path } = temporary;
    renameSync(path, `${path}.moved`);
    new Database(path).close();
    expect(await rejectionOf(database.offload('count', 'SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_FILE_REPLACED' });
    expect(database.snapshot().status).toBe('fenced');
  });

  it('counts its calls, and its statements among all others', async () => {
    await using temporary = await shop();
    const { database, service } = temporary;
    for (let i = 0; i < 3; i++) await database.offload('count', 'SELECT count(*) AS n FROM item');
    const { counters, statements } = database.snapshot();
    expect(counters.offloads).toBe(3);
    expect(statements.find(({ statement }) => statement === 'SELECT count(*) AS n FROM item')).toMatchObject({
      runs: 3,
    });
    expect(service.snapshot().offload.threads.counters).toMatchObject({ done: 3, failed: 0 });
  });
});

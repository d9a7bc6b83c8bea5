import { describe, expect, it } from 'vitest';
import type { IntegerMode, SyncConnection } from '@hive/shared-db';
import { temporaryDatabase, type TemporaryDatabase } from '@hive/shared-db/testing';

const LARGEST_SAFE = 9_007_199_254_740_991n;
const TOO_LARGE = LARGEST_SAFE + 2n;

async function withNumbers(integers?: IntegerMode): Promise<TemporaryDatabase> {
  const temporary = await temporaryDatabase(integers === undefined ? {} : { integers });
  await temporary.database.write('numbers', (tx) => {
    tx.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, n, big TEXT)');
    for (const n of [1n, LARGEST_SAFE, -LARGEST_SAFE]) tx.run('INSERT INTO t (n) VALUES (?)', n);
  });
  return temporary;
}

/** Every way to read. */
const READS: readonly (readonly [string, (c: SyncConnection, sql: string) => unknown])[] = [
  ['get', (c, sql) => c.get(sql)],
  ['all', (c, sql) => c.all(sql)],
  ['iterate', (c, sql) => [...c.iterate(sql)]],
];

describe('integers, by default', () => {
  it('are numbers as far as numbers are exact', async () => {
    await using temporary = await withNumbers();
    expect(temporary.database.readSync('all', (c) => c.all('SELECT n FROM t'))).toEqual([
      { n: 1 },
      { n: Number.MAX_SAFE_INTEGER },
      { n: -Number.MAX_SAFE_INTEGER },
    ]);
  });

  it.each(READS)('throw beyond that instead of being silently wrong: %s', async (_, read) => {
    await using temporary = await withNumbers();
    const { database } = temporary;
    const tooLarge = { code: 'HIVEDB_E_WRONG_USE', message: expect.stringContaining('column n holds an integer') };
    for (const n of [TOO_LARGE, -TOO_LARGE, LARGEST_SAFE + 1n, 9_223_372_036_854_775_807n]) {
      await database.write('too large', (tx) => tx.run('UPDATE t SET n = ? WHERE id = 1', n));
      const use = (sql: string) => (): unknown => database.readSync('read', (c) => read(c, sql));
      expect(use('SELECT n FROM t WHERE id = 1')).toThrow(expect.objectContaining(tooLarge) as Error);
      expect(use('SELECT max(n) AS n, min(n) AS n2 FROM t WHERE id = 1')).toThrow('column n');
      await expect(database.read('read', (c) => c.get('SELECT n FROM t WHERE id = 1'))).rejects.toMatchObject(tooLarge);
    }
  });

  it('leave real numbers of any size alone', async () => {
    await using temporary = await withNumbers();
    const { database } = temporary;
    await database.write('reals', (tx) => tx.run('UPDATE t SET n = ?', 1e300));
    for (const [, read] of READS)
      expect([database.readSync('reals', (c) => read(c, 'SELECT n FROM t LIMIT 1'))].flat()).toEqual([{ n: 1e300 }]);
    expect(database.readSync('infinite', (c) => c.get('SELECT 9e999 AS n, -9e999 AS m'))).toEqual({
      n: Infinity,
      m: -Infinity,
    });
  });

  it('are checked in what a writing statement returns, which is run once', async () => {
    await using temporary = await withNumbers();
    const { database } = temporary;
    const inserted = await database.write('returning', (tx) =>
      tx.get('INSERT INTO t (n) VALUES (5) RETURNING id, n, n * 2 AS twice'),
    );
    expect(inserted).toEqual({ id: 4, n: 5, twice: 10 });
    for (const [, read] of READS)
      await expect(
        database.write('too large', (tx) => read(tx, `INSERT INTO t (n) VALUES (${TOO_LARGE}) RETURNING n`)),
      ).rejects.toMatchObject({ code: 'HIVEDB_E_WRONG_USE' });
    expect(database.readSync('count', (c) => c.get('SELECT count(*) AS rows FROM t'))).toEqual({ rows: 4 });
  });

  it('are exact in a row id, which is a bigint where a number would be wrong', async () => {
    await using temporary = await withNumbers();
    const { database } = temporary;
    const ids = await database.write('row ids', (tx) =>
      [7n, LARGEST_SAFE, TOO_LARGE, -TOO_LARGE].map(
        (id) => tx.run('INSERT INTO t (id, n) VALUES (?, 0)', id).lastInsertRowid,
      ),
    );
    expect(ids).toEqual([7, Number(LARGEST_SAFE), TOO_LARGE, -TOO_LARGE]);
  });

  it.each(READS)('are checked in a column that a statement has got since it was first run: %s', async (_, way) => {
    await using temporary = await temporaryDatabase({
      migrations: [{ id: 1, name: 't', sql: 'CREATE TABLE t (name TEXT)' }],
    });
    const { database } = temporary;
    await database.write('fill', (tx) => tx.run("INSERT INTO t VALUES ('a')"));
    const read = (): unknown => [database.readSync('star', (c) => way(c, 'SELECT * FROM t'))].flat()[0];
    expect(read()).toEqual({ name: 'a' });
    await database.write('alter', (tx) => {
      tx.exec('ALTER TABLE t ADD COLUMN n INTEGER');
    });
    await database.write('fill', (tx) => tx.run('UPDATE t SET n = ?', TOO_LARGE));
    expect(read).toThrow('column n holds an integer beyond 2^53');
    await database.write('fill', (tx) => tx.run('UPDATE t SET n = 3'));
    expect(read()).toEqual({ name: 'a', n: 3 });
    await database.write('fill', (tx) => tx.run('UPDATE t SET n = ?', TOO_LARGE));
    expect(read).toThrow('column n holds an integer beyond 2^53');
  });

  it('are checked whatever the columns are called', async () => {
    await using temporary = await withNumbers();
    for (const name of ['a"b', "a'b", 'a\\b', 'a\nb', '</script>', '\u{2028}', 'constructor', '💾', ''])
      expect(() =>
        temporary.database.readSync('odd', (c) => c.get(`SELECT ${TOO_LARGE} AS "${name.replaceAll('"', '""')}"`)),
      ).toThrow('beyond 2^53');
  });
});

describe('integers, when asked for', () => {
  it.each(READS)('are all bigints: %s', async (_, read) => {
    await using temporary = await withNumbers('bigint');
    const { database } = temporary;
    await database.write('too large', (tx) => tx.run('UPDATE t SET n = ? WHERE id = 1', TOO_LARGE));
    const row = database.readSync('read', (c) => read(c, 'SELECT id, n, 1.5 AS real FROM t WHERE id = 1'));
    expect([row].flat()).toEqual([{ id: 1n, n: TOO_LARGE, real: 1.5 }]);
    const { lastInsertRowid } = await database.write('insert', (tx) => tx.run('INSERT INTO t (n) VALUES (1)'));
    expect(lastInsertRowid).toBe(4n);
  });

  it.each(READS)('are all numbers, rounded where they must be: %s', async (_, read) => {
    await using temporary = await withNumbers('number');
    const { database } = temporary;
    await database.write('too large', (tx) => tx.run('UPDATE t SET n = ? WHERE id = 1', TOO_LARGE));
    const row = database.readSync('read', (c) => read(c, 'SELECT n FROM t WHERE id = 1'));
    expect([row].flat()).toEqual([{ n: Number(TOO_LARGE) }]);
    const { lastInsertRowid } = await database.write('insert', (tx) =>
      tx.run('INSERT INTO t (id) VALUES (?)', TOO_LARGE),
    );
    expect(lastInsertRowid).toBe(Number(TOO_LARGE));
  });
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isKind } from '@hive/shared-db';
import { temporaryDatabase } from '@hive/shared-db/testing';
// The text scanner by itself: a service cannot be asked a hundred thousand times.
import { refusalOf } from '../../dist/sqlite/sql-text.js';
import { replay } from '../support/replay.ts';

const TRIGGER = 'CREATE TRIGGER keep AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END; SELECT 1; END';

describe('SQL text that is accepted', () => {
  it.each([
    'SELECT 1',
    '  -- a comment\n SELECT 1; /* another */ ;;',
    'SELECT 1; SELECT 2',
    "SELECT 'COMMIT; BEGIN'",
    'SELECT "COMMIT; BEGIN", `x;y`, [z; COMMIT]',
    "SELECT 'it''s; COMMIT'",
    'SELECT 1 -- ; COMMIT',
    'SELECT 1 /* ; COMMIT ; */',
    'WITH begin_ AS (SELECT 1) SELECT * FROM begin_',
    'REPLACE INTO t VALUES (1)',
    'INSERT OR ROLLBACK INTO t VALUES (1)',
    'ANALYZE',
    TRIGGER,
    `${TRIGGER}; SELECT 1`,
    `/* why */ create /* what */ temp trigger x before delete on t begin select 1; end;`,
    'EXPLAIN SELECT 1',
    'EXPLAIN QUERY PLAN SELECT 1',
    `EXPLAIN ${TRIGGER}`,
    'PRAGMA user_version',
    'PRAGMA user_version = 7',
    'pragma main.user_version',
    'PRAGMA "main"."user_version"',
    'PRAGMA table_info(t)',
    "PRAGMA main.table_info('t')",
    'PRAGMA quick_check',
    'PRAGMA defer_foreign_keys = ON',
    'PRAGMA data_version',
    '',
    ';;;',
  ])('%j', (sql) => {
    expect(refusalOf(sql)).toBeUndefined();
  });
});

describe('SQL text that is refused', () => {
  it.each([
    ['BEGIN', 'BEGIN is transaction control'],
    ['begin immediate', 'BEGIN is transaction control'],
    ['COMMIT', 'COMMIT is transaction control'],
    ['END', 'END is transaction control'],
    ['ROLLBACK', 'ROLLBACK is transaction control'],
    ['SAVEPOINT a', 'SAVEPOINT is transaction control'],
    ['RELEASE a', 'RELEASE is transaction control'],
    ['/* hidden */ COMMIT', 'COMMIT is transaction control'],
    ['-- hidden\nCOMMIT', 'COMMIT is transaction control'],
    ['\t\n;; COMMIT', 'COMMIT is transaction control'],
    ['\u{FEFF}COMMIT', 'COMMIT is transaction control'],
    ['\u{FEFF} \u{FEFF}COMMIT', 'COMMIT is transaction control'],
    ['SELECT 1; COMMIT', 'COMMIT is transaction control'],
    ["SELECT ';'; COMMIT", 'COMMIT is transaction control'],
    ['SELECT "a;b"; /* x */ COMMIT', 'COMMIT is transaction control'],
    ['SELECT [a;b];\u{FEFF}COMMIT', 'COMMIT is transaction control'],
    [`${TRIGGER}; COMMIT`, 'COMMIT is transaction control'],
    ['EXPLAIN COMMIT', 'COMMIT is transaction control'],
    ["ATTACH 'other.db' AS other", 'ATTACH opens or closes another file'],
    ['DETACH other', 'DETACH opens or closes another file'],
    ['VACUUM', 'VACUUM rewrites or copies the whole file'],
    ["VACUUM INTO 'copy.db'", 'VACUUM rewrites or copies the whole file'],
    ['PRAGMA journal_mode = DELETE', 'PRAGMA journal_mode changes the connection'],
    ['PRAGMA main.journal_mode = DELETE', 'PRAGMA journal_mode changes the connection'],
    ['PRAGMA "main" . "journal_mode" = DELETE', 'PRAGMA journal_mode changes the connection'],
    ['PRAGMA [journal_mode](DELETE)', 'PRAGMA journal_mode changes the connection'],
    ['pragma/**/query_only/**/=off', 'PRAGMA query_only changes the connection'],
    ['EXPLAIN PRAGMA query_only = OFF', 'PRAGMA query_only changes the connection'],
    ['EXPLAIN QUERY PLAN PRAGMA main.synchronous = OFF', 'PRAGMA synchronous changes the connection'],
    ['PRAGMA busy_timeout = 60000', 'PRAGMA busy_timeout changes the connection'],
    ['PRAGMA wal_checkpoint(TRUNCATE)', 'PRAGMA wal_checkpoint changes the connection'],
    ['PRAGMA encoding = "UTF-16"', 'PRAGMA encoding with a value changes the file'],
    ['PRAGMA main.page_size(4096)', 'PRAGMA page_size with a value changes the file'],
    ['PRAGMA', 'PRAGMA  changes the connection'],
  ])('%j', (sql, why) => {
    expect(refusalOf(sql)).toBe(why);
  });

  it('is refused wherever SQL is taken, and nothing of it is run', async () => {
    await using temporary = await temporaryDatabase();
    const { database } = temporary;
    await database.write('schema', (tx) => {
      tx.exec('CREATE TABLE t (a)');
    });
    const texts = ['COMMIT', 'SELECT 1; ROLLBACK', "ATTACH ':memory:' AS other", 'EXPLAIN PRAGMA query_only = OFF'];
    for (const sql of texts) {
      for (const method of ['all', 'get', 'run', 'exec'] as const) {
        await expectRefused(database.write(method, (tx) => tx[method](sql)));
        await expectRefused(database.read(method, (c) => c[method](sql)));
        expect(() => database.readSync(method, (c) => c[method](sql))).toThrow('is not accepted as SQL text');
      }
      await expectRefused(database.write('iterate', (tx) => [...tx.iterate(sql)]));
      await expectRefused(database.transaction('exec', (tx) => tx.exec(`INSERT INTO t VALUES (1); ${sql}`)));
    }
    expect(database.readSync('count', (c) => c.get('SELECT count(*) AS n FROM t'))).toEqual({ n: 0 });
  });
});

// What the scanner and SQLite must not read differently.
const PIECES =
  'CREATE TRIGGER TEMP BEGIN END ; CASE PRAGMA EXPLAIN QUERY PLAN . = ( ) \' " ` [ ] -- /* */ $x( ?1 :: \0 \u{FEFF} \u{D800} 💾'
    .split(' ')
    .concat(' ', '\n', '\f', '\v');

describe('the scanner', () => {
  it('reads a text of any length', () => {
    for (const filling of ['a'.repeat(20_000_000), "''".repeat(10_000_000), '/* */'.repeat(2_000_000)])
      expect(refusalOf(`INSERT INTO t VALUES ('${filling}'); COMMIT`)).toBe('COMMIT is transaction control');
  });

  it('never throws, whatever the text', () => {
    const pieces = fc.constantFrom(...PIECES);
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (sql) => {
        expect(['string', 'undefined']).toContain(typeof refusalOf(sql));
      }),
      replay({ numRuns: 2_000 }),
    );
  });

  it('refuses transaction control wherever SQLite would see it', async () => {
    await using temporary = await temporaryDatabase();
    const { database } = temporary;
    // Whatever stands around it: if SQLite gets as far as running COMMIT, the transaction is gone when the text has been run.
    const around = fc.array(fc.constantFrom('SELECT 1', ...PIECES), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(around, around, async (before, after) => {
        const sql = `${before.join('')}COMMIT${after.join('')}`;
        const ended = 'a statement ended the transaction';
        const error: unknown = await database.write('fuzz', (tx) => tx.exec(sql)).catch((thrown: unknown) => thrown);
        expect(isKind(error, 'SQL') && error.message.includes(ended)).toBe(false);
      }),
      replay({ numRuns: 400 }),
    );
  });
});

async function expectRefused(use: Promise<unknown>): Promise<void> {
  await expect(use).rejects.toMatchObject({
    code: 'HIVEDB_E_WRONG_USE',
    retryable: false,
    message: expect.stringContaining('is not accepted as SQL text') as string,
  });
}

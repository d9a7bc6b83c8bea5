import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connection, SqlValue, SyncConnection } from '@hive/shared-db';
import { temporaryDatabase, type TemporaryDatabase } from '@hive/shared-db/testing';
// By itself, because none of the virtual tables that come with SQLite says what it quotes as a constraint.
import { wordsWithoutValues } from '../dist/sqlite/error-words.js';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { recordingLogger, type RecordingLogger } from './support/recording-logger.ts';
import { replay } from './support/replay.ts';

const SCHEMA = `
  CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, age INTEGER CHECK (age > 0)) STRICT;
  CREATE TABLE entry (account INTEGER REFERENCES account, note TEXT);
  CREATE TRIGGER loud BEFORE INSERT ON entry WHEN NEW.note LIKE 'loud%'
    BEGIN SELECT RAISE(ABORT, 'not allowed: ' || NEW.note); END;
  CREATE TRIGGER fixed BEFORE INSERT ON entry WHEN NEW.note LIKE 'fixed%'
    BEGIN SELECT RAISE(ABORT, 'it''s not allowed'); END;
  CREATE VIRTUAL TABLE document USING fts5(text);
  CREATE VIRTUAL TABLE span USING rtree(id, low, high);
`;

/** Statements that fail with a value, each in its own way. */
const FAILURES: readonly (readonly [sql: string, bind: (secret: string) => readonly SqlValue[]])[] = [
  ['INSERT INTO account (name, age) VALUES (?, 0)', (secret) => [secret]],
  ['INSERT INTO account (name, age) VALUES (?, ?)', (secret) => [secret, secret]],
  ['INSERT INTO account (id, name, age) VALUES (?, ?, 1), (?, ?, 1)', (secret) => [1, secret, 2, secret]],
  ['INSERT INTO account (id, name) VALUES (?, ?)', (secret) => [secret, 'x']],
  ['INSERT INTO entry VALUES (NULL, ?)', (secret) => [`loud ${secret}`]],
  ['INSERT INTO entry VALUES (42, ?)', (secret) => [secret]],
  ['SELECT json(?)', (secret) => [`{"${secret}`]],
  ['SELECT json_extract(?, ?)', (secret) => ['{}', secret]],
  ['SELECT json_extract(?, ?)', (secret) => ['{}', `$."${secret}`]],
  ['SELECT * FROM document WHERE text MATCH ?', (secret) => [`"${secret}`]],
  ['SELECT * FROM document WHERE text MATCH ?', (secret) => [`${secret}: x`]],
  ['SELECT * FROM document WHERE text MATCH ?', (secret) => [`(${secret}`]],
  ['SELECT * FROM document WHERE document MATCH ? AND rank MATCH ?', (secret) => ['x', `${secret}(`]],
  ['INSERT INTO document (document, rank) VALUES (?, ?)', (secret) => ['rank', secret]],
  ['INSERT INTO document (document) VALUES (?)', (secret) => [secret]],
  ['SELECT abs(?)', () => [-9223372036854775808n]],
  ["SELECT 'x' LIKE 'x' ESCAPE ?", (secret) => [secret]],
  ['SELECT zeroblob(?) || ?', (secret) => [2 ** 40, secret]],
  ['SELECT load_extension(?)', (secret) => [secret]],
  ['SELECT :name', (secret) => [secret]],
  ['SELECT ?', (secret) => [secret, secret]],
  ['SELECT ?', (secret) => [{ secret } as unknown as SqlValue]],
  ['SELECT ?', (secret) => [new Date(secret) as unknown as SqlValue]],
  ['SELECT no_such_column WHERE x = ?', (secret) => [secret]],
  ['SELEKT ?', (secret) => [secret]],
];

async function ledger(logger: RecordingLogger): Promise<TemporaryDatabase> {
  return temporaryDatabase({ migrations: [{ id: 1, name: 'ledger', sql: SCHEMA }], logger });
}

/** Everything that is said of an error, by whoever shows it. */
function shown(error: unknown): string {
  return [inspect(error, { depth: Infinity, showHidden: true }), JSON.stringify(error), String(error)].join('\n');
}

describe('a bound value', () => {
  it('is in no error, no log and no snapshot, however its statement fails', async () => {
    const logger = recordingLogger();
    await using temporary = await ledger(logger);
    const { database, service } = temporary;
    const word = fc.stringMatching(/^[a-z]{12}$/).map((letters) => `canary${letters}`);
    await fc.assert(
      fc.asyncProperty(word, fc.constantFrom(...FAILURES), async (secret, [sql, bind]) => {
        const params = bind(secret);
        const sync = (c: SyncConnection): unknown[] => [
          outcomeOf(() => c.get(sql, ...params)),
          outcomeOf(() => c.all(sql, ...params)),
          outcomeOf(() => c.run(sql, ...params)),
          outcomeOf(() => [...c.iterate(sql, ...params)]),
        ];
        const use = (c: Connection): Promise<unknown> => c[sql.startsWith('INSERT') ? 'run' : 'all'](sql, ...params);
        const errors = [
          ...(await database.write('inside', sync)),
          await rejectionOf(database.write('through', (tx) => tx.transaction((part) => part.run(sql, ...params)))),
          await rejectionOf(database.transaction('through', use)),
          await rejectionOf(database.transaction('nested', (tx) => tx.transaction(use))),
          await rejectionOf(database.read('through', use)),
          outcomeOf(() => database.readSync('through', (c) => c.all(sql, ...params))),
        ];
        for (const error of errors) {
          expect(error).toHaveProperty('code', expect.stringMatching(/^HIVEDB_E_/));
          expect(shown(error)).not.toContain(secret);
        }
      }),
      replay({ numRuns: 200 }),
    );
    const told = inspect([logger.lines, service.snapshot(), service.verdict()], { depth: Infinity });
    expect(told).not.toContain('canary');
  });
});

describe('an error of a statement', () => {
  it.each([
    [
      'INSERT INTO account (name) VALUES (NULL)',
      'NOT NULL constraint failed: account.name (SQLITE_CONSTRAINT_NOTNULL)',
    ],
    ['INSERT INTO account (name, age) VALUES (1, 0)', 'CHECK constraint failed: age > 0 (SQLITE_CONSTRAINT_CHECK)'],
    ["INSERT INTO account (name, age) VALUES ('x', 'y')", 'cannot store TEXT value in INTEGER column account.age'],
    ["INSERT INTO entry VALUES (NULL, 'fixed')", "it's not allowed (SQLITE_CONSTRAINT_TRIGGER)"],
    ["INSERT INTO entry VALUES (NULL, 'loud one')", 'a trigger refused the change (SQLITE_CONSTRAINT_TRIGGER)'],
    ['SELECT * FROM nowhere', 'no such table: nowhere (SQLITE_ERROR)'],
    ['SELECT missing FROM account', 'no such column: missing (SQLITE_ERROR)'],
    ['SELEKT 1', 'near "SELEKT": syntax error (SQLITE_ERROR)'],
    ["SELECT 'never ended", "unrecognized token: \"'…' (SQLITE_ERROR)"],
    ["SELECT * FROM document WHERE text MATCH '(x'", 'fts5: syntax error near … (SQLITE_ERROR)'],
    ['INSERT INTO span VALUES (1, 2, 1)', 'rtree constraint failed: span.(low<=high) (SQLITE_CONSTRAINT)'],
    [`SELECT ${'x'.repeat(10_000)}`, 'no such column: xxx'],
    ["SELECT json('{')", 'malformed JSON (SQLITE_ERROR)'],
    ['SELECT abs(-9223372036854775808)', 'integer overflow (SQLITE_ERROR)'],
  ])('says what is wrong all the same: %s', async (sql, what) => {
    await using temporary = await ledger(recordingLogger());
    const method = sql.startsWith('INSERT') ? 'run' : 'all';
    const error = await rejectionOf(temporary.database.write('fail', (tx) => tx[method](sql)));
    expect(error).toMatchObject({ database: 'test', label: 'fail', message: expect.stringContaining(what) as string });
    expect(String(error).length).toBeLessThan(500);
    const attempt = temporary.database.transaction<unknown>('fail', (tx) => tx[method](sql));
    expect(await rejectionOf(attempt)).toMatchObject({ message: expect.stringContaining(what) as string });
  });
});

describe('a constraint of a virtual table', () => {
  it('may quote anything, and is told without it', () => {
    const error = { code: 'SQLITE_CONSTRAINT_VTAB', message: 'no such key: "secret"' };
    expect(wordsWithoutValues(error, () => true)).toBe('no such key …');
  });
});

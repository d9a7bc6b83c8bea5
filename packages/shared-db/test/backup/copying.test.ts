import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '@hive/shared-db';
import { copyDatabase, type CopyOrder, type CopyProgress } from '@hive/shared-db/direct';
import { temporaryDirectory, VirtualClock, type TemporaryDirectory } from '@hive/shared-db/testing';
import { createEngine, openEngine } from '../../dist/sqlite/engine.js';
import { tableDigests, type TableDigest } from '../../dist/backup/table-digest.js';
import { companion, companionWith } from '../support/companion.ts';
import { failingCalls, type Failing } from '../support/failing-calls.ts';
import { NO_PRELOADED_LIBRARY } from '../support/preloaded-library.ts';
import { smallDisk } from '../support/small-disk.ts';

const calls = failingCalls();
afterAll(() => calls?.[Symbol.dispose]());

const IN_TIME = { deadlineMs: 60_000 };

/** A closed database of some megabytes in write-ahead mode, made by another process. */
async function filled(path: string, rows = 20_000): Promise<void> {
  await using maker = companion(
    `const { DatabaseSync } = await import('node:sqlite');
     const database = new DatabaseSync(args[0]);
     database.exec('PRAGMA journal_mode = WAL; CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, picture BLOB)');
     database.exec("WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < " + args[1] + ") INSERT INTO item SELECT x, 'item ' || x, x * 0.5, randomblob(100) FROM n");
     database.exec('CREATE INDEX item_name ON item (name); CREATE VIRTUAL TABLE words USING fts5 (word); INSERT INTO words SELECT name FROM item LIMIT 100');
     database.close();
     say('made');
     goDeaf();`,
    path,
    String(rows),
  );
  expect(await maker.hear()).toBe('made');
  await maker.end();
}

const orderIn = (directory: TemporaryDirectory, journal: CopyOrder['journal'] = 'delete'): CopyOrder => ({
  source: directory.file('orders.db'),
  copy: directory.file('new.partial'),
  journal,
});

async function digestsOf(path: string): Promise<readonly TableDigest[]> {
  const handle = openEngine(path, { readonly: true, busyTimeoutMs: 0 });
  try {
    return (await tableDigests(handle, () => Promise.resolve())).slice(1);
  } finally {
    handle.close();
  }
}

/** What becomes of a copy on a disk that fails like this. */
async function copiedWhile(failing: Failing, order: CopyOrder): Promise<unknown> {
  await using copier = companionWith(
    calls!.environment,
    `const { copyDatabase } = await import('@hive/shared-db/direct');
     say(JSON.stringify(await copyDatabase(JSON.parse(args[0]), { deadlineMs: 60_000 })));
     goDeaf();`,
    JSON.stringify(order),
  );
  using _ = { [Symbol.dispose]: () => calls!.mend() };
  calls!.fail(failing);
  return JSON.parse(await copier.hear());
}

describe('a copy of a database', () => {
  it('holds every row of every table, tables of full-text indexes among them, and is one file', async () => {
    using directory = temporaryDirectory();
    const order = orderIn(directory);
    await filled(order.source);
    const before = readFileSync(order.source);
    const seen: CopyProgress[] = [];
    const copied = await copyDatabase(order, { ...IN_TIME, onProgress: (progress) => seen.push(progress) });
    expect(copied).toMatchObject({ bytes: statSync(order.copy).size });
    const { tables } = copied as { tables: readonly TableDigest[] };
    expect(tables.map(({ name }) => name)).toContain('words_content');
    expect(tables.find(({ name }) => name === 'item')?.rows).toBe(20_000);
    // Neither the source nor its directory is any different.
    expect(readdirSync(directory.path).toSorted()).toEqual(['new.partial', 'orders.db']);
    expect(readFileSync(order.source).equals(before)).toBe(true);
    expect(await digestsOf(order.copy)).toEqual(tables);
    // Kept where nothing can be written it can be read: no log is needed for that.
    expect(readFileSync(order.copy).subarray(18, 20)).toEqual(Buffer.from([1, 1]));
    expect(seen[0]).toMatchObject({ phase: 'copying' });
  });

  it('for services keeps a write-ahead log', async () => {
    using directory = temporaryDirectory();
    const order = orderIn(directory, 'wal');
    await filled(order.source, 100);
    expect(await copyDatabase(order, IN_TIME)).toMatchObject({ tables: expect.any(Array) as unknown[] });
    expect(readFileSync(order.copy).subarray(18, 20)).toEqual(Buffer.from([2, 2]));
    expect(readdirSync(directory.path).toSorted()).toEqual(['new.partial', 'orders.db']);
  });

  it('takes in what only the log of a killed process holds, and leaves both as they are', async () => {
    using directory = temporaryDirectory();
    const order = orderIn(directory);
    await using killed = companion(
      `const { DatabaseSync } = await import('node:sqlite');
       const database = new DatabaseSync(args[0]);
       database.exec('PRAGMA journal_mode = WAL; CREATE TABLE item (n); INSERT INTO item VALUES (1), (2), (3)');
       say('written');
       await hear();`,
      order.source,
    );
    expect(await killed.hear()).toBe('written');
    await killed.kill();
    const [file, log] = ['', '-wal'].map((suffix) => readFileSync(order.source + suffix));
    expect(await copyDatabase(order, IN_TIME)).toMatchObject({ tables: [{ name: 'item', rows: 3 }] });
    expect(readFileSync(order.source).equals(file!)).toBe(true);
    expect(readFileSync(`${order.source}-wal`).equals(log!)).toBe(true);
  });

  it('ends though another process writes without a pause, and is of one moment', async () => {
    using directory = temporaryDirectory();
    const order = orderIn(directory);
    await filled(order.source);
    await using writer = companion(
      `const { DatabaseSync } = await import('node:sqlite');
       const database = new DatabaseSync(args[0], { timeout: 5000 });
       database.exec('PRAGMA synchronous = OFF; CREATE TABLE pair (a, b)');
       say('writing');
       for (let n = 0; ; n++) {
         database.exec('BEGIN IMMEDIATE; INSERT INTO pair VALUES (' + n + ', 0); UPDATE pair SET b = ' + n + ' WHERE rowid = 1; COMMIT');
         if (n % 100 === 0) await new Promise(setImmediate);
       }`,
      order.source,
    );
    expect(await writer.hear()).toBe('writing');
    expect(await copyDatabase(order, IN_TIME)).toMatchObject({ tables: expect.any(Array) as unknown[] });
    const copy = openEngine(order.copy, { readonly: true, busyTimeoutMs: 0 });
    // The last of the pairs is told in the first: in a mixture of two moments they would not agree.
    expect(copy.prepare('SELECT (SELECT b FROM pair WHERE rowid = 1) = max(a) AS agree FROM pair').get()).toEqual({
      agree: 1,
    });
    copy.close();
  });
});

describe('a copy that cannot be made', () => {
  it.for<readonly [string, Failing, string]>([
    ['the disk is full', { call: 'write', suffix: '.partial', error: 'ENOSPC', roomBytes: 200_000 }, 'no-space'],
    [
      'the copy cannot be written',
      { call: 'write', suffix: '.partial', error: 'EIO', roomBytes: 200_000 },
      'unwritable',
    ],
    ['the copy cannot be synced', { call: 'sync', suffix: '.partial', error: 'EIO' }, 'unwritable'],
    ['the source cannot be read', { call: 'read', suffix: 'orders.db', error: 'EIO' }, 'unreadable'],
  ])('because %s in the middle leaves nothing behind', async ([, failing, fault], { skip }) => {
    skip(calls === undefined, NO_PRELOADED_LIBRARY);
    using directory = temporaryDirectory();
    const order = orderIn(directory);
    await filled(order.source);
    expect(await copiedWhile(failing, order)).toEqual({ fault, reason: expect.stringContaining('SQLITE_') as string });
    expect(readdirSync(directory.path).filter((name) => name.startsWith('new'))).toEqual([]);
  });

  it('for want of space is not begun', async ({ skip }) => {
    using disk = smallDisk(1_000);
    if (disk === undefined) {
      skip('mounting is not permitted');
      return;
    }
    using directory = temporaryDirectory();
    await filled(directory.file('orders.db'));
    const order = { ...orderIn(directory), copy: `${disk.path}/new.partial` };
    expect(await copyDatabase(order, IN_TIME)).toEqual({
      fault: 'no-space',
      reason: expect.stringMatching(/bytes free, and the copy needs \d+$/) as string,
    });
    expect(readdirSync(disk.path)).toEqual([]);
  });

  it('because pages of the source are damaged says so', async () => {
    using directory = temporaryDirectory();
    const order = orderIn(directory);
    await filled(order.source);
    execFileSync('dd', ['if=/dev/urandom', `of=${order.source}`, 'bs=4096', 'seek=30', 'count=4', 'conv=notrunc'], {
      stdio: 'ignore',
    });
    const before = readFileSync(order.source);
    expect(await copyDatabase(order, IN_TIME)).toMatchObject({
      fault: 'damaged',
      reason: expect.stringContaining(order.source) as string,
    });
    expect(readdirSync(directory.path)).toEqual(['orders.db']);
    expect(readFileSync(order.source).equals(before)).toBe(true);
  });

  it('because only an index disagrees with its table says so', async () => {
    using directory = temporaryDirectory();
    const order = orderIn(directory);
    const made = createEngine(order.source);
    made.exec("CREATE TABLE item (name TEXT); CREATE INDEX by_name ON item (name); INSERT INTO item VALUES ('bolt')");
    // A row that comes while the index is not in the schema is missing in it afterwards; every row can be read.
    made.unsafeMode(true);
    made.exec(`PRAGMA writable_schema = ON;
      CREATE TABLE aside AS SELECT * FROM sqlite_schema WHERE name = 'by_name';
      DELETE FROM sqlite_schema WHERE name = 'by_name'; PRAGMA writable_schema = RESET;
      INSERT INTO item VALUES ('nut');
      PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT * FROM aside`);
    made.close();
    expect(await copyDatabase(order, IN_TIME)).toEqual({
      fault: 'damaged',
      reason: `${order.source} is damaged: wrong # of entries in index by_name`,
    });
    expect(existsSync(order.copy)).toBe(false);
  });

  it('within its time is given up, and its process is killed', async () => {
    using directory = temporaryDirectory();
    const order = orderIn(directory);
    await filled(order.source, 100);
    const clock = new VirtualClock();
    const copying = copyDatabase(order, { deadlineMs: 1_000, clock });
    await clock.advance(1_000);
    expect(await copying).toEqual({ fault: 'deadline', reason: 'it took longer than 1000 ms' });
  });

  it('within ten minutes is given up where nobody has said how long it may take', async () => {
    using directory = temporaryDirectory();
    const order = orderIn(directory);
    await filled(order.source, 100);
    const clock = new VirtualClock();
    const copying = copyDatabase(order, { clock });
    await clock.advance(600_000);
    expect(await copying).toEqual({ fault: 'deadline', reason: 'it took longer than 600000 ms' });
  });

  it.for([[Number.NaN], [-1], [Infinity], ['10m'], [null]])(
    'is not begun with a deadline of %j',
    async ([deadlineMs]) => {
      using directory = temporaryDirectory();
      const options = { deadlineMs: deadlineMs as number };
      await expect(copyDatabase(orderIn(directory), options)).rejects.toMatchObject({
        code: 'HIVEDB_E_CONFIG',
        message: expect.stringMatching(/^deadlineMs is .+; expected milliseconds from 0 to 2147483647$/) as string,
      });
      expect(readdirSync(directory.path)).toEqual([]);
    },
  );

  it('because nobody wants it any more is given up', async () => {
    using directory = temporaryDirectory();
    const order = orderIn(directory);
    await filled(order.source, 100);
    for (const signal of [AbortSignal.abort(), abortedSoon()])
      expect(await copyDatabase(order, { ...IN_TIME, signal })).toEqual({
        fault: 'interrupted',
        reason: 'it was interrupted',
      });
  });

  it.for<readonly [string, (directory: TemporaryDirectory) => string]>([
    ['is not there', (directory) => directory.file('none.db')],
    ['is a directory', (directory) => directory.path],
  ])('because the source %s says so', async ([, source]) => {
    using directory = temporaryDirectory();
    const order = { ...orderIn(directory), source: source(directory) };
    expect(await copyDatabase(order, IN_TIME)).toMatchObject({ fault: 'unreadable' });
    expect(readdirSync(directory.path)).toEqual([]);
  });

  it.for<readonly [string, string, string]>([
    ['cannot even start', '/nowhere/node', 'ENOENT'],
    ['says something else', '/bin/echo', 'copy-process.js'],
  ])('because its process %s says so', async ([, program, why]) => {
    using directory = temporaryDirectory();
    const { execPath } = process;
    process.execPath = program;
    using _ = { [Symbol.dispose]: () => (process.execPath = execPath) };
    expect(await copyDatabase(orderIn(directory), IN_TIME)).toMatchObject({
      fault: 'died',
      reason: expect.stringContaining(why) as string,
    });
  });
});

async function digestOf(rows: readonly string[]): Promise<string | undefined> {
  using directory = temporaryDirectory();
  const handle = createEngine(directory.file('a.db'));
  handle.exec('CREATE TABLE t (a, b)');
  for (const row of rows) handle.exec(`INSERT INTO t VALUES (${row})`);
  const found = await tableDigests(handle, () => Promise.resolve());
  handle.close();
  return found[1]?.sha256;
}

describe('the digest of a table', () => {
  it('is another one for every other content, and the same for the same', async () => {
    const contents = [
      ['1, 2'],
      ["'1', 2"],
      ['1.0, 2'],
      // As many bytes, and the same ones, as the number 1 has that is no integer.
      ['4607182418800017408, 2'],
      ["x'31', 2"],
      ['12, NULL'],
      ['NULL, 12'],
      ["'a', 'bc'"],
      ["'ab', 'c'"],
      ["'', 'abc'"],
      ['1, 2', '3, 4'],
      ['3, 4', '1, 2'],
      ['9223372036854775807, 0'],
      ['9223372036854775806, 0'],
      ['zeroblob(65535), 1'],
      ['zeroblob(65536), 1'],
      ['zeroblob(200000), 1'],
      ['zeroblob(200000), 2'],
      [],
    ];
    const first = await Promise.all(contents.map(digestOf));
    expect(new Set(first).size).toBe(contents.length);
    expect(await Promise.all(contents.map(digestOf))).toEqual(first);
  });
});

function abortedSoon(): AbortSignal {
  const controller = new AbortController();
  systemClock.nextTurn(() => {
    controller.abort();
  });
  return controller.signal;
}

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import type { BackupDocument } from '../dist/documents/backup.js';
import { run } from './support/command-line.ts';
import { copying, copyingWhile, filesIn, makeDatabase, namesIn } from './support/copies.ts';
import { startProgram, startShop, startWriter, type Program } from './support/program.ts';
import { contract, misfits } from './support/schema.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const BIN = join(import.meta.dirname, '../bin/hive-db.js');
const PARTIAL = /^\.hive-db-copy-\d+-\d+\.partial/;

function documentOf(out: string): BackupDocument {
  const document = JSON.parse(out) as BackupDocument;
  expect(misfits(document, contract('backup'))).toEqual([]);
  return document;
}

/** A directory with a database of two rows. */
function withOrders(): Disposable & { readonly path: string; file(name: string): string } {
  const directory = temporaryDirectory();
  const file = (name: string): string => join(directory.path, name);
  makeDatabase(file('orders.db'), 'bolt', 'nut');
  return { path: directory.path, file, [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

describe('backup', () => {
  it('copies a file to a new one, says what it holds, and leaves nothing else behind', async () => {
    using directory = withOrders();
    chmodSync(directory.file('orders.db'), 0o640);
    const { code, out, err } = await copying(directory.path, 'backup', 'orders.db', 'copy.db', '--json');
    expect([code, err]).toEqual([0, '']);
    expect(documentOf(out)).toMatchObject({
      source: directory.file('orders.db'),
      target: directory.file('copy.db'),
      outcome: 'done',
      fault: null,
      replaced: false,
      tables: [{ name: 'item', rows: 2, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string }],
    });
    expect(namesIn(directory.file('copy.db'))).toEqual(['bolt', 'nut']);
    expect(filesIn(directory.path)).toEqual(['copy.db', 'orders.db']);
    // Who may not read the one may not read the other.
    expect(statSync(directory.file('copy.db')).mode & 0o777).toBe(0o640);
  });

  it('says it in words, too', async () => {
    using directory = withOrders();
    const { code, out } = await copying(directory.path, 'backup', 'orders.db', 'copy.db');
    expect(code).toBe(0);
    expect(out).toMatch(/^done {2}backup\n {2}from +.*orders\.db\n {2}to +.*copy\.db\n {2}holds +1 table, 2 rows, /);
  });

  it('knows a database by the name that a process has for it', async () => {
    using directory = temporaryDirectory();
    await using _ = await startShop(directory.path);
    const { code, out } = await copying(directory.path, 'backup', 'orders', 'copy.db', '--json');
    expect(code).toBe(0);
    expect(documentOf(out).source).toBe(join(directory.path, 'orders.db'));
    expect(documentOf(out).tables.map(({ name }) => name)).toContain('stock');
  });

  it('that four processes write to without a pause ends, and holds every row that was acknowledged before', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'orders.db');
    await using stack = new AsyncDisposableStack();
    const writers = ['a', 'b', 'c', 'd'].map((name) =>
      stack.use(startProgram('acknowledging.mjs', path, join(directory.path, 'run'), name)),
    );
    for (const writer of writers) expect(await writer.line()).toBe('ready');
    const acknowledged = (): Promise<readonly number[]> => Promise.all(writers.map((writer) => answerOf(writer)));
    await expect.poll(async () => Math.min(...(await acknowledged())), { timeout: 30_000 }).toBeGreaterThan(100);
    const before = await acknowledged();
    const { code, out } = await copying(directory.path, 'backup', 'orders', 'copy.db', '--json');
    const after = await acknowledged();
    expect(code).toBe(0);
    expect(documentOf(out).outcome).toBe('done');
    // They have gone on meanwhile.
    expect(after.every((count, index) => count > before[index]!)).toBe(true);
    using copy = new DatabaseSync(join(directory.path, 'copy.db'), { readOnly: true });
    expect(copy.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    const rows = copy.prepare('SELECT count(*) AS n, max(n) AS last FROM row GROUP BY writer ORDER BY writer').all();
    for (const [index, row] of rows.entries()) {
      // One moment of each: no number is missing, and none of those that were acknowledged.
      expect(row['n']).toBe(Number(row['last']) + 1);
      expect(row['n']).toBeGreaterThanOrEqual(before[index]!);
    }
    expect(rows).toHaveLength(4);
  });

  it.for(['backup', 'hive-db and its child'])(
    'that is killed (%s) leaves no target, and no debris after the next',
    async (who) => {
      using directory = temporaryDirectory();
      largeDatabase(join(directory.path, 'orders.db'));
      const argv = ['backup', 'orders.db', 'copy.db', '--runtime-dir', join(directory.path, 'run')];
      const killed = spawn(process.execPath, [BIN, ...argv], { cwd: directory.path, stdio: 'ignore' });
      const ended = once(killed, 'exit');
      await expect
        .poll(() => filesIn(directory.path).some((name) => PARTIAL.test(name)), { timeout: 20_000, interval: 1 })
        .toBe(true);
      const children = readFileSync(`/proc/${killed.pid}/task/${killed.pid}/children`, 'utf8').trim().split(' ');
      if (who !== 'backup') for (const pid of children) process.kill(Number(pid), 'SIGSTOP');
      killed.kill('SIGKILL');
      await ended;
      if (who !== 'backup') for (const pid of children) process.kill(Number(pid), 'SIGKILL');
      expect(existsSync(join(directory.path, 'copy.db'))).toBe(false);
      if (who !== 'backup') expect(filesIn(directory.path).some((name) => PARTIAL.test(name))).toBe(true);
      const { code, err } = await copying(directory.path, 'backup', 'orders.db', 'copy.db');
      expect(code).toBe(0);
      if (who !== 'backup') expect(err).toMatch(/removed \d files? that a killed command had left/);
      await expect.poll(() => filesIn(directory.path), { timeout: 20_000 }).toEqual(['copy.db', 'orders.db']);
    },
  );

  it('leaves what others call by such a name alone', async () => {
    using directory = withOrders();
    const names = ['.hive-db-copy-x-1.partial', `.hive-db-copy-${process.pid}.partial`, 'hive-db-copy-1-1.partial'];
    for (const name of names) writeFileSync(directory.file(name), 'mine');
    expect(await copying(directory.path, 'backup', 'orders.db', 'copy.db')).toMatchObject({ code: 0, err: '' });
    expect(filesIn(directory.path)).toEqual([...names, 'copy.db', 'orders.db'].toSorted());
  });

  it('is interrupted by Ctrl-C, and leaves nothing behind', async () => {
    using directory = withOrders();
    const argv = ['backup', 'orders.db', 'copy.db', '--json', '--runtime-dir', directory.file('run')];
    const { code, out } = await run(argv, {
      cwd: directory.path,
      interruption: () => ({ signal: AbortSignal.abort(), [Symbol.dispose]: () => undefined }),
    });
    expect(code).toBe(3);
    expect(documentOf(out)).toMatchObject({ outcome: 'failed', fault: 'interrupted', tables: [], size_bytes: null });
    expect(filesIn(directory.path)).toEqual(['orders.db']);
  });

  it('shows how far it is to whoever looks, and only to them', async () => {
    using directory = temporaryDirectory();
    // More than its first step takes: after each it says how far it is, at most ten times a second.
    largeDatabase(join(directory.path, 'orders.db'), 20_000);
    const circumstances = {
      cwd: directory.path,
      interruption: () => ({ signal: new AbortController().signal, [Symbol.dispose]: () => undefined }),
    };
    const argv = ['backup', 'orders.db', 'copy.db', '--replace', '--runtime-dir', join(directory.path, 'run')];
    expect((await run(argv, circumstances)).err).toBe('');
    const { err } = await run(argv, { ...circumstances, isMessageTTY: true });
    const said = err.split('\r\u001B[K').filter((line) => line !== '');
    expect(said[0]).toMatch(/^copying: \d+ %$/);
    expect(said).toContain('checking the copy');
    // Nothing of it is left on the screen.
    expect(err.endsWith('\r\u001B[K')).toBe(true);
  });

  it('takes no longer than it may, also where somebody keeps the source for himself', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'orders.db');
    await using _ = await startWriter(path, 'CREATE TABLE item (name TEXT)', 'BEGIN EXCLUSIVE');
    const { code, out } = await copying(directory.path, 'backup', 'orders.db', 'copy.db', '--json', '--deadline', '1s');
    expect(code).toBe(3);
    expect(documentOf(out)).toMatchObject({ fault: 'deadline', reason: 'it took longer than 1000 ms' });
    expect(filesIn(directory.path).filter((name) => /copy/.test(name))).toEqual([]);
    for (const bad of ['0s', '2 days', '-1s'])
      expect(await copying(directory.path, 'backup', 'orders.db', 'x.db', '--deadline', bad)).toMatchObject({
        code: 2,
      });
  });

  it('says what is wrong with a damaged source, and makes no target', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'orders.db');
    largeDatabase(path, 2_000);
    execFileSync('dd', ['if=/dev/urandom', `of=${path}`, 'bs=4096', 'seek=40', 'count=3', 'conv=notrunc'], {
      stdio: 'ignore',
    });
    makeDatabase(join(directory.path, 'copy.db'), 'of yesterday');
    const { code, out } = await copying(directory.path, 'backup', 'orders.db', 'copy.db', '--replace', '--json');
    expect(code).toBe(1);
    expect(documentOf(out)).toMatchObject({
      outcome: 'failed',
      fault: 'damaged',
      replaced: false,
      reason: expect.stringContaining(path) as string,
    });
    expect(namesIn(join(directory.path, 'copy.db'))).toEqual(['of yesterday']);
    expect(filesIn(directory.path)).toEqual(['copy.db', 'orders.db']);
  });

  it('replaces an earlier backup only where that is asked for', async () => {
    using directory = withOrders();
    makeDatabase(directory.file('copy.db'), 'of yesterday');
    expect(await copying(directory.path, 'backup', 'orders.db', 'copy.db')).toMatchObject({
      code: 2,
      err: 'hive-db: copy.db is there already; name a new file, or say --replace\n',
    });
    expect(namesIn(directory.file('copy.db'))).toEqual(['of yesterday']);
    const { code, out } = await copying(directory.path, 'backup', 'orders.db', 'copy.db', '--replace', '--json');
    expect([code, documentOf(out).replaced]).toEqual([0, true]);
    expect(namesIn(directory.file('copy.db'))).toEqual(['bolt', 'nut']);
  });

  it('leaves a file alone that gets the name while it copies, and says so', async () => {
    using directory = withOrders();
    const argv = ['backup', 'orders.db', 'copy.db', '--json'];
    const cameFirst = (): void => {
      writeFileSync(directory.file('copy.db'), 'came first');
    };
    const { code, out } = await copyingWhile(cameFirst, directory.path, ...argv);
    expect(code).toBe(1);
    expect(documentOf(out)).toMatchObject({
      outcome: 'failed',
      fault: 'unwritable',
      reason: `${directory.file('copy.db')} cannot be written: EEXIST`,
    });
    expect(readFileSync(directory.file('copy.db'), 'utf8')).toBe('came first');
    expect(filesIn(directory.path)).toEqual(['copy.db', 'orders.db']);
  });

  it('does not replace one that somebody has open, and says who', async () => {
    using directory = withOrders();
    makeDatabase(directory.file('copy.db'), 'in use');
    await using writer = await startWriter(directory.file('copy.db'), 'SELECT * FROM item');
    const { code, err } = await copying(directory.path, 'backup', 'orders.db', 'copy.db', '--replace');
    expect(code).toBe(2);
    expect(err).toContain(`(pid ${writer.pid}), so it is not replaced`);
  });
});

describe('backup to what is no place for one', () => {
  /** What the target is called, how it is made, and what is said of it. */
  const PLACES: readonly (readonly [string, (directory: string) => void, RegExp])[] = [
    ['', () => undefined, /^hive-db: "" is no name that a file can have/],
    ['a\0b', () => undefined, /is no name that a file can have/],
    ['.', () => undefined, /is a directory; name a file in it/],
    ['none/copy.db', () => undefined, /is in a directory that does not exist/],
    ['orders.db/copy.db', () => undefined, /is in what is no directory|cannot be used: ENOTDIR/],
    ['x'.repeat(300), () => undefined, /cannot be used: ENAMETOOLONG/],
    ['orders.db', () => undefined, /is the file that is to be copied/],
    ['./run/../orders.db', (path) => mkdirSync(join(path, 'run'), 0o700), /is the file that is to be copied/],
    ['orders.db-wal', () => undefined, /ends in -wal, which is the name of a file that SQLite keeps beside a database/],
    ['other.db-shm', () => undefined, /ends in -shm/],
    ['other.db-journal', () => undefined, /ends in -journal/],
    ['link.db', (path) => symlinkSync('orders.db', join(path, 'link.db')), /is a symbolic link/],
    ['lost.db', (path) => symlinkSync('nowhere', join(path, 'lost.db')), /is a symbolic link/],
    [
      'second.db',
      (path) => linkSync(join(path, 'orders.db'), join(path, 'second.db')),
      /is the file that is to be copied/,
    ],
    ['pipe', (path) => execFileSync('mkfifo', [join(path, 'pipe')]), /is not a regular file/],
    ['notes.txt', (path) => writeFileSync(join(path, 'notes.txt'), 'mine'), /is no database, so it is not replaced/],
    ['copy.db', (path) => writeFileSync(join(path, 'copy.db-wal'), 'of another'), /has a -wal file beside it/],
    ['copy.db', (path) => writeFileSync(join(path, 'copy.db-journal'), 'of another'), /has a -journal file beside it/],
    ['dev/null', (path) => symlinkSync('/dev', join(path, 'dev')), /is not a regular file/],
  ];

  it.each(PLACES)('%j is refused, and nothing is written', async (target, make, why) => {
    using directory = withOrders();
    make(directory.path);
    const before = filesIn(directory.path);
    const { code, out, err } = await copying(directory.path, 'backup', 'orders.db', target, '--replace');
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(why);
    expect(err.split('\n')).toHaveLength(2);
    expect(filesIn(directory.path)).toEqual(before);
    expect(namesIn(directory.file('orders.db'))).toEqual(['bolt', 'nut']);
  });

  it('is none where the source is', async () => {
    using directory = withOrders();
    writeFileSync(directory.file('notes.txt'), 'these are notes, and no database at all'.repeat(10));
    writeFileSync(directory.file('empty.db'), '');
    for (const [source, code] of [
      ['none.db', 2],
      ['notes.txt', 2],
      ['.', 2],
      ['', 2],
      ['empty.db', 1],
    ] as const) {
      expect(await copying(directory.path, 'backup', source, 'copy.db')).toMatchObject({ code, out: '' });
      expect(existsSync(directory.file('copy.db'))).toBe(false);
    }
  });
});

async function answerOf(writer: Program): Promise<number> {
  writer.process.stdin!.write('\n');
  return Number(await writer.line());
}

/** One that takes a while to copy. */
function largeDatabase(path: string, rows = 300_000): void {
  using database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE item (name TEXT)');
  database.exec(`WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n WHERE x < ${rows})
    INSERT INTO item SELECT 'item ' || x || hex(zeroblob(60)) FROM n`);
}

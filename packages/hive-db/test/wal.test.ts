import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { DatabaseWal, WalDocument } from '../dist/documents/wal.js';
import { run } from './support/command-line.ts';
import { heldLocks } from './support/held-locks.ts';
import { startCommand, startShop, startWriter } from './support/program.ts';
import { contract, misfits } from './support/schema.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** What `wal --json` says of one database. */
async function wal(directory: string, database: string): Promise<DatabaseWal> {
  const { code, out, err } = await run(['wal', '--json', '--runtime-dir', directory, database]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const document = JSON.parse(out) as WalDocument;
  expect(misfits(document, contract('wal'))).toEqual([]);
  expect(document.databases).toHaveLength(1);
  return document.databases[0]!;
}

/** A busy machine is no reason to fail. */
const LONG = { timeout: 15_000, interval: 50 };

const TABLE = ['PRAGMA journal_mode = WAL', 'CREATE TABLE t (a TEXT)'];

/** A log whose first frame is what a reader sees, and five that came later. */
async function readAndWrite(path: string) {
  const writer = await startWriter(path, ...TABLE, 'PRAGMA wal_checkpoint(PASSIVE)', "INSERT INTO t VALUES ('seen')");
  const reader = await startWriter(path, 'BEGIN', 'SELECT * FROM t');
  for (let i = 0; i < 5; i++) await writer.tell(`INSERT INTO t VALUES ('unseen ${i}')`);
  await writer.tell('PRAGMA wal_checkpoint(PASSIVE)');
  return { writer, reader };
}

describe('hive-db wal', () => {
  it('says who keeps how many frames, what the last checkpoint reached, and what to type next', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    const { writer, reader } = await readAndWrite(path);
    await using _ = writer;
    await using __ = reader;
    const found = await wal(directory.path, path);
    const seen = found.frames! - 5;
    expect(found).toMatchObject({
      path,
      names: [],
      journal_mode: 'wal',
      page_size_bytes: 4_096,
      size_bytes: statSync(`${path}-wal`).size,
      backlog_frames: 5,
      checkpointed_frames: seen,
      attempted_frames: seen,
      checkpoint: null,
      write: null,
      read_marks: [{ pid: reader.pid, app: null, label: null, held_seconds: null, frame: seen, pins_frames: 5 }],
      next: `ps -o pid,stat,etime,args -p ${reader.pid}`,
    });
    expect(found.sentence).toMatch(
      new RegExp(
        `^node writer\\.mjs .*\\(pid ${reader.pid}\\) reads in one transaction and keeps 5 frames from being `,
      ),
    );
    const { out } = await run(['wal', '--runtime-dir', directory.path, path]);
    expect(out).toMatch(new RegExp(`mark \\d +node writer\\.mjs[^]+sees up to\\s+frame ${seen}, keeps 5 frames`));
    expect(out).toMatch(new RegExp(`checkpoint +came to frame ${seen} of ${found.frames}\n`));
  });

  it('says for how long it has seen a reader at the same place', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    const { writer, reader } = await readAndWrite(path);
    await using _ = writer;
    await using __ = reader;
    const { read_marks: marks } = await wal(directory.path, path);
    expect(marks).toMatchObject([{ pid: reader.pid, observed_seconds: 0.05 }]);
  });

  it('names one of ours with its label and call site', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    // Older, and reads nothing.
    await shop.tell('session');
    await shop.tell('pin');
    await using _ = await startWriter(join(directory.path, 'orders.db'), 'UPDATE stock SET amount = 8');
    const found = await vi.waitFor(async () => {
      const one = await wal(shop.runtimeDirectory, 'orders');
      // While its main thread is busy, its sentinel answers with what was before; and a read that has just begun may be over soon.
      expect(one.read_marks[0]?.label).toBe('list for ever');
      return one;
    }, LONG);
    expect(found).toMatchObject({
      names: ['orders'],
      next: `hive-db --runtime-dir ${shop.runtimeDirectory} ps --database orders`,
    });
    expect(found.read_marks[0]).toMatchObject({ pid: shop.pid, app: 'shop', label: 'list for ever', pins_frames: 1 });
    expect(found.read_marks[0]?.held_seconds).toBeGreaterThan(0);
    expect(found.sentence).toMatch(
      new RegExp(
        `^shop \\(pid ${shop.pid}\\) reads in one transaction by "list for ever" for .+ keeps 1 frame from being moved into the file$`,
      ),
    );
  });

  it('says how each of ours keeps it short', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await vi.waitFor(async () => {
      const { keepers } = await wal(shop.runtimeDirectory, 'orders');
      // A thread begins a second after the first write, and checkpoints when nothing is written any more.
      expect(keepers).toMatchObject([
        { pid: shop.pid, app: 'shop', by: 'thread', last: { mode: 'passive' }, pinned: null },
      ]);
      expect(keepers[0]?.backfilled_frames).toBe(keepers[0]?.frames);
    }, LONG);
    const { out } = await run(['wal', '--runtime-dir', shop.runtimeDirectory, 'orders']);
    expect(out.replaceAll(/\s+/g, ' ')).toMatch(
      new RegExp(`kept by shop \\(pid ${shop.pid}\\): a thread, last passive .+ ago in .+; \\d passive, 0 restart `),
    );
  });

  it('names a session that goes through rows, and does not say that it has read since it began', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('walk');
    await using _ = await startWriter(join(directory.path, 'orders.db'), 'UPDATE stock SET amount = 8');
    const found = await wal(shop.runtimeDirectory, 'orders');
    expect(found.read_marks[0]).toMatchObject({ pid: shop.pid, label: 'walk', held_seconds: null, pins_frames: 1 });
    expect(found.sentence).toMatch(
      new RegExp(`^shop \\(pid ${shop.pid}\\) reads in one transaction by "walk", .+service\\.mjs.+ keeps 1 frame `),
    );
  });

  it('does not take the transaction of ours that writes for what it reads', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('lock');
    await shop.tell('pin');
    await vi.waitFor(async () => {
      const { write, read_marks: marks } = await wal(shop.runtimeDirectory, 'orders');
      expect(write).toMatchObject({ pid: shop.pid, label: 'move stock' });
      expect(new Set(marks.map(({ label }) => label))).toEqual(new Set(['list for ever']));
    }, LONG);
  });

  const shell = spawnSync('/usr/bin/env', ['sqlite3', '--version']).status === 0;

  it.skipIf(!shell)('names a sqlite3 shell', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, ...TABLE, "INSERT INTO t VALUES ('x')");
    await using sqlite3 = startCommand({ command: 'sqlite3', argv: [path] });
    sqlite3.process.stdin!.write('BEGIN;\nSELECT count(*) FROM t;\n');
    expect(await sqlite3.line()).toBe('1');
    for (let i = 0; i < 7; i++) await writer.tell(`INSERT INTO t VALUES ('${i}')`);
    const { read_marks: marks } = await wal(directory.path, path);
    expect(marks).toMatchObject([{ pid: sqlite3.pid, command: expect.stringMatching(/^sqlite3 /), pins_frames: 7 }]);
  });

  it('says that a reader keeps the log from beginning again, where it keeps no frame', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, ...TABLE);
    await using reader = await startWriter(path, 'BEGIN', 'SELECT * FROM t');
    await writer.tell('PRAGMA wal_checkpoint(PASSIVE)');
    const { backlog_frames: backlog, sentence } = await wal(directory.path, path);
    expect(backlog).toBe(0);
    expect(sentence).toMatch(
      new RegExp(`^everything is in the file, but .+\\(pid ${reader.pid}\\) reads in the log: until that ends, `),
    );
  });

  it('says that a transaction that writes goes on, whose own mark is no reader', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, ...TABLE, 'BEGIN IMMEDIATE');
    await using other = await startWriter(path, 'PRAGMA wal_checkpoint(PASSIVE)');
    const { write, read_marks: marks, backlog_frames: backlog, sentence, next } = await wal(directory.path, path);
    expect({ write, backlog }).toMatchObject({ write: { pid: writer.pid }, backlog: 0 });
    expect(marks).toMatchObject([{ pid: writer.pid, mark: 1 }]);
    expect(sentence).toMatch(/ is in a transaction that writes, and the log can begin again only when the next /);
    expect(next).toBe(`hive-db --runtime-dir ${directory.path} wal ${path}`);
    await other.tell('close');
  });

  it('takes no notice of a reader that uses the file alone', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using _ = await startWriter(path, ...TABLE, 'PRAGMA wal_checkpoint(PASSIVE)');
    await using reader = await startWriter(path, 'BEGIN', 'SELECT * FROM t');
    const { read_marks: marks, sentence } = await wal(directory.path, path);
    expect(marks).toMatchObject([{ pid: reader.pid, mark: 0, frame: 0, pins_frames: 0 }]);
    expect(sentence).toMatch(/^everything is in the file: the next write begins the log again, /);
  });

  it('names first whoever keeps most', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, ...TABLE);
    await using late = await startWriter(path);
    await using early = await startWriter(path, 'BEGIN', 'SELECT * FROM t');
    await writer.tell("INSERT INTO t VALUES ('x')");
    for (const line of ['BEGIN', 'SELECT * FROM t']) await late.tell(line);
    await writer.tell("INSERT INTO t VALUES ('y')");
    const { read_marks: marks, sentence } = await wal(directory.path, path);
    expect(marks.map(({ pid, pins_frames: pins }) => [pid, pins])).toEqual([
      [early.pid, 2],
      [late.pid, 1],
    ]);
    expect(sentence).toMatch(new RegExp(`\\(pid ${early.pid}\\) .+ keeps 2 frames .+, and 1 other beside it$`));
  });

  it('says that nothing is in the way', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, ...TABLE);
    expect(await wal(directory.path, path)).toMatchObject({
      backlog_frames: 2,
      checkpointed_frames: 0,
      sentence: expect.stringMatching(/^2 frames are not yet in the file, and no reader keeps them from it: a commit /),
      next: null,
    });
    await writer.tell('PRAGMA wal_checkpoint(PASSIVE)');
    expect(await wal(directory.path, path)).toMatchObject({
      backlog_frames: 0,
      checkpointed_frames: 2,
      sentence: expect.stringMatching(
        /^everything is in the file: the next write begins the log again, and its .+ go /,
      ),
      next: null,
    });
  });

  it('says where checkpoints have been put off', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using _ = await startWriter(
      path,
      ...TABLE,
      'PRAGMA wal_autocheckpoint = 0',
      'INSERT INTO t VALUES (zeroblob(5000000))',
    );
    const { sentence, next } = await wal(directory.path, path);
    expect(sentence).toMatch(
      /^1\d\d\d frames are not yet in the file.+: those who write have put checkpoints off, or /,
    );
    expect(next).toBe(`hive-db --runtime-dir ${directory.path} locks ${path}`);
  });

  it('tells of a log that nobody has open what its bytes tell, and null for the rest', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    {
      // Killed when the scope ends: it does not close its log.
      await using _ = await startWriter(path, ...TABLE);
    }
    const { sentence, ...found } = await wal(directory.path, path);
    expect(found).toMatchObject({
      next: `hive-db --runtime-dir ${directory.path} health-check --dry-run ${path}`,
      frames: 2,
      size_bytes: statSync(`${path}-wal`).size,
      backlog_frames: null,
      checkpointed_frames: null,
      attempted_frames: null,
      read_marks: [],
    });
    expect(sentence).toMatch(/^2 frames in the log, and nobody has it open: /);
  });

  it('says of a database in rollback mode that there is none', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using _ = await startWriter(path, 'CREATE TABLE t (a TEXT)', 'BEGIN IMMEDIATE');
    expect(await wal(directory.path, path)).toMatchObject({
      journal_mode: 'rollback',
      frames: null,
      backlog_frames: null,
      size_bytes: null,
      read_marks: [],
      sentence: 'it has no write-ahead log: it is in rollback-journal mode',
      next: null,
    });
  });

  it('shows every database that a process has open, and takes no lock away from it', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('lock');
    const before = heldLocks(shop);
    expect(before.length).toBeGreaterThan(0);
    const { code, out } = await run(['wal', '--runtime-dir', shop.runtimeDirectory]);
    expect(code).toBe(0);
    expect(out).toMatch(/orders\.db {2}orders\n[^]+stock\.db {2}stock\n/);
    await run(['wal', '--runtime-dir', shop.runtimeDirectory, join(directory.path, 'orders.db')]);
    expect(heldLocks(shop)).toEqual(before);
  });

  it('creates nothing beside a file', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, ...TABLE);
    await writer.tell('close');
    expect(readdirSync(directory.path)).toEqual(['a.db']);
    const before = readFileSync(path);
    expect(await wal(directory.path, path)).toMatchObject({
      size_bytes: null,
      sentence: 'there is no log: the last to close it has moved everything into the file',
    });
    expect(readdirSync(directory.path)).toEqual(['a.db']);
    expect(readFileSync(path)).toEqual(before);
  });

  it('says in one sentence what is no database', async () => {
    using directory = temporaryDirectory();
    for (const [word, sentence] of [
      ['nothing', /nothing does not exist/],
      ['.', /is a directory/],
    ] as const) {
      const { code, out, err } = await run(['wal', '--runtime-dir', directory.path, word], { cwd: directory.path });
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toMatch(sentence);
      expect(err.trimEnd().split('\n')).toHaveLength(1);
    }
  });
});

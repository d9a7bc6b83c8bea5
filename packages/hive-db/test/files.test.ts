import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startShop, startWriter } from './support/program.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

interface Report extends Readonly<Record<string, unknown>> {
  readonly wal: { readonly size_bytes: number; readonly frames: number; readonly committed_frames: number } | null;
  readonly lock_holders: readonly { readonly pid: number; readonly command: string; readonly holds: string[] }[];
}

/** What `status --json` says of one file. */
async function look(path: string): Promise<Report> {
  const { code, out, err } = await run(['status', '--json', path]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return (JSON.parse(out) as { files: Report[] }).files[0]!;
}

/** The findings of `diagnose` about one file. */
async function findings(path: string): Promise<readonly string[]> {
  const { out } = await run(['diagnose', '--json', path]);
  const document = JSON.parse(out) as { findings: { severity: string; code: string }[] };
  return document.findings.map(({ severity, code }) => `${severity} ${code}`);
}

/** A database in rollback mode that nobody has open. */
async function makeDatabase(path: string, ...statements: readonly string[]): Promise<void> {
  await using writer = await startWriter(path, 'CREATE TABLE t (a TEXT)', "INSERT INTO t VALUES ('x')", ...statements);
  await writer.tell('close');
}

/** One that promises two pages and has one and a part. Returns its path. */
async function truncatedDatabase(directory: string): Promise<string> {
  const path = join(directory, 'a.db');
  await makeDatabase(path);
  truncateSync(path, 5_000);
  return path;
}

describe('a database file', () => {
  it('is shown by its bytes', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await makeDatabase(path, 'PRAGMA user_version = 42', 'PRAGMA application_id = 1212765509');
    const { code, out, err } = await run(['status', path]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.replace(/SQLite 3\.\d+\.\d+/, 'SQLite 3')).toBe(
      [
        path,
        '  size            8 KiB: 2 pages of 4 KiB, 0 free',
        '  journal         rollback',
        '  text encoding   UTF-8',
        '  user version    42',
        '  application id  1212765509',
        '  written by      SQLite 3',
        '  locks           none',
        '',
      ].join('\n'),
    );
  });

  const python = spawnSync('python3', ['-c', 'import sqlite3']).status === 0;

  it.skipIf(!python)('may come from Python', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'python.db');
    const program = `
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("PRAGMA page_size = 1024")
c.execute("PRAGMA encoding = 'UTF-16be'")
c.execute("CREATE TABLE t (a)")
c.execute("PRAGMA user_version = -3")
print(sqlite3.sqlite_version, end="")
`;
    const { stdout } = spawnSync('python3', ['-c', program, path], { encoding: 'utf8' });
    expect(await look(path)).toMatchObject({
      page_size_bytes: 1_024,
      page_count: 2,
      text_encoding: 'UTF-16be',
      user_version: -3,
      journal_mode: 'rollback',
      sqlite_version: stdout,
      wal: null,
      rollback_journal_size_bytes: null,
      rollback_journal_hot: null,
      lock_holders: [],
      network_file_system: null,
    });
  });

  it('is shown with what is only in its log yet', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'wal.db');
    await using writer = await startWriter(path, 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (a TEXT)');
    expect(writer.pid).toBeGreaterThan(0);
    await writer.tell('PRAGMA user_version = 9');
    await writer.tell(
      "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT printf('%100d', i) FROM n",
    );
    const report = await look(path);
    expect(readFileSync(path).readInt32BE(60)).toBe(0);
    expect(report).toMatchObject({ journal_mode: 'wal', user_version: 9, size_bytes: 4_096 });
    expect(report['page_count']).toBeGreaterThan(10);
    const frames = (report.wal!.size_bytes - 32) / (4_096 + 24);
    expect(report.wal).toEqual({ size_bytes: expect.any(Number) as number, frames, committed_frames: frames });
  });

  it('does not count what a transaction has written to the log and not committed', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'wal.db');
    const spill = ['PRAGMA cache_size = 2', 'PRAGMA cache_spill = 2', 'BEGIN'];
    const many =
      "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT printf('%100d', i) FROM n";
    await using writer = await startWriter(path, 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (a TEXT)');
    const before = await look(path);
    for (const statement of [...spill, many]) await writer.tell(statement);
    const during = await look(path);
    expect(during.wal!.frames).toBeGreaterThan(before.wal!.frames + 50);
    expect(during.wal!.committed_frames).toBe(before.wal!.committed_frames);
    expect(during['page_count']).toBe(before['page_count']);
    await writer.tell('COMMIT');
    expect((await look(path)).wal!.committed_frames).toBeGreaterThan(during.wal!.frames - 1);
  });

  it('is shown with who has it open, reads it and writes it', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'locked.db');
    await using writer = await startWriter(path, 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (a TEXT)');
    await using reader = await startWriter(path, 'BEGIN', 'SELECT * FROM t');
    await writer.tell('BEGIN IMMEDIATE');
    const { lock_holders: holders } = await look(path);
    const holds = new Map(holders.map((holder) => [holder.pid, holder]));
    expect(holds.size).toBe(2);
    expect(holds.get(writer.pid)?.holds).toEqual(expect.arrayContaining(['open', 'write']));
    expect(holds.get(reader.pid)?.holds).toEqual(expect.arrayContaining(['open', 'read']));
    expect(holds.get(reader.pid)?.holds).not.toContain('write');
    expect(holds.get(writer.pid)?.command).toContain('writer.mjs');
    await writer.tell('COMMIT');
    expect((await look(path)).lock_holders.flatMap(({ holds: held }) => held)).not.toContain('write');
  });

  it('is shown with who writes it in rollback mode', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'locked.db');
    await using writer = await startWriter(path, 'CREATE TABLE t (a TEXT)', 'BEGIN IMMEDIATE');
    const { lock_holders: holders } = await look(path);
    expect(holders).toMatchObject([{ pid: writer.pid, holds: ['read', 'write'] }]);
  });

  it('of a live service is shown, and the service writes on', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('lock');
    const { lock_holders: holders } = await look(join(directory.path, 'orders.db'));
    expect(holders).toMatchObject([{ pid: shop.pid }]);
    expect(holders[0]?.holds).toContain('write');
    await shop.tell('release');
    await shop.tell('close');
  });

  it('stays as it is, and nothing appears beside it', async () => {
    using directory = temporaryDirectory();
    const rollback = join(directory.path, 'rollback.db');
    const left = join(directory.path, 'left.db');
    await makeDatabase(rollback);
    await leaveOpen(left);
    const state = () =>
      readdirSync(directory.path).map((name) => {
        const { size, mtimeMs, ino } = statSync(join(directory.path, name));
        return { name, size, mtimeMs, ino, bytes: readFileSync(join(directory.path, name), 'hex') };
      });
    const before = state();
    for (const verb of ['status', 'diagnose']) await run([verb, rollback, left]);
    expect(state()).toEqual(before);
    expect(before.map(({ name }) => name)).toEqual(['left.db', 'left.db-wal', 'rollback.db']);
  });

  it('is followed through a symbolic link to the files beside it', async () => {
    using directory = temporaryDirectory();
    mkdirSync(join(directory.path, 'elsewhere'));
    const path = join(directory.path, 'elsewhere', 'left.db');
    await leaveOpen(path);
    symlinkSync(path, join(directory.path, 'link.db'));
    const report = await look(join(directory.path, 'link.db'));
    expect(report.wal?.frames).toBeGreaterThan(0);
    expect(report['path']).toBe(join(directory.path, 'link.db'));
  });

  it('is found relative to the working directory', async () => {
    using directory = temporaryDirectory();
    await makeDatabase(join(directory.path, 'a.db'));
    const { code, out } = await run(['status', 'a.db'], { cwd: directory.path });
    expect(code).toBe(0);
    expect(out).toMatch(/^a\.db\n/);
  });
});

describe('a file that is no database', () => {
  it.each([
    [
      'text',
      (path: string) => writeFileSync(path, 'Dear diary,\n'.repeat(50)),
      2,
      /^hive-db: PATH is not a SQLite database: .*\n$/,
    ],
    [
      'empty',
      (path: string) => writeFileSync(path, ''),
      1,
      /^hive-db: PATH is empty: SQLite would take it for a new database\n$/,
    ],
    ['a directory', (path: string) => mkdirSync(path), 2, /^hive-db: PATH is a directory; name a file in it\n$/],
    ['missing', () => undefined, 2, /^hive-db: PATH does not exist\n$/],
    [
      'a pipe',
      (path: string) => spawnSync('/usr/bin/env', ['mkfifo', path]),
      2,
      /^hive-db: PATH is not a regular file\n$/,
    ],
    [
      'a link to nothing',
      (path: string) => symlinkSync('/nowhere/at/all', path),
      2,
      /^hive-db: PATH does not exist\n$/,
    ],
    [
      'a link to itself',
      (path: string) => symlinkSync(path, path),
      3,
      /^hive-db: PATH is a symbolic link that leads back to itself\n$/,
    ],
    [
      'cut off in its header',
      (path: string) => writeFileSync(path, 'SQLite format 3\0abc'),
      1,
      /^hive-db: PATH ends after 19 of the 100 bytes of its header\n$/,
    ],
  ])('is %s', async (_, make, expected, sentence) => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'x');
    make(path);
    for (const verb of ['status', 'diagnose']) {
      const { code, out, err } = await run([verb, path]);
      expect(code).toBe(expected);
      expect(err.replace(path, 'PATH')).toMatch(sentence);
      // Only what was a database is worth a finding.
      expect(out === '').toBe(verb === 'status' || expected !== 1);
    }
    const { out } = await run(['status', '--json', path]);
    expect(JSON.parse(out)).toMatchObject({ processes: [], files: [{ path, reason: expect.any(String) as string }] });
  });

  it.each(['', 'a\0b', 'x/'.repeat(3_000), '/etc/passwd/x'])('is named impossibly: %j', async (path) => {
    const { code, err } = await run(['status', path]);
    expect(code).toBe(2);
    expect(err).toMatch(/^hive-db: \S+ (?:does not exist|is no name that a file can have)\n$/);
  });

  it('is not there, but its log is', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    writeFileSync(`${path}-wal`, 'committed');
    const { code, err } = await run(['status', path]);
    expect(code).toBe(2);
    expect(err).toBe(
      `hive-db: ${path} does not exist, but its -wal file does: copy that away before anything opens the database, which would delete it\n`,
    );
  });

  it('may not be read by this user', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await makeDatabase(path);
    const { code, err } = await asSomebodyElse(path, () => run(['status', path]));
    expect(code).toBe(3);
    expect(err).toBe(`hive-db: ${path} may not be read by this user\n`);
  });

  it('does not hide the databases that are named with it', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await makeDatabase(path);
    const { code, out, err } = await run(['status', '/nowhere', path]);
    expect(code).toBe(2);
    expect(out).toContain(`${path}\n  size `);
    expect(err).toBe('hive-db: /nowhere does not exist\n');
  });
});

describe('diagnose of a file', () => {
  it('finds a log and a journal that a dead process left', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'left.db');
    await leaveOpen(path);
    expect(await findings(path)).toContain('info unclosed');

    const rollback = join(directory.path, 'rollback.db');
    await makeDatabase(rollback);
    writeFileSync(`${rollback}-journal`, Buffer.alloc(1_024, 1));
    expect(await findings(rollback)).toEqual(['warning hot-journal', 'info rollback-journal']);
  });

  it('does not take a journal that is kept for the next transaction for one that was cut short', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await using writer = await startWriter(path, 'PRAGMA journal_mode = PERSIST', 'CREATE TABLE t (a)');
    await writer.tell('close');
    expect(statSync(`${path}-journal`).size).toBeGreaterThan(0);
    expect(await findings(path)).toEqual(['info rollback-journal']);
  });

  it('finds pages missing', async () => {
    using directory = temporaryDirectory();
    const path = await truncatedDatabase(directory.path);
    const { code, out } = await run(['diagnose', path]);
    expect(code).toBe(1);
    expect(out).toMatch(
      new RegExp(
        `^error {2}truncated {2}${path}\n {2}the file has 4\\.8 KiB and its header promises 2 pages, 8 KiB\n {2}fix: `,
      ),
    );
    expect(out).toMatch(/\n1 error, 1 for information in 1 file\n$/);
  });

  it('has that said by a look at what is there, too', async () => {
    using directory = temporaryDirectory();
    const path = await truncatedDatabase(directory.path);
    const { code, out } = await run(['status', path]);
    expect(code).toBe(1);
    expect(out).toMatch(
      /\n {2}locks +none\n {2}fail {2}truncated: the file has 4\.8 KiB and its header promises 2 pages, 8 KiB\n$/,
    );
    const { files } = JSON.parse((await run(['status', '--json', path])).out) as { files: readonly object[] };
    expect(files).toMatchObject([{ state: 'database', health: { status: 'fail', reasons: [{ code: 'truncated' }] } }]);
    // As it was then, also where it is from an export.
    const exported = join(directory.path, 'export.json');
    writeFileSync(exported, (await run(['export', path])).out);
    expect((await run(['status', '-i', exported])).out).toContain('fail  truncated: the file has 4.8 KiB');
  });

  it.each(['status', 'diagnose', 'health-check'])('finds zero bytes where its header was, by %s', async (verb) => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    await makeDatabase(path);
    writeFileSync(path, new Uint8Array(8_192));
    const { code, out, err } = await run([verb, path]);
    expect(code).toBe(1);
    expect(`${err}${out}`).toContain('begins with zero bytes, which no database does');
  });

  it('finds a log that is none', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'left.db');
    await leaveOpen(path);
    writeFileSync(`${path}-wal`, 'not a log at all'.repeat(4));
    expect(await findings(path)).toContain('error damaged-wal');
  });

  it('finds a log that has grown too large', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'left.db');
    await leaveOpen(path);
    truncateSync(`${path}-wal`, 65 * 1_024 * 1_024);
    expect(await findings(path)).toContain('warning wal');
    // Twice as large as its database a log may get.
    truncateSync(path, 33 * 1_024 * 1_024);
    expect(await findings(path)).not.toContain('warning wal');
  });

  it('finds a writer whose SQLite can lose commits', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'left.db');
    await leaveOpen(path);
    rmSync(`${path}-wal`);
    const patch = (version: number): void => {
      const bytes = readFileSync(path);
      bytes.writeUInt32BE(version, 96);
      writeFileSync(path, bytes);
    };
    for (const version of [3_040_001, 3_050_006, 3_051_002]) {
      patch(version);
      expect(await findings(path)).toEqual(['warning outdated-writer']);
    }
    for (const version of [3_044_006, 3_050_007, 3_051_003, 3_054_000]) {
      patch(version);
      expect(await findings(path)).toEqual([]);
    }
  });

  it('finds much free space', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'a.db');
    const fill =
      'INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT zeroblob(1000000) FROM n';
    await makeDatabase(path, fill, 'DELETE FROM t', 'VACUUM', fill, 'DELETE FROM t');
    expect(await findings(path)).toEqual(['info rollback-journal', 'info free-pages']);
  });

  it('finds nothing wrong with a database that is well', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    const path = join(directory.path, 'orders.db');
    expect(await run(['diagnose', path])).toEqual({ code: 0, out: 'nothing found in 1 file\n', err: '' });
    await shop.tell('close');
    expect(await run(['diagnose', path])).toEqual({ code: 0, out: 'nothing found in 1 file\n', err: '' });
  });

  it('is not disturbed by what lies behind the end of a log', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'left.db');
    await leaveOpen(path);
    const { wal } = await look(path);
    appendFileSync(`${path}-wal`, Buffer.alloc(9_000, 7));
    expect((await look(path)).wal).toEqual({ ...wal, size_bytes: wal!.size_bytes + 9_000 });
  });
});

/** A database in WAL mode with a log that nobody has moved, as a killed process leaves it. */
async function leaveOpen(path: string): Promise<void> {
  await using writer = await startWriter(
    `${path}.live`,
    'PRAGMA journal_mode = WAL',
    'CREATE TABLE t (a TEXT)',
    "INSERT INTO t VALUES ('x')",
  );
  copyFileSync(`${path}.live`, path);
  copyFileSync(`${path}.live-wal`, `${path}-wal`);
  await writer.kill();
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}.live${suffix}`);
}

/** Runs as a user who may not read the file; whoever runs the tests, root included. */
async function asSomebodyElse<T>(path: string, use: () => Promise<T>): Promise<T> {
  if (process.geteuid!() !== 0) {
    chmodSync(path, 0);
    return use();
  }
  // What is loaded late must be loaded before: the other user may not read that either.
  await use();
  process.seteuid!(65_534);
  try {
    return await use();
  } finally {
    process.seteuid!(0);
  }
}

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startProgram, startShop, startWriter } from './support/program.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { busyService, databaseSnapshot, serviceSnapshot, troubledService } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

describe('export', () => {
  it('prints everything that a process knows of itself, in the words of all documents', async () => {
    await using directory = await runtimeDirectory(busyService());
    const { code, out, err } = await run(['export', '--runtime-dir', directory.path]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { processes } = JSON.parse(out) as { processes: Record<string, unknown>[] };
    expect(processes[0]).toMatchObject({
      pid: 4711,
      app: 'shop',
      uptime_seconds: 3_600,
      taken_at: '2026-11-21T12:00:00.000Z',
      started_at: '2026-11-21T11:00:00.000Z',
      closing: false,
      status: 'warn',
      labels: [{ label: 'save order', calls: 40, failures: 10, total_seconds: 0.009, max_seconds: 0.003 }],
      deprecations: [{ code: 'HIVEDB_DEP0001', calls: 2, call_sites: ['a.ts:1:1', 'b.ts:2:2'] }],
      databases: [
        {
          name: 'orders',
          failure: null,
          path: '/srv/orders.db',
          pool: {
            in_use: 5,
            max_overflow: 1,
            oldest_wait_seconds: 4.2,
            counters: { waited: 40, create_failures: 1 },
            destroyed: { 'reset-failed': 0 },
            acquire_time: {
              count: 100,
              sum_seconds: 0.9,
              max_seconds: 0.095,
              buckets: [{ le_seconds: 1e-6 }, { count: 40 }],
            },
          },
          errors: { HIVEDB_E_BUSY_TIMEOUT: 3 },
          leases: [
            { label: 'nightly import', age_seconds: 41.2, acquired_at: 'import.ts:12:3' },
            { acquired_at: null },
          ],
          statements: [{ statement: 'SELECT * FROM orders', runs: 7, total_seconds: 0.4, max_seconds: 0.25 }],
          slow_statements: [
            { statement: 'SELECT * FROM orders', label: null, seconds: 0.25, at: '2026-11-21T12:00:00.000Z' },
          ],
          slow_runs: 1,
        },
        { name: 'stock', failure: { code: 'HIVEDB_E_PATH', message: '/srv/stock.db is a directory' } },
      ],
    });
  });

  it('has how turns are had, how groups are committed, how the log is kept short and what is done about a fence', async () => {
    await using directory = await runtimeDirectory(troubledService());
    const { out } = await run(['export', '--runtime-dir', directory.path]);
    expect(JSON.parse(out)).toMatchObject({
      processes: [
        {
          offload: { threads: { stuck: 1, counters: { busy_seconds: 9 } }, processes: { running: [{ pid: 99 }] } },
          databases: [
            {
              repair: { fenced_seconds: 41.2, attempts: 2, next_attempt_seconds: 3.1, damaged: false },
              refused: { code: 'HIVEDB_E_DISK_FULL', count: 53, seconds: 4.2 },
              turns: { mode: 'polling', waiting: 2, oldest_wait_seconds: 1.2, polled: 812, polled_seconds_ago: 2.1 },
              commits: { groups: 100, writes: 420, commit_time: { max_seconds: 0.095 }, late_commit_seconds: 0.0125 },
              checkpoints: {
                by: 'thread',
                frames: 4_711,
                backfilled_frames: 12,
                last: { mode: 'passive', seconds_ago: 5, seconds: 0.003 },
                pinned: { frames: 4_699, seconds: 41.2, readers: [{ pid: 13_184, command: 'python3 report.py' }] },
                counters: { blocked: 9, failures: 2 },
              },
            },
          ],
        },
      ],
    });
  });

  it('has null for what cannot be known, and never leaves a field out', async () => {
    const databases = [
      databaseSnapshot({ durability: undefined, path: undefined, fileBytes: undefined, walBytes: undefined }),
    ];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const { out } = await run(['export', '--runtime-dir', directory.path]);
    const { processes } = JSON.parse(out) as { processes: { databases: object[] }[] };
    expect(processes[0]?.databases[0]).toMatchObject({
      failure: null,
      durability: null,
      path: null,
      file_size_bytes: null,
      wal_size_bytes: null,
      repair: null,
      refused: null,
      checkpoints: null,
      turns: null,
    });
  });

  it('passes on no field that the contract does not know', async () => {
    const strange = {
      ...serviceSnapshot(),
      labels: [{ label: 'x', calls: 1, failures: 0, sumMs: 9, maxMs: 3, callSite: undefined, secret: 'y' }],
    };
    await using directory = await runtimeDirectory(strange);
    expect((await run(['export', '--runtime-dir', directory.path])).out).not.toContain('secret');
  });

  it('exports a real process', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    const { out } = await run(['export', '--runtime-dir', shop.runtimeDirectory]);
    const { processes } = JSON.parse(out) as { processes: Record<string, unknown>[] };
    expect(processes[0]).toMatchObject({
      pid: shop.pid,
      databases: [{ path: join(directory.path, 'orders.db'), durability: 'full' }, { name: 'stock' }],
      deprecations: [{ code: 'HIVEDB_DEP0001', calls: 1 }],
    });
  });
});

describe('export of files', () => {
  it('prints what each tells and its verdict, asks no process, and leaves nothing beside them', async () => {
    using files = temporaryDirectory();
    const path = join(files.path, 'orders.db');
    await using writer = await startWriter(path, 'PRAGMA user_version = 7', 'CREATE TABLE t (a)', 'BEGIN IMMEDIATE');
    writeFileSync(join(files.path, 'empty.db'), '');
    const before = readdirSync(files.path);
    const argv = ['export', 'orders.db', 'empty.db', 'none', '--runtime-dir', path];
    const { code, out, err } = await run(argv, { cwd: files.path });
    expect({ code, err }).toEqual({
      code: 2,
      err: 'hive-db: empty.db is empty: SQLite would take it for a new database\nhive-db: none does not exist\n',
    });
    expect(JSON.parse(out)).toMatchObject({
      schema: 'hive-db/export/v1',
      processes: [],
      files: [
        {
          path: 'orders.db',
          state: 'database',
          reason: null,
          status: 'pass',
          reasons: [],
          facts: { user_version: 7, wal: null, lock_holders: [{ pid: writer.pid, holds: ['read', 'write'] }] },
        },
        { path: 'empty.db', state: 'empty', status: 'fail', reasons: [{ code: 'empty' }], facts: null },
        { path: 'none', state: 'missing', reason: 'does not exist', status: null, reasons: [], facts: null },
      ],
    });
    expect(readdirSync(files.path)).toEqual(before);
  });

  it('writes them to a file as it does processes, and no file over a database', async () => {
    using files = temporaryDirectory();
    await using writer = await startWriter(join(files.path, 'orders.db'), 'CREATE TABLE t (a)');
    const argv = ['export', 'orders.db', '--output'];
    const output = join(files.path, 'state.json');
    const { code, err } = await run([...argv, 'state.json'], { cwd: files.path });
    expect({ code, err }).toEqual({ code: 0, err: `hive-db: 1 file exported to ${output}\n` });
    expect(JSON.parse(readFileSync(output, 'utf8'))).toMatchObject({ files: [{ path: 'orders.db' }] });
    expect((await run([...argv, 'orders.db'], { cwd: files.path })).code).toBe(2);
    await writer.tell('INSERT INTO t VALUES (1)');
  });
});

describe('export --output', () => {
  it('writes nothing, and replaces no earlier export, where a file is named that is none', async () => {
    using files = temporaryDirectory();
    writeFileSync(join(files.path, 'notes.txt'), 'Dear diary');
    const path = join(files.path, 'state.json');
    for (const earlier of [undefined, '{\n  "schema": "hive-db/export/v1" }']) {
      if (earlier !== undefined) writeFileSync(path, earlier);
      for (const wrong of ['none', 'notes.txt'])
        expect(await run(['export', wrong, '--output', 'state.json'], { cwd: files.path })).toMatchObject({
          code: 2,
          out: '',
          err: expect.stringMatching(/^hive-db: \S+ (?:does not exist|is not a SQLite database.*)\n$/) as string,
        });
      expect(existsSync(path) ? readFileSync(path, 'utf8') : undefined).toBe(earlier);
    }
  });

  it('writes a file that only this user may read, complete, and nothing beside it', async () => {
    using files = temporaryDirectory();
    await using directory = await runtimeDirectory(serviceSnapshot());
    const argv = ['export', '--output', 'snapshot.json', '--runtime-dir', directory.path];
    const { code, out, err } = await run(argv, { cwd: files.path });
    const path = join(files.path, 'snapshot.json');
    expect({ code, out, err }).toEqual({ code: 0, out: '', err: `hive-db: 1 process exported to ${path}\n` });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe((await run(['export', '--runtime-dir', directory.path])).out);
    expect(readdirSync(files.path)).toEqual(['snapshot.json']);
  });

  it('replaces an earlier export', async () => {
    using files = temporaryDirectory();
    await using directory = await runtimeDirectory(serviceSnapshot());
    const path = join(files.path, 'snapshot.json');
    const argv = ['export', '--output', path, '--runtime-dir', directory.path];
    await run(argv);
    await directory.add(12, (socket) => socket.destroy());
    expect((await run(argv)).code).toBe(0);
    expect(readFileSync(path, 'utf8')).toContain('"unreachable"');
  });

  it.each([
    [
      'a file of somebody else',
      (path: string) => writeFileSync(path, '{"schema":"mine"}'),
      /is there already and is no earlier export/,
    ],
    ['an empty file', (path: string) => writeFileSync(path, ''), /is there already and is no earlier export/],
    ['a directory', (path: string) => mkdirSync(path), /is there already and is no earlier export/],
    [
      'a symbolic link',
      (path: string) => symlinkSync('/etc/hostname', path),
      /is there already and is no earlier export/,
    ],
  ])('refuses %s', async (_, make, reason) => {
    using files = temporaryDirectory();
    const path = join(files.path, 'x');
    make(path);
    await using directory = await runtimeDirectory(serviceSnapshot());
    const { code, out, err } = await run(['export', '--output', path, '--runtime-dir', directory.path]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(reason);
    expect(readdirSync(files.path)).toEqual(['x']);
  });

  it.each([240, 250, 255])('may have a name of %i characters', async (length) => {
    using place = temporaryDirectory();
    await using directory = await runtimeDirectory(busyService());
    const name = 'x'.repeat(length);
    const argv = ['--output', join(place.path, name), '--runtime-dir', directory.path];
    expect((await run(['export', ...argv])).code).toBe(0);
    expect(readdirSync(place.path)).toEqual([name]);
  });

  it('is refused in one sentence where the name is longer than any', async () => {
    using place = temporaryDirectory();
    await using directory = await runtimeDirectory(busyService());
    const output = join(place.path, 'x'.repeat(256));
    for (const verb of ['export', 'record']) {
      const { code, err } = await run([verb, '--output', output, '--runtime-dir', directory.path]);
      expect({ code, err }).toEqual({ code: 2, err: `hive-db: --output ${output} cannot be used: ENAMETOOLONG\n` });
    }
    expect(readdirSync(place.path)).toEqual([]);
  });

  it('never touches a database', async () => {
    using files = temporaryDirectory();
    const path = join(files.path, 'orders.db');
    await using writer = startProgram('writer.mjs', path);
    await writer.line();
    await writer.tell('CREATE TABLE t (a)');
    const before = readFileSync(path);
    await using directory = await runtimeDirectory(serviceSnapshot());
    const { code, err } = await run(['export', '--output', path, '--runtime-dir', directory.path]);
    expect(code).toBe(2);
    expect(err).toBe(`hive-db: --output ${path} is there already and is no earlier export; name a new file\n`);
    expect(readFileSync(path)).toEqual(before);
  });

  it.each(['', 'no/such/directory/x.json', 'a\0b', 'orders.db-wal', 'orders.db-journal'])(
    'refuses a place where nothing can be: %j',
    async (output) => {
      using files = temporaryDirectory();
      await using directory = await runtimeDirectory(serviceSnapshot());
      const argv = ['export', `--output=${output}`, '--runtime-dir', directory.path];
      const { code, out, err } = await run(argv, { cwd: files.path });
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toMatch(
        /^hive-db: --output .*(?:is no name that a file can have|cannot be written: ENOENT|ends in -(?:wal|journal), which is the name .*)\n$/,
      );
    },
  );
});

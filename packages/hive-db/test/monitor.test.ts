import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startShop } from './support/program.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { busyService, databaseSnapshot, serviceSnapshot, troubledService } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

interface Report {
  readonly processes: readonly {
    readonly databases: readonly Readonly<Record<string, unknown>>[];
    readonly analysis: readonly { readonly code: string; readonly severity: string; readonly evidence: string }[];
  }[];
}

async function report(...argv: readonly string[]): Promise<Report> {
  const { code, out } = await run(['monitor', '--json', ...argv]);
  expect(code).toBe(0);
  return JSON.parse(out) as Report;
}

describe('monitor', () => {
  it('reports use, times, activity, errors, suspected leaks and what stands out', async () => {
    await using directory = await runtimeDirectory(busyService());
    const { code, out, err } = await run(['monitor', '--runtime-dir', directory.path]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n').slice(0, 15)).toEqual([
      'shop  pid 4711  up 60 min  warn',
      '  DATABASE    IN USE    USE  ACQUIRE p50    p95    p99  OPENED     WAL',
      '  orders    5 of 4+1  100 %         1 us  95 ms  95 ms     2/h  32 KiB',
      '  stock       1 of 4   25 %            -      -      -     2/h  32 KiB',
      '  activity',
      '    orders: reads 30/min, writes 2/min; 25 rolled back, 30 found the lock taken,',
      '    0 timed out; writing now: 1.2 s, move stock',
      '    stock: reads 30/min, writes 2/min; 0 rolled back, 0 found the lock taken, 0',
      '    timed out',
      '  errors',
      '    orders: HIVEDB_E_SQL 4, HIVEDB_E_BUSY_TIMEOUT 3',
      '  suspected leaks',
      '    orders: "nightly import" for 41.2 s, acquired at import.ts:12:3',
      '  analysis',
      '    warning orders',
    ]);
    expect(out).toMatch(
      /\n {4}warning orders\n {6}40 % of 100 acquisitions had to wait, .*\n {6}fix: do less while a connection is held/,
    );
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('reports how large groups of writes are and how long they take, and what reads beside the main thread', async () => {
    await using directory = await runtimeDirectory(troubledService());
    const { out } = await run(['monitor', '--runtime-dir', directory.path]);
    expect(out).toContain(
      [
        '  commits',
        '    DATABASE  GROUPS  WRITES EACH  COMMIT p50    p95    p99  LATELY p99',
        '    orders       100          4.2      1.5 ms  95 ms  95 ms     12.5 ms',
        '  activity',
      ].join('\n'),
    );
    expect(out).toContain(
      [
        '  offload',
        '    threads: 1 of 2 busy, 1 stuck, 1 spare, 3 waiting for up to 1.2 s; stuck for',
        '    41.2 s in "yearly sums" on orders: SELECT sum(amount) FROM orders, stock; 50',
        '    read, 2 failed, 1 given up, 3 refused, 0 crashed',
        '    processes: 1 of 1 busy; 0 read, 0 failed, 0 given up, 0 refused, 0 crashed',
      ].join('\n'),
    );
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const { processes } = await report('--runtime-dir', directory.path);
    expect(processes[0]).toMatchObject({
      offload: { threads: { limit: 2, busy: 2, stuck: 1, spare: 1, running: [{ stuck: true, pid: null }, {}] } },
      databases: [
        { commits: { groups: 100, writes: 420, commit_seconds: { p50: 0.0015 }, late_commit_seconds: 0.0125 } },
      ],
    });
  });

  it('says so when nothing stands out', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    const { out } = await run(['monitor', '--runtime-dir', directory.path]);
    expect(out).toMatch(/ {2}analysis\n {4}nothing stands out\n$/);
    expect(out).not.toMatch(/errors|suspected leaks/);
  });

  it('names every rule that is broken, worst first', async () => {
    await using directory = await runtimeDirectory(busyService());
    const { processes } = await report('--runtime-dir', directory.path);
    expect(processes[0]?.analysis.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'warning saturated',
      'warning waiting',
      'warning long-lease',
      'warning failed',
      'warning leaked',
      'warning create-failures',
      'warning slow-acquire',
      'warning contended-writes',
      'warning rollbacks',
      'warning failing-label',
    ]);
  });

  it('asks for more connections only where they would help', async () => {
    const waiting = busyService().databases.slice(0, 1);
    const databases = [...waiting, ...waiting.map((one) => ({ ...one, name: 'bills', driver: 'postgres' }))];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const { processes } = await report('--runtime-dir', directory.path);
    const slow = processes[0]?.analysis.filter(({ code }) => code === 'slow-acquire');
    expect(slow).toMatchObject([
      { database: 'orders', advice: expect.stringContaining('offload') as string },
      { database: 'bills', advice: expect.stringContaining('raise pool.size') as string },
    ]);
  });

  it('has a word for a pool that opens connections for every other use', async () => {
    const databases = [databaseSnapshot({ pool: { counters: { created: 50 } } })];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const { processes } = await report('--runtime-dir', directory.path);
    expect(processes[0]?.analysis).toMatchObject([
      { severity: 'info', code: 'restless-pool', evidence: '50 connections were opened for 100 acquisitions' },
    ]);
  });

  it('does not make much of little', async () => {
    const counters = { busy: 2, rolledBack: 2, writes: 3, transactions: 0 };
    const databases = [databaseSnapshot({ counters, pool: { counters: { waited: 5, immediate: 0 } } })];
    await using directory = await runtimeDirectory(
      serviceSnapshot({
        databases,
        labels: [{ label: 'save order', calls: 2, failures: 1, sumMs: 9, maxMs: 3, callSite: undefined }],
      }),
    );
    const { processes } = await report('--runtime-dir', directory.path);
    expect(processes[0]?.analysis).toEqual([]);
  });

  it('reads quantiles from histograms, and null from empty ones', async () => {
    await using directory = await runtimeDirectory(busyService());
    const { processes } = await report('--runtime-dir', directory.path);
    const [orders, stock] = processes[0]!.databases;
    expect(orders?.['acquire_seconds']).toEqual({ count: 100, p50: 0.000001, p95: 0.095, p99: 0.095, max: 0.095 });
    expect(stock?.['acquire_seconds']).toEqual({ count: 0, p50: null, p95: null, p99: null, max: null });
  });

  it('has null for what cannot be known', async () => {
    const unknown = databaseSnapshot({
      fileBytes: undefined,
      walBytes: undefined,
      pool: { size: 0 },
      leases: [
        {
          id: 1,
          resourceId: 1,
          owner: undefined,
          ageMs: 31_000,
          idleMs: 31_000,
          suspect: true,
          acquiredAt: undefined,
          allowedMs: undefined,
          use: 'read',
        },
      ],
    });
    await using directory = await runtimeDirectory(
      serviceSnapshot({ databases: [unknown], uptimeMs: 0, takenAt: 1e300 }),
    );
    const { processes } = await report('--runtime-dir', directory.path);
    expect(processes[0]).toMatchObject({ taken_at: null });
    expect(processes[0]?.databases[0]).toMatchObject({
      utilisation_ratio: null,
      rates: { window_seconds: 0, reads_per_second: null },
      leak_suspects: [{ label: null, age_seconds: 31, acquired_at: null }],
      file_size_bytes: null,
      wal_size_bytes: null,
    });
  });

  it('suspects the leaks that the process itself suspects', async () => {
    const lease = { id: 1, resourceId: 1, ageMs: 41_000, acquiredAt: 'import.ts:12:3', allowedMs: undefined };
    const leases = [
      { ...lease, owner: 'at work', idleMs: 2, suspect: false, use: 'session' as const },
      { ...lease, owner: 'forgotten', idleMs: 31_000, suspect: true, use: 'session' as const },
    ];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases: [databaseSnapshot({ leases })] }));
    const { processes } = await report('--runtime-dir', directory.path);
    expect(processes[0]?.databases[0]).toMatchObject({
      leak_suspects: [{ label: 'forgotten', age_seconds: 41, idle_seconds: 31, acquired_at: 'import.ts:12:3' }],
    });
  });

  it('sees the use and the errors of a real process', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('session');
    const { processes } = await report('--runtime-dir', shop.runtimeDirectory);
    const [orders] = processes[0]!.databases;
    expect(orders).toMatchObject({
      name: 'orders',
      pool: { in_use: 1 },
      utilisation_ratio: 1 / 3,
      errors: { HIVEDB_E_CONSTRAINT: 1 },
      totals: { reads: 1, sessions: 1, connections_opened: 1 },
    });
    const { p50 } = orders!['acquire_seconds'] as { p50: number };
    expect(p50).toBeGreaterThan(0);
  });
});

describe('monitor of files', () => {
  it('says what each is, how it is and what stands out, asks no process, and leaves nothing beside them', async () => {
    using directory = temporaryDirectory();
    const [well, cut] = ['well.db', 'cut.db'].map((name) => join(directory.path, name));
    for (const path of [well!, cut!]) {
      using database = new DatabaseSync(path);
      database.exec('CREATE TABLE item (name)');
    }
    truncateSync(cut!, 5_000);
    // Whoever asked processes would be refused here.
    const nowhere = ['--runtime-dir', join(directory.path, 'well.db')];
    const { code, out, err } = await run(['monitor', well!, cut!, ...nowhere]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n').slice(0, 3)).toEqual([
      `${well}  pass`,
      '  size            8 KiB: 2 pages of 4 KiB, 0 free',
      '  journal         rollback',
    ]);
    expect(out).toMatch(
      /\n {2}analysis\n {4}info\n[^]*\n\n[^\n]+cut\.db {2}fail\n[^]*\n {4}error\n {6}the file has 4\.8 KiB/,
    );
    expect(readdirSync(directory.path).toSorted()).toEqual(['cut.db', 'well.db']);
  });

  it('has what is known of each in its document, and no process', async () => {
    using directory = temporaryDirectory();
    const names = ['a.db', 'empty.db', 'none.db'];
    using database = new DatabaseSync(join(directory.path, 'a.db'));
    database.exec('PRAGMA journal_mode = WAL; CREATE TABLE item (name)');
    writeFileSync(join(directory.path, 'empty.db'), '');
    const { code, out, err } = await run(['monitor', '--json', ...names], { cwd: directory.path });
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({
      processes: [],
      files: [
        { path: 'a.db', state: 'database', status: 'pass', journal_mode: 'wal', wal: { frames: 2 }, analysis: [] },
        { path: 'empty.db', state: 'empty', status: 'fail', analysis: [{ severity: 'error', code: 'empty' }] },
        { path: 'none.db', state: 'missing', reason: 'does not exist', status: null, analysis: [] },
      ],
    });
    expect(JSON.parse(out)).not.toHaveProperty('locks');
    expect(err).toBe(
      'hive-db: empty.db is empty: SQLite would take it for a new database\nhive-db: none.db does not exist\n',
    );
    const outcomes = names
      .slice(0, 2)
      .map(async (name) => (await run(['monitor', name], { cwd: directory.path })).code);
    expect(await Promise.all(outcomes)).toEqual([0, 1]);
  });
});

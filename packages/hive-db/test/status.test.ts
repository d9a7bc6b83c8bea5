import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startShop } from './support/program.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { contract, misfits } from './support/schema.ts';
import { busyService, databaseSnapshot, serviceSnapshot, tenantPattern, troubledService } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const IDLE_CREW = {
  limit: 1,
  live: 0,
  busy: 0,
  stuck: 0,
  spare: 0,
  waiting: 0,
  oldest_wait_seconds: 0,
  counters: { done: 0, failed: 0, released: 0, refused: 0, crashes: 0, busy_seconds: 0 },
  running: [],
};

describe('basic use: status', () => {
  it('shows all processes and their databases in one table', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot({ app: 'quiet', pid: 12 }), busyService());
    const { code, out, err } = await run(['status', '--runtime-dir', directory.path]);
    expect(code).toBe(0);
    expect(err).toBe('');
    expect(out).toBe(
      [
        '  DATABASE  DRIVER  STATUS    IN USE  IDLE  WAITING  QUEUED  WRITING',
        'quiet  pid 12  up 60 min',
        '  orders    sqlite  open      1 of 4     1        0       0  -',
        'shop  pid 4711  up 60 min',
        '  orders    sqlite  open    5 of 4+1     0        3       2  1.2 s, move stock',
        '  stock     sqlite  failed    1 of 4     1        0       0  -',
        '    HIVEDB_E_PATH: /srv/stock.db is a directory',
        '  warn  orders: saturated',
        '  warn  orders: waiting',
        '  warn  orders: long-lease',
        '  warn  stock: failed',
        '',
      ].join('\n'),
    );
  });

  it('shows who shares a pool below its row, and in the document, where there are budgets', async () => {
    const counters = { granted: 40, waited: 7, timeouts: 0 };
    const web = { name: 'web', reserved: 2, max: 4, weight: 1, leased: 1, waiting: 0, oldestWaitMs: 0, counters };
    const batch = { ...web, name: 'batch', reserved: 0, leased: 3, waiting: 5, oldestWaitMs: 1_200 };
    const budgets = [web, { ...batch, counters: { ...counters, timeouts: 2 } }];
    await using directory = await runtimeDirectory(
      serviceSnapshot({ databases: [databaseSnapshot({ pool: { budgets } })] }),
    );
    const { out } = await run(['status', '--runtime-dir', directory.path]);
    expect(out).toContain('    budget web: 1 of 4 in use (2 reserved, weight 1)\n');
    expect(out).toContain('    budget batch: 3 of 4 in use (weight 1), 5 waiting for 1.2 s, 2 timed out\n');
    const { out: json } = await run(['status', '--json', '--runtime-dir', directory.path]);
    const document = JSON.parse(json) as { readonly processes: readonly { readonly databases: readonly unknown[] }[] };
    expect(misfits(document, contract('status'))).toEqual([]);
    expect(document.processes[0]?.databases[0]).toMatchObject({
      pool: {
        budgets: [
          { name: 'web', reserved: 2, max: 4, weight: 1, in_use: 1, waiting: 0, granted: 40, waited: 7, timeouts: 0 },
          { name: 'batch', in_use: 3, waiting: 5, oldest_wait_seconds: 1.2, timeouts: 2 },
        ],
      },
    });
  });

  it('prints the document of the contract with --json', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    const { out } = await run(['status', '--json', '--runtime-dir', directory.path]);
    expect(JSON.parse(out)).toEqual({
      schema: 'hive-db/status/v1',
      processes: [
        {
          pid: 4711,
          app: 'shop',
          uptime_seconds: 3_600,
          event_loop_blocked_seconds: 0,
          blocked_by: null,
          health: { status: 'pass', reasons: [] },
          offload: { threads: IDLE_CREW, processes: IDLE_CREW },
          databases: [
            {
              name: 'orders',
              driver: 'sqlite',
              status: 'open',
              failure: null,
              repair: null,
              turns: null,
              pool: { size: 4, max_overflow: 0, in_use: 1, idle: 1, waiting: 0 },
              lane: { waiting: 0, running: 0, writer: null },
            },
          ],
        },
      ],
    });
  });

  it('says how many databases of a pattern are open, and who waits for one', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot({ onDemand: [tenantPattern()] }));
    const { out } = await run(['status', '--runtime-dir', directory.path]);
    expect(out.replaceAll(/\n */g, ' ')).toContain(
      ' tenant-*: 50 of 50 open, 50 in use, 2 waiting for up to 1.2 s; opened 340 times, closed 290 ',
    );
    const json = await run(['status', '--json', '--runtime-dir', directory.path]);
    expect(JSON.parse(json.out)).toMatchObject({
      processes: [{ on_demand: [{ pattern: 'tenant-*', max_open: 50, waiting: 2, oldest_wait_seconds: 1.25 }] }],
    });
  });

  it('says what was changed by hand, and what decides what a process logs: ten of it, and how many there are besides', async () => {
    const by = 'by hand (process 12)';
    const settings = [
      { key: 'database.log.level', value: 'debug', origin: by },
      ...Array.from({ length: 11 }, (_, index) => ({
        key: `databases.d${index}.echo`,
        value: 'true\u001b[2J',
        origin: by,
      })),
    ];
    await using directory = await runtimeDirectory(serviceSnapshot({ settings }));
    const { out } = await run(['status', '--runtime-dir', directory.path]);
    expect(out).toContain('\n  set: database.log.level debug, by hand (process 12)\n');
    expect(out).toContain('\n  set: databases.d8.echo true\u{FFFD}[2J, by hand (process 12)\n');
    expect(out).toContain('\n  set: and 2 more, which --json lists\n');
    expect(out).not.toContain('d9');
    const json = await run(['status', '--json', '--runtime-dir', directory.path]);
    expect(JSON.parse(json.out)).toMatchObject({ processes: [{ settings }] });
  });

  it('says where a process serves its health, where it does', async () => {
    const http = { host: '::1', port: 9_100 };
    await using directory = await runtimeDirectory(serviceSnapshot({ http }));
    const { out } = await run(['status', '--runtime-dir', directory.path]);
    expect(out).toMatch(/\nshop {2}pid 4711 {2}up 60 min {2}http:\/\/\[::1\]:9100\n/);
    const json = await run(['status', '--json', '--runtime-dir', directory.path]);
    expect(JSON.parse(json.out)).toMatchObject({ processes: [{ http }] });
  });

  it('says below what is not written why, for how long and when it is tried next, and which thread is lost', async () => {
    await using directory = await runtimeDirectory(troubledService());
    const { code, out } = await run(['status', '--runtime-dir', directory.path]);
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      '  DATABASE  DRIVER  STATUS  IN USE  IDLE  WAITING  QUEUED  TURNS    WRITING',
      'shop  pid 4711  up 60 min',
      '  orders    sqlite  fenced  1 of 4     1        0       0  polling  -',
      '    writes are refused for 41.2 s, reads go on: HIVEDB_E_IO: orders: disk I/O',
      '    error; verified 2 times in vain, the next time in 3.1 s; the last time: the',
      '    disk does not answer',
      '  reads in threads: 1 of 2 busy, 1 stuck, 1 spare, 3 waiting for up to 1.2 s;',
      '  stuck for 41.2 s in "yearly sums" on orders: SELECT sum(amount) FROM orders,',
      '  stock',
      '  warn  orders: fenced',
      '  warn  orders: disk-full',
      '  warn  orders: slow-commits',
      '  warn  orders: polling',
      '  warn  orders: pinned',
      '',
    ]);
  });

  it.each([
    ['verifying', 'verified 1 time in vain, it is being verified now'],
    ['elsewhere', 'verified 2 times in vain, another process verifies it now'],
    ['displaced', 'it is left alone until the file that was opened is back'],
  ] as const)('says what is done about a database that is fenced: %s', async (phase, words) => {
    const [orders] = troubledService().databases;
    const repair = { ...orders!.repair!, phase, found: undefined, nextAttemptMs: undefined };
    await using directory = await runtimeDirectory(serviceSnapshot({ databases: [{ ...orders!, repair }] }));
    const { out } = await run(['status', '--runtime-dir', directory.path]);
    expect(out.replaceAll(/\s+/g, ' ')).toContain(`disk I/O error; ${words} `);
    const json = await run(['status', '--json', '--runtime-dir', directory.path]);
    expect(JSON.parse(json.out)).toMatchObject({
      processes: [
        {
          databases: [
            {
              failure: { code: 'HIVEDB_E_IO' },
              repair: { fenced_seconds: 41.2, attempts: 2, phase, next_attempt_seconds: null, found: null },
            },
          ],
        },
      ],
    });
  });

  it('knows of a process that does nothing that another one has fenced its database', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    const { dev, ino } = statSync(join(directory.path, 'orders.db'));
    for (const [folder, text] of [
      // Word of an error, and somebody who is about to verify the file for all.
      ['verifying', 'somebody'],
      ['fences', '{}'],
    ] as const) {
      mkdirSync(join(shop.runtimeDirectory, folder), { recursive: true, mode: 0o700 });
      writeFileSync(join(shop.runtimeDirectory, folder, `${dev}-${ino}`), text);
    }
    const { out } = await run(['status'], { env: { HIVE_RUNTIME_DIR: shop.runtimeDirectory } });
    expect(out.replaceAll(/\s+/g, ' ')).toMatch(
      / orders (?:sqlite )?fenced .* writes are refused for .*, reads go on: HIVEDB_E_IO: /,
    );
  });

  it('finds a real process and the use of its databases', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await shop.tell('session');
    await shop.tell('lock');
    const { code, out } = await run(['status', '--json'], { env: { HIVE_RUNTIME_DIR: shop.runtimeDirectory } });
    expect(code).toBe(0);
    const [process] = (JSON.parse(out) as { processes: Found[] }).processes;
    expect(process).toMatchObject({ pid: shop.pid, app: 'shop' });
    expect(process?.uptime_seconds).toBeGreaterThan(0);
    expect(process?.databases).toEqual([
      {
        name: 'orders',
        driver: 'sqlite',
        status: 'open',
        failure: null,
        repair: null,
        turns: expect.objectContaining({ reason: null, waiting: 0 }) as object,
        pool: { size: 2, max_overflow: 1, in_use: 1, idle: 0, waiting: 0 },
        lane: {
          waiting: 0,
          running: 1,
          writer: {
            label: 'move stock',
            held_seconds: expect.any(Number) as number,
            waits_for_lock: false,
          },
        },
      },
      {
        name: 'stock',
        driver: 'sqlite',
        status: 'open',
        failure: null,
        repair: null,
        turns: expect.objectContaining({ reason: null, waiting: 0 }) as object,
        pool: { size: 4, max_overflow: 0, in_use: 0, idle: 1, waiting: 0 },
        lane: { waiting: 0, running: 0, writer: null },
      },
    ]);
  });

  it('does not call writing what waits for the lock of another process', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await using other = await startShop(directory.path);
    await shop.tell('lock');
    await other.tell('ask');
    const env = { HIVE_RUNTIME_DIR: shop.runtimeDirectory };
    const { out } = await run(['status'], { env });
    expect(out).toMatch(new RegExp(`pid ${shop.pid} .*\n  orders .+ {2}[\\d.]+ m?s, move stock\n`));
    expect(out).toMatch(new RegExp(`pid ${other.pid} .*\n  orders .+ {2}waits [\\d.]+ m?s, add`));
    const waiting = await run(['ps', '--kind', 'waiting', '--json'], { env });
    expect(JSON.parse(waiting.out)).toMatchObject({ activities: [{ pid: other.pid, label: 'add stock' }] });
    const report = await run(['monitor'], { env });
    expect(report.out).toMatch(/; first in line\s+for\s+the\s+write\s+lock:\s+waits\s/);
    expect(report.out).toMatch(/;\s+writing\s+now:\s+[\d.]+\sm?s,\s+move\s/);
  });

  it.each(['status', 'monitor'])('%s exits with 1 when a process that it shows fails', async (verb) => {
    const failure = { code: 'HIVEDB_E_PATH', message: '/srv/orders.db is a directory' };
    const failed = databaseSnapshot({ status: 'failed', required: true, failure });
    await using directory = await runtimeDirectory(
      serviceSnapshot(),
      serviceSnapshot({ pid: 12, databases: [failed] }),
    );
    const { code, out } = await run([verb, '--runtime-dir', directory.path]);
    expect(code).toBe(1);
    expect(out).toContain('fail');
  });

  it('says in one line that no process is there, and is content', async () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/none`;
    const text = await run(['status', '--runtime-dir', path]);
    expect(text).toEqual({
      code: 0,
      out: '',
      err: `hive-db: no process found in ${path}; one is there as long as it has its database service open\n`,
    });
    const { code, out, err } = await run(['status', '--json', '--runtime-dir', path]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ schema: 'hive-db/status/v1', processes: [] });
    expect(err).toBe(text.err);
  });

  it('fits into the width of the terminal, cutting the longest names', async () => {
    const long = 'a'.repeat(63);
    const databases = [databaseSnapshot({ name: long }), databaseSnapshot({ name: '\u6f22'.repeat(40) })];
    await using directory = await runtimeDirectory(serviceSnapshot({ databases }));
    const { out } = await run(['status', '--runtime-dir', directory.path], {
      env: { TERM: 'dumb' },
      terminal: { columns: 72, rows: 24 },
    });
    const lines = out.trimEnd().split('\n');
    expect(lines[2]).toMatch(/^ {2}a+… +sqlite/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(72);
    // Half as many, because each of these is two cells wide.
    expect(lines[3]!.match(/\u6f22/g)!.length * 2).toBeLessThanOrEqual(lines[2]!.match(/a/g)!.length);
  });

  it('shows a process that has no database', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot({ databases: [] }));
    const { out } = await run(['status', '--runtime-dir', directory.path]);
    expect(out).toBe('shop  pid 4711  up 60 min\n  no databases\n');
  });
});

interface Found {
  readonly pid: number;
  readonly uptime_seconds: number;
  readonly databases: readonly unknown[];
}

import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startShop } from './support/program.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { busyService, databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

describe('status', () => {
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
        '',
      ].join('\n'),
    );
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
          databases: [
            {
              name: 'orders',
              driver: 'sqlite',
              status: 'open',
              pool: { size: 4, max_overflow: 0, in_use: 1, idle: 1, waiting: 0 },
              lane: { waiting: 0, running: 0, writer: null },
            },
          ],
        },
      ],
    });
  });

  it('says where a process serves its health, where it does', async () => {
    const http = { host: '::1', port: 9_100 };
    await using directory = await runtimeDirectory(serviceSnapshot({ http }));
    const { out } = await run(['status', '--runtime-dir', directory.path]);
    expect(out).toMatch(/\nshop {2}pid 4711 {2}up 60 min {2}http:\/\/\[::1\]:9100\n/);
    const json = await run(['status', '--json', '--runtime-dir', directory.path]);
    expect(JSON.parse(json.out)).toMatchObject({ processes: [{ http }] });
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

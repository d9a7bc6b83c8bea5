import { DEFAULT_THRESHOLDS } from '@hive/shared-db/health';
import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startShop } from './support/program.ts';
import { runtimeDirectory, hangingUp } from './support/runtime-directory.ts';
import { databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const full = databaseSnapshot({ pool: { leased: 4, idle: 0 } });
const failed = databaseSnapshot({
  status: 'failed',
  required: true,
  failure: { code: 'HIVEDB_E_PATH', message: '/srv/orders.db is a directory' },
});

function createDatabase(path: string): void {
  using database = new DatabaseSync(path);
  database.exec('CREATE TABLE item (name)');
}

async function check(...argv: readonly string[]) {
  return run(['health-check', ...argv]);
}

describe('health-check', () => {
  it('passes a process that is well', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    expect(await check('--runtime-dir', directory.path)).toEqual({
      code: 0,
      out: 'shop  pid 4711  up 60 min  pass\n',
      err: '',
    });
  });

  it('gives reasons and advice for a warning, which is no failure', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot({ databases: [full] }));
    const { code, out } = await check('--runtime-dir', directory.path);
    expect(code).toBe(0);
    expect(out).toMatch(/^shop {2}pid 4711 {2}up 60 min {2}warn\n {2}warn orders\n {4}4 of 4 connections are in use/);
    expect(out).toContain('\n    fix: ');
  });

  it('judges by the thresholds of the process, as the process itself does', async () => {
    const thresholds = { ...DEFAULT_THRESHOLDS, utilisationWarn: 1, utilisationCritical: 1, failWhenSaturated: true };
    await using strict = await runtimeDirectory(serviceSnapshot({ thresholds, databases: [full] }));
    expect((await check('--runtime-dir', strict.path)).code).toBe(1);
    const calm = { ...DEFAULT_THRESHOLDS, oldestWaitMs: 60_000 };
    const waiting = databaseSnapshot({ lane: { waiting: 1, oldestWaitMs: 9_000 } });
    await using patient = await runtimeDirectory(serviceSnapshot({ thresholds: calm, databases: [waiting] }));
    expect((await check('--runtime-dir', patient.path)).out).toMatch(/pass\n$/);
  });

  it('exits with 1 when a process fails, whatever the others do', async () => {
    await using directory = await runtimeDirectory(
      serviceSnapshot({ pid: 12 }),
      serviceSnapshot({ databases: [failed] }),
    );
    await directory.add(99, hangingUp);
    const { code, out } = await check('--json', '--runtime-dir', directory.path);
    expect(code).toBe(1);
    const document = JSON.parse(out) as { status: string; processes: { status: string; reasons: object[] }[] };
    expect(document.status).toBe('fail');
    expect(document.processes.map(({ status }) => status)).toEqual(['pass', 'fail']);
    expect(document.processes[1]?.reasons[0]).toMatchObject({ status: 'fail', code: 'failed', database: 'orders' });
  });

  it('cannot say that all is well while a process does not answer', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    await directory.add(99, hangingUp);
    const { code, out, err } = await check('--json', '--runtime-dir', directory.path);
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({
      status: null,
      processes: [{ status: 'pass' }],
      unreachable: [{ pid: 99 }],
    });
    expect(err).toBe('hive-db: process 99 gives no usable answer: it hung up without an answer\n');
  });

  it('cannot say that all is well where nobody is', async () => {
    using directory = temporaryDirectory();
    const { code, out, err } = await check('--json', '--runtime-dir', directory.path);
    expect(code).toBe(3);
    expect(JSON.parse(out)).toEqual({ schema: 'hive-db/health-check/v1', status: null, processes: [] });
    expect(err).toMatch(/^hive-db: no process found in .*\n$/);
  });

  it('passes a real process', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    const { code, out } = await check('--runtime-dir', shop.runtimeDirectory);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^shop {2}pid ${shop.pid} {2}up .* {2}pass\n$`));
  });
});

describe('health-check of files', () => {
  it('passes one that is well, and leaves nothing beside it', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'orders.db');
    createDatabase(path);
    expect(await check(path)).toEqual({ code: 0, out: `${path}  pass\n`, err: '' });
    expect(readdirSync(directory.path)).toEqual(['orders.db']);
  });

  it('exits with 1 where one fails, and says of each why and what to do', async () => {
    using directory = temporaryDirectory();
    const [well, cut, empty] = ['well.db', 'cut.db', 'empty.db'].map((name) => join(directory.path, name));
    createDatabase(well!);
    createDatabase(cut!);
    truncateSync(cut!, 5_000);
    writeFileSync(empty!, '');
    const { code, out, err } = await check('--json', well!, cut!, empty!);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      status: 'fail',
      processes: [],
      files: [
        { path: well, status: 'pass', reasons: [] },
        { path: cut, status: 'fail', reasons: [{ status: 'fail', code: 'truncated', database: null }] },
        { path: empty, status: 'fail', reasons: [{ status: 'fail', code: 'empty' }] },
      ],
    });
    expect(err).toBe(`hive-db: ${empty} is empty: SQLite would take it for a new database\n`);
    expect((await check(cut!)).out).toMatch(/cut\.db {2}fail\n {2}fail\n {4}the file has 4\.8 KiB[^]*\n {4}fix: /);
  });

  it('cannot say that all is well of what is no database: that is wrong use, and the others are judged', async () => {
    using directory = temporaryDirectory();
    const path = join(directory.path, 'orders.db');
    createDatabase(path);
    const { code, out, err } = await check('--json', path, join(directory.path, 'none'));
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({
      status: null,
      files: [
        { path, state: 'database', reason: null, status: 'pass' },
        { path: join(directory.path, 'none'), state: 'missing', reason: 'does not exist', status: null, reasons: [] },
      ],
    });
    expect(err).toBe(`hive-db: ${join(directory.path, 'none')} does not exist\n`);
  });
});

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startShop } from './support/program.ts';
import { runtimeDirectory, hangingUp } from './support/runtime-directory.ts';
import { contract, misfits } from './support/schema.ts';
import {
  busyService,
  databaseSnapshot,
  saturatedService,
  serviceSnapshot,
  tenantPattern,
  troubledService,
} from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const VERBS = [
  'status',
  'ps',
  'top',
  'locks',
  'wal',
  'health-check',
  'monitor',
  'diagnose',
  'advise',
  'export',
  'deprecations',
];
/** What a verb needs to be over at once. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = { top: ['--interval', '0s'] };
/** Verbs that change how processes run, each with what it needs. */
const CONTROL: readonly (readonly string[])[] = [
  ['resize', 'orders', '--size', '3'],
  ['suspend', 'orders'],
  ['resume', 'orders'],
  ['flush', '--all'],
  ['echo', 'on'],
  ['log-level', 'debug'],
  ['threshold', 'walSize', '1MiB'],
  ['reload'],
];
const settings = ['config-print', 'config-validate'];

/** What leaves every optional part out, and what has them all. */
const sparse = serviceSnapshot({
  pid: 12,
  databases: [databaseSnapshot({ durability: undefined, path: undefined, fileBytes: undefined, walBytes: undefined })],
});
const rich = {
  ...busyService(),
  http: { host: '127.0.0.1', port: 9_100 },
  fallbacks: [{ database: 'orders', reason: 'the service is not configured' }],
  warnings: ['a second engine'],
  onDemand: [tenantPattern()],
  settings: [{ key: 'database.log.level', value: 'debug', origin: 'by hand (process 4711)' }],
};

describe('schema: what --json prints', () => {
  it('has a contract for every verb, and none without a verb', () => {
    const names = readdirSync(join(import.meta.dirname, '../schemas'));
    expect(names).toEqual(
      [
        ...VERBS,
        ...CONTROL.map(([verb = '']) => verb),
        'why',
        'fix',
        'recording',
        'replay',
        'backup',
        'restore',
        ...settings,
      ]
        .toSorted()
        .map((name) => `${name}.v1.schema.json`),
    );
  });

  it.each(VERBS)('keeps the contract of %s, whatever there is to say', async (verb) => {
    await using directory = await runtimeDirectory(
      sparse,
      rich,
      { ...troubledService(), pid: 13 },
      { ...saturatedService(), pid: 14 },
    );
    await directory.add(99, hangingUp);
    const { out } = await run([verb, ...(OPTIONS[verb] ?? []), '--json', '--runtime-dir', directory.path]);
    expect(misfits(JSON.parse(out), contract(verb))).toEqual([]);
  });

  it.each(VERBS)('keeps the contract of %s when nobody is there', async (verb) => {
    using directory = temporaryDirectory();
    const { out } = await run([verb, ...(OPTIONS[verb] ?? []), '--json', '--runtime-dir', directory.path]);
    expect(misfits(JSON.parse(out), contract(verb))).toEqual([]);
  });

  it('keeps the contracts for a real process and its files', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    const files = ['orders.db', 'orders.db-wal', 'none'].map((name) => join(directory.path, name));
    for (const verb of VERBS) {
      const { out } = await run([verb, ...(OPTIONS[verb] ?? []), '--json', '--runtime-dir', shop.runtimeDirectory]);
      expect(misfits(JSON.parse(out), contract(verb))).toEqual([]);
    }
    await shop.tell('session');
    for (const [verb = '', ...options] of CONTROL) {
      const { out } = await run([verb, ...options, '--json', '--runtime-dir', shop.runtimeDirectory]);
      expect(misfits(JSON.parse(out), contract(verb))).toEqual([]);
    }
    for (const verb of ['status', 'locks', 'wal', 'diagnose', 'health-check', 'monitor', 'export']) {
      const { out } = await run([verb, '--json', ...files]);
      expect(misfits(JSON.parse(out), contract(verb))).toEqual([]);
    }
  });

  it.each(CONTROL)('keeps the contract of %s of processes that take no orders', async (verb, ...options) => {
    await using directory = await runtimeDirectory(sparse);
    await directory.add(99, hangingUp);
    const { out } = await run([verb, ...options, '--json', '--runtime-dir', directory.path]);
    expect(misfits(JSON.parse(out), contract(verb))).toEqual([]);
  });

  it.each(settings)('keeps the contract of %s', async (name) => {
    using directory = temporaryDirectory();
    const argv = ['config', name.replace('config-', ''), '--json'];
    for (const env of [{}, { DB_POOL_SIZE: '7' }]) {
      const { out } = await run(argv, { cwd: directory.path, env });
      expect(misfits(JSON.parse(out), contract(name))).toEqual([]);
    }
  });

  it('would be caught breaking it', () => {
    const document = { schema: 'hive-db/status/v1', processes: [{ pid: '1', app: 'x', databases: [], surprise: 1 }] };
    expect(misfits(document, contract('status'))).toEqual([
      '$.processes[0].uptime_seconds is missing',
      '$.processes[0].event_loop_blocked_seconds is missing',
      '$.processes[0].blocked_by is missing',
      '$.processes[0].offload is missing',
      '$.processes[0].health is missing',
      '$.processes[0].pid is "1", not integer',
      '$.processes[0].surprise is not in the contract',
    ]);
  });
});

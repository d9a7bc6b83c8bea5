import type { DatabaseStatus, ServiceSnapshot } from '@hive/shared-db';
import { VirtualClock } from '@hive/pool/testing';
import { DEFAULT_THRESHOLDS } from '@hive/shared-db/health';
import { describe, expect, it } from 'vitest';
import { healthServer } from '../support/health-server.ts';
import {
  healthyCheckpoints,
  healthyDatabase,
  healthyService,
  healthyServiceTrend,
  healthyTrend,
} from '../support/snapshots.ts';

const ROUTES = ['/livez', '/readyz', '/startupz', '/health/database', '/health/database/orders', '/metrics'];
const HEALTH_ROUTES = ROUTES.filter((route) => route !== '/metrics');

function serve(snapshot: ServiceSnapshot, options = {}) {
  return healthServer({ snapshot: () => snapshot, ...options });
}

async function statusesOf(snapshot: ServiceSnapshot, options = {}): Promise<Record<string, number>> {
  await using server = await serve(snapshot, options);
  const statuses = await Promise.all(HEALTH_ROUTES.map(async (path) => [path, (await server.ask(path)).status]));
  return Object.fromEntries(statuses) as Record<string, number>;
}

const databaseThatIs = (status: DatabaseStatus, required: boolean): ServiceSnapshot =>
  healthyService({ databases: [healthyDatabase({ status, required })] });

describe('a check', () => {
  it('says since when it is not as it should be, where the process remembers that, in JSON and in lines', async () => {
    const raised = { database: 'orders', subject: undefined, isCritical: false };
    const snapshot = healthyService({
      trend: healthyServiceTrend({
        raised: [
          { ...raised, code: 'suspended', sinceMs: 3_590_000, lastOverMs: 3_600_000 },
          { ...raised, code: 'saturated', sinceMs: 3_420_000, lastOverMs: 3_600_000 },
        ],
      }),
      databases: [healthyDatabase({ pool: { status: 'suspended' }, trend: healthyTrend({ utilisation: 0.9 }) })],
    });
    await using server = await serve(snapshot, { details: 'always' });
    const { checks } = JSON.parse((await server.ask('/health/database')).body) as { checks: Record<string, object[]> };
    expect(checks['orders:connections']?.[0]).toMatchObject({
      status: 'warn',
      observedValue: { utilization: 0.9 },
      since: '2026-11-21T11:57:00.000Z',
      sinceSeconds: 180,
    });
    expect(checks['orders:errors']).toMatchObject([{ status: 'pass', observedValue: { calls: 200, errors: {} } }]);
    expect((await server.ask('/health/database?verbose')).body).toMatch(
      /^\[!\] orders:connections .* \(for 3 min, since 2026-11-21T11:57:00\.000Z\)$/m,
    );
  });

  it('is there for every reason of a database', async () => {
    const pinned = { frames: 4_000, forMs: 3_000, readers: [] };
    const turns = { ...healthyDatabase().turns!, mode: 'polling', reason: 'R-polling', polledAgoMs: 1 } as const;
    const database = healthyDatabase({ checkpoints: healthyCheckpoints({ pinned }), turns, walBytes: undefined });
    await using server = await serve(healthyService({ databases: [database] }), { details: 'always' });
    const { body } = await server.ask('/health/database?verbose');
    expect(body).toContain('[!] orders:wal 4000 frames of its log');
    expect(body).toContain(
      '[!] orders:commitTime other processes write to the same file, and no turns can be had: R-polling',
    );
  });
});

describe('the status code', () => {
  it('is 200 everywhere while all is well', async () => {
    expect(await statusesOf(healthyService())).toEqual(Object.fromEntries(HEALTH_ROUTES.map((path) => [path, 200])));
  });

  it('stays 200 where the verdict is a warning', async () => {
    await using server = await serve(healthyService({ databases: [healthyDatabase({ pool: { leased: 4 } })] }));
    expect(await server.ask('/readyz')).toMatchObject({ status: 200, body: '{"status":"warn"}\n' });
  });

  it.each<[what: string, snapshot: ServiceSnapshot, failing: string[]]>([
    ['closing', healthyService({ closing: true }), ['/readyz', '/health/database']],
    [
      'still opening a required database',
      databaseThatIs('opening', true),
      ['/readyz', '/startupz', '/health/database', '/health/database/orders'],
    ],
    ['still opening another database', databaseThatIs('opening', false), ['/startupz']],
    [
      'without a required database',
      databaseThatIs('failed', true),
      ['/readyz', '/startupz', '/health/database', '/health/database/orders'],
    ],
    ['without another database', databaseThatIs('failed', false), []],
    [
      'with a required database fenced',
      databaseThatIs('fenced', true),
      ['/readyz', '/health/database', '/health/database/orders'],
    ],
  ])('of a process %s is 503 where it matters, and never for liveness', async (_what, snapshot, failing) => {
    const statuses = await statusesOf(snapshot);
    expect(Object.keys(statuses).filter((path) => statuses[path] === 503)).toEqual(failing);
  });

  it('is 503 for a full pool only when that is asked for', async () => {
    const full = healthyService({ databases: [healthyDatabase({ pool: { leased: 4 } })] });
    expect((await statusesOf(full))['/readyz']).toBe(200);
    const thresholds = { ...DEFAULT_THRESHOLDS, failWhenSaturated: true };
    expect((await statusesOf(full, { thresholds }))['/readyz']).toBe(503);
  });

  it('of one database does not depend on the others', async () => {
    const snapshot = healthyService({
      databases: [healthyDatabase(), healthyDatabase({ name: 'stock', status: 'failed', required: true })],
    });
    await using server = await serve(snapshot);
    expect((await server.ask('/health/database/orders')).status).toBe(200);
    expect((await server.ask('/health/database/stock')).status).toBe(503);
  });

  it.each(['nobody', '', 'orders/', 'Orders', '..%2f', '__proto__'])(
    'is 404 for the database name %j, and the body does not repeat it',
    async (name) => {
      await using server = await serve(healthyService());
      const { status, body } = await server.ask(`/health/database/${name}`);
      expect(status).toBe(404);
      expect(body).toBe('There is no database of this name\n');
    },
  );

  it('is 503 for health and 500 for metrics when no snapshot can be taken; liveness needs none', async () => {
    const logged: object[] = [];
    const note = (fields: object): void => void logged.push(fields);
    const logger = { debug: note, info: note, warn: note, error: note };
    const failure = new Error('SELECT secret');
    await using server = await healthServer({
      details: 'always',
      logger,
      snapshot: () => {
        throw failure;
      },
    });
    expect(await server.ask('/livez')).toMatchObject({ status: 200 });
    expect(await server.ask('/readyz')).toMatchObject({ status: 503, body: '{"status":"fail"}\n' });
    expect(await server.ask('/metrics')).toMatchObject({ status: 500, body: 'No metrics\n' });
    expect(logged).toEqual([
      { err: failure, route: 'readyz' },
      { err: failure, route: 'metrics' },
    ]);
  });
});

describe('a response', () => {
  it.each(ROUTES)('to HEAD %s is that to GET without its body', async (path) => {
    await using server = await serve(healthyService());
    const [get, head] = [await server.ask(path), await server.ask(path, { method: 'HEAD' })];
    const { date: _get, ...expected } = get.headers;
    const { date: _head, ...headers } = head.headers;
    expect({ status: head.status, headers, body: head.body }).toEqual({ status: 200, headers: expected, body: '' });
    expect(Number(head.headers['content-length'])).toBe(Buffer.byteLength(get.body));
  });

  it.each(ROUTES)('to %s is not to be stored', async (path) => {
    await using server = await serve(healthyService());
    expect((await server.ask(path)).headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  it('says when to ask again after a failure, and only then', async () => {
    await using server = await serve(healthyService({ closing: true }));
    expect((await server.ask('/readyz')).headers['retry-after']).toBe('5');
    expect((await server.ask('/livez')).headers).not.toHaveProperty('retry-after');
  });

  it.each([
    '/',
    '/livezz',
    '/livez/',
    '/health',
    '/healthz',
    '//livez',
    '/x/readyz',
    '/x/health/database/orders',
    '/LIVEZ',
  ])('to %s is left to the application', async (path) => {
    await using server = await serve(healthyService());
    expect(await server.ask(path)).toMatchObject({ status: 418, body: 'the application' });
  });

  it('does not depend on what else the query says', async () => {
    await using server = await serve(healthyService());
    expect(await server.ask('/livez?x=1&x=%')).toMatchObject({ status: 200, body: '{"status":"pass"}\n' });
  });

  it('costs at most one snapshot in a tenth of a second', async () => {
    const clock = new VirtualClock();
    let taken = 0;
    await using server = await healthServer({
      clock,
      snapshot: () => {
        taken++;
        return healthyService();
      },
    });
    for (const path of ROUTES) await server.ask(path);
    expect(taken).toBe(1);
    await clock.advance(99);
    await server.ask('/readyz');
    expect(taken).toBe(1);
    await clock.advance(1);
    await server.ask('/readyz');
    expect(taken).toBe(2);
  });
});

describe('details', () => {
  const snapshot = healthyService({
    fallbacks: [{ database: 'stock', reason: 'the service is not configured' }],
    databases: [
      healthyDatabase({ pool: { leased: 4, idle: 0, waiting: 4, oldestWaitMs: 1_930 } }),
      healthyDatabase({ name: 'audit', driver: 'postgres', walBytes: undefined }),
    ],
  });

  it('have the shape of health+json', async () => {
    await using server = await serve(snapshot, { details: 'always' });
    const { headers, body } = await server.ask('/health/database');
    expect(headers['content-type']).toBe('application/health+json');
    const time = '2026-11-21T12:00:00.000Z';
    const datastore = { componentType: 'datastore', status: 'pass', time };
    expect(JSON.parse(body)).toEqual({
      status: 'warn',
      serviceId: 'shop',
      checks: {
        'service:uptime': [{ componentType: 'system', observedValue: 3600, observedUnit: 's', status: 'pass', time }],
        'orders:status': [{ ...datastore, observedValue: 'open' }],
        'orders:connections': [
          {
            ...datastore,
            observedValue: { used: 4, idle: 0, max: 4, pending: 4 },
            status: 'warn',
            output: '4 of 4 connections are in use (100 %), 4 callers waiting',
          },
        ],
        'orders:waitTime': [
          {
            ...datastore,
            observedValue: 1_930,
            observedUnit: 'ms',
            status: 'warn',
            output: '4 callers waiting for a connection, the oldest for 1.9 s',
          },
        ],
        'orders:wal': [{ ...datastore, observedValue: 32_768, observedUnit: 'bytes' }],
        'audit:status': [{ ...datastore, observedValue: 'open' }],
        'audit:connections': [{ ...datastore, observedValue: { used: 1, idle: 1, max: 4, pending: 0 } }],
        'audit:waitTime': [{ ...datastore, observedValue: 0, observedUnit: 'ms' }],
        'stock:fallback': [
          {
            ...datastore,
            status: 'warn',
            output: 'its adapter works on direct connections: the service is not configured',
          },
        ],
      },
      notes: expect.arrayContaining([expect.stringContaining('raise size or maxOverflow')]) as unknown,
    });
  });

  it('of one database are about that database', async () => {
    await using server = await serve(snapshot, { details: 'always' });
    const { body } = await server.ask('/health/database/audit');
    const { status, checks } = JSON.parse(body) as { status: string; checks: object };
    expect(status).toBe('pass');
    expect(Object.keys(checks)).toEqual(['service:uptime', 'audit:status', 'audit:connections', 'audit:waitTime']);
  });

  it('are lines for people when asked to be verbose, whatever a message contains', async () => {
    const broken = healthyService({
      databases: [
        healthyDatabase({
          status: 'failed',
          required: true,
          walBytes: undefined,
          failure: { code: 'HIVEDB_E_IO', message: 'disk\r\n[+] all:fine \u001b[2J' },
        }),
      ],
    });
    await using server = await serve(broken, { details: 'always' });
    const { status, headers, body } = await server.ask('/readyz?verbose');
    expect(status).toBe(503);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(body.split('\n')).toEqual([
      '[+] service:uptime ok',
      '[-] orders:status it is out of order: HIVEDB_E_IO: disk  [+] all:fine  [2J',
      '[+] orders:connections ok',
      '[+] orders:waitTime ok',
      expect.stringMatching(/^ {2}> remove the cause/),
      'fail',
      '',
    ]);
  });

  it('show every reason that the verdict can have', async () => {
    const everything = healthyService({
      closing: true,
      fallbacks: [{ database: 'orders', reason: 'R-fallback' }],
      deprecations: [{ code: 'R-deprecated', replacement: 'x', calls: 1, callSites: [] }],
      warnings: ['R-warning'],
      databases: [
        healthyDatabase({ name: 'one', status: 'opening' }),
        healthyDatabase({ name: 'two', status: 'closed' }),
        healthyDatabase({ name: 'three', status: 'failed' }),
        healthyDatabase({
          status: 'fenced',
          refused: { code: 'HIVEDB_E_DISK_FULL', message: 'full', count: 53, sinceMs: 4_200 },
          walBytes: 1e9,
          pool: { status: 'suspended', leased: 4, oldestWaitMs: 5_000, abandoned: 1, counters: { timeouts: 9 } },
          lane: { waiting: 1, oldestWaitMs: 5_000 },
          leases: [
            {
              id: 1,
              resourceId: 1,
              owner: 'R-lease',
              ageMs: 31_000,
              idleMs: 31_000,
              suspect: true,
              acquiredAt: undefined,
              allowedMs: undefined,
              use: 'read',
            },
          ],
        }),
      ],
    });
    const thresholds = { ...DEFAULT_THRESHOLDS, warnWhenDeprecated: true };
    await using server = await serve(everything, { details: 'always', thresholds });
    const { body } = await server.ask('/health/database?verbose');
    const evidence = [
      ['closing', 'R-fallback', 'R-deprecated', 'R-warning', 'being opened', 'is closed', 'out of order', 'refused'],
      [
        '53 writes in a row refused',
        'suspended',
        'are in use',
        'for a connection',
        'to be written',
        'timed out',
        'R-lease',
        'no longer count',
        '-wal',
      ],
    ];
    for (const words of evidence.flat()) expect(body).toContain(words);
  });
});

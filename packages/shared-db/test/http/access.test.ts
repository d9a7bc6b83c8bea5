import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { createHealthHandler } from '@hive/shared-db/http';
import { describe, expect, it, vi } from 'vitest';
import { healthServer } from '../support/health-server.ts';
import { healthyDatabase, healthyService } from '../support/snapshots.ts';

const ROUTES = ['/livez', '/readyz', '/startupz', '/health/database', '/health/database/orders', '/metrics'];
const TOKEN = 'correct-horse-battery-staple';

/** A snapshot that has something in it that no stranger may read, wherever text can be. */
const secretive = healthyService({
  labels: [{ label: 'SECRET label', calls: 1, failures: 0, sumMs: 9, maxMs: 3, callSite: undefined }],
  warnings: ['SECRET warning'],
  fallbacks: [{ database: 'stock', reason: 'SECRET reason' }],
  deprecations: [{ code: 'HIVEDB_DEP0001', replacement: 'SECRET new', calls: 1, callSites: ['SECRET.ts:3'] }],
  databases: [
    healthyDatabase({
      path: '/SECRET/orders.db',
      status: 'fenced',
      required: true,
      failure: { code: 'HIVEDB_E_IO', message: 'SECRET: SELECT * FROM customers' },
      leases: [
        {
          id: 1,
          resourceId: 1,
          owner: 'SECRET owner',
          ageMs: 1e6,
          idleMs: 1e6,
          suspect: true,
          acquiredAt: 'at SECRET.ts:3',
          allowedMs: undefined,
          use: 'read',
        },
      ],
      waiters: [{ owner: 'SECRET waiter', waitMs: 1e6, use: 'read' }],
      statements: [{ statement: 'SELECT SECRET', runs: 1, sumMs: 1, maxMs: 1 }],
      slowStatements: [{ statement: 'SELECT SECRET', label: 'SECRET slow', ms: 900, at: 0 }],
      slowRuns: 1,
    }),
  ],
});
const snapshot = () => secretive;

describe('a stranger', () => {
  it.each([...ROUTES, ...ROUTES.map((route) => `${route}?verbose`)])(
    'reads no path, SQL, label or stack at %s',
    async (path) => {
      await using server = await healthServer({ snapshot });
      const { body } = await server.ask(path);
      expect(body).not.toContain('SECRET');
      expect(body).not.toContain('SELECT');
    },
  );

  it('reads the bare status', async () => {
    await using server = await healthServer({ snapshot });
    expect((await server.ask('/readyz')).body).toBe('{"status":"fail"}\n');
    expect((await server.ask('/readyz?verbose')).body).toBe('fail\n');
  });

  it.each([
    undefined,
    'Bearer wrong',
    'Bearer',
    'Bearer ',
    'Bearer undefined',
    `Bearer ${TOKEN.toUpperCase()}`,
    `Bearer ${TOKEN}${TOKEN}`,
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${TOKEN} more`,
    `Basic ${TOKEN}`,
    TOKEN,
  ])('stays one with Authorization: %s', async (authorization) => {
    await using server = await healthServer({ snapshot, details: 'when-authorized', token: TOKEN });
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    expect((await server.ask('/readyz', { headers })).body).toBe('{"status":"fail"}\n');
  });
});

describe('a token', () => {
  it('is compared in a time that says nothing of it, nor of its length', async () => {
    const comparison = vi.spyOn(crypto, 'timingSafeEqual');
    syncBuiltinESMExports();
    using _ = {
      [Symbol.dispose]: () => {
        comparison.mockRestore();
        syncBuiltinESMExports();
      },
    };
    await using server = await healthServer({ snapshot, details: 'when-authorized', token: TOKEN });
    const given = ['x', TOKEN.slice(0, -1), TOKEN, 'x'.repeat(1_000)];
    for (const token of given) await server.ask('/readyz', { headers: { authorization: `Bearer ${token}` } });
    const lengths = comparison.mock.calls.map((sides) => sides.map(({ byteLength }) => byteLength));
    expect(lengths).toEqual(given.map(() => [32, 32]));
    expect(comparison.mock.results.map(({ value }) => value as unknown)).toEqual([false, false, true, false]);
  });

  it.each([undefined, 'never', 'when-authorized', 'always'] as const)(
    'is never empty, whoever sees details: %s',
    (details) => {
      const options = { snapshot, token: '', ...(details === undefined ? {} : { details }) };
      expect(() => createHealthHandler(options)).toThrow(/token .* is empty/);
    },
  );
});

describe('details are shown', () => {
  it.each([`Bearer ${TOKEN}`, `bearer  ${TOKEN}`])('to who has the token: %s', async (authorization) => {
    await using server = await healthServer({ snapshot, details: 'when-authorized', token: TOKEN });
    const { body } = await server.ask('/readyz', { headers: { authorization } });
    expect(body).toContain('SECRET owner');
  });

  it('to everybody only where that is asked for', async () => {
    await using open = await healthServer({ snapshot, details: 'always' });
    expect((await open.ask('/readyz')).body).toContain('SECRET owner');
    await using shut = await healthServer({ snapshot, details: 'never', token: TOKEN });
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect((await shut.ask('/readyz', { headers })).body).not.toContain('SECRET');
  });

  it('to nobody by a handler that could not tell who is authorized', () => {
    expect(() => createHealthHandler({ snapshot, details: 'when-authorized' })).toThrow(/has no token/);
  });
});

describe('a request is turned away', () => {
  it.each(ROUTES)('at %s by any method but GET and HEAD', async (path) => {
    await using server = await healthServer({ snapshot });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const response = await server.ask(path, { method });
      expect(response.status).toBe(405);
      expect(response.headers.allow).toBe('GET, HEAD');
    }
  });

  it.each(ROUTES)('at %s for a foreign host', async (path) => {
    await using server = await healthServer({ snapshot, details: 'always' });
    for (const host of ['evil.example', 'localhost.evil.example', '10.0.0.1', 'localhost:80:80', '[::2]', 'a b', '@'])
      expect((await server.ask(path, { headers: { host } })).status, `host ${host}`).toBe(421);
  });

  it.each(ROUTES)('at %s where it does not say which host it means', async (path) => {
    await using server = await healthServer({ snapshot, details: 'always' });
    const { status, body } = await server.ask(path, { setHost: false });
    expect(status).toBe(421);
    expect(body).not.toContain('SECRET');
  });

  it.each(ROUTES)('at %s for a web page, even one of this machine', async (path) => {
    await using server = await healthServer({ snapshot, details: 'always' });
    for (const origin of ['https://evil.example', 'http://localhost:8787', 'null', '']) {
      const { status, body } = await server.ask(path, { headers: { origin } });
      expect(status, `origin ${origin}`).toBe(403);
      expect(body).not.toContain('SECRET');
    }
  });
});

describe('a host is let in', () => {
  it.each(['localhost', 'LOCALHOST:8787', '127.0.0.1', '127.0.0.1:1', '[::1]', '[::1]:8787'])(
    'by default when it is this machine: %s',
    async (host) => {
      await using server = await healthServer({ snapshot });
      expect((await server.ask('/livez', { headers: { host } })).status).toBe(200);
    },
  );

  it('when it is allowed, and then no other', async () => {
    const allowedHosts = ['Health.Example', '10.0.0.7', '[fd00::1]', 'fd00::2', 'my_service'];
    await using server = await healthServer({ snapshot, allowedHosts });
    for (const host of ['health.example:80', '10.0.0.7', '[FD00::1]:9', '[fd00::2]', 'my_service'])
      expect((await server.ask('/livez', { headers: { host } })).status, `host ${host}`).toBe(200);
    expect((await server.ask('/livez', { headers: { host: 'localhost' } })).status).toBe(421);
  });

  it.each(['localhost:8787', 'http://localhost', '', '*', 'a b'])('only under a name that is one, not %j', (host) => {
    expect(() => createHealthHandler({ snapshot, allowedHosts: [host] })).toThrow(/without scheme and port/);
  });
});

import { once } from 'node:events';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { openDatabaseService, sqlite, type DatabaseService, type ServiceConfig } from '@hive/shared-db';
import { listProcesses } from '@hive/shared-db/presence';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { companionWith } from '../support/companion.ts';
import { startNeighbour } from '../support/neighbour.ts';
import { NO_PRELOADED_LIBRARY, preloadedLibrary } from '../support/preloaded-library.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';

let place: TemporaryDirectory;
beforeEach(() => {
  place = temporaryDirectory();
});
afterEach(() => {
  place[Symbol.dispose]();
});

const TOKEN = 'correct-horse-battery-staple';
/** A busy machine is no reason to fail. */
const LONG = { timeout: 20_000, interval: 50 };

/** A process with a service that serves health, says on which port, and then waits for nothing or runs what is put behind it. */
const SERVICE = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const [directory, http] = process.argv.slice(-2);
  const service = await openDatabaseService({
    app: 'shop',
    runtimeDirectory: directory + '/run',
    http: JSON.parse(http),
    databases: { orders: sqlite({ path: directory + '/orders.db' }) },
  });
  const orders = service.database('orders');
  const say = (word) => new Promise((said) => process.stdout.write(word + '\\n', said));
  await say(String(service.snapshot().http.port));
`;
const COUNTING = `
  const statement = 'WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n';
  orders.readSync('count to a lot', (c) => c.get(statement));
`;

interface Response {
  readonly status: number;
  readonly body: string;
  readonly elapsedMs: number;
}

function ask(port: number, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body, elapsedMs: performance.now() - begun });
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

function open(config: Partial<ServiceConfig> = {}): Promise<DatabaseService> {
  return openDatabaseService({
    app: 'shop',
    runtimeDirectory: join(place.path, 'run'),
    databases: { orders: sqlite({ path: join(place.path, 'orders.db') }) },
    ...config,
  });
}

function portOf(service: DatabaseService): number {
  return service.snapshot().http?.port ?? -1;
}

/** A program of somebody else's on a port. */
async function stranger(): Promise<Server & AsyncDisposable> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  return Object.assign(server, { [Symbol.asyncDispose]: close });
}

describe('a process whose main thread is stuck', () => {
  it('is live and not ready, and says in which call and statement, to who may know', async () => {
    const http = JSON.stringify({ port: 0, token: TOKEN });
    await using process = startNeighbour(SERVICE + COUNTING, place.path, http);
    const port = Number(await process.line());
    await expect.poll(async () => (await ask(port, '/readyz')).status, LONG).toBe(503);
    expect(await ask(port, '/livez')).toMatchObject({ status: 200, body: '{"status":"pass"}\n' });
    expect((await ask(port, '/readyz')).body).toBe('{"status":"fail"}\n');
    const { body } = await ask(port, '/readyz', { authorization: `Bearer ${TOKEN}` });
    const { checks } = JSON.parse(body) as { checks: Record<string, readonly Record<string, unknown>[]> };
    expect(checks['service:blocked']).toMatchObject([
      {
        status: 'fail',
        observedUnit: 's',
        observedValue: expect.toSatisfy((seconds: number) => seconds >= 1) as number,
        output: expect.stringMatching(/has not turned for .* inside "count to a lot": WITH RECURSIVE/) as string,
      },
    ]);
    const metrics = await ask(port, '/metrics');
    expect(Number(/^hive_db_service_event_loop_blocked_seconds (.+)$/m.exec(metrics.body)?.[1])).toBeGreaterThan(1);
    expect((await ask(port, '/startupz')).status).toBe(200);
    expect((await ask(port, '/health/database/orders')).status).toBe(200);
    expect((await ask(port, '/health/database')).status).toBe(503);
  });

  it('answers each time, and most times within a tenth of a second', async () => {
    await using process = startNeighbour(SERVICE + COUNTING, place.path, '{"port":0}');
    const port = Number(await process.line());
    await expect.poll(async () => (await ask(port, '/readyz')).status, LONG).toBe(503);
    const times: number[] = [];
    for (let round = 0; round < 20; round++) times.push((await ask(port, '/readyz')).elapsedMs);
    // The median: what a busy machine does to one request says nothing about the thread.
    expect(times.toSorted((a, b) => a - b)[10]).toBeLessThan(100);
  });

  it('is not live any more after a limit, where there is one', async () => {
    const http = '{"port":0,"livezFailsAfterMs":1000}';
    await using process = startNeighbour(SERVICE + COUNTING, place.path, http);
    const port = Number(await process.line());
    await expect.poll(async () => (await ask(port, '/livez')).status, LONG).toBe(503);
  });
});

describe('a process whose main thread is free', () => {
  it('is ready, and says where it can be asked: in its snapshot, in its log and to whoever finds it', async () => {
    const logger = recordingLogger();
    await using service = await open({ http: { port: 0 }, logger });
    const port = portOf(service);
    expect(await ask(port, '/readyz')).toMatchObject({ status: 200, body: '{"status":"pass"}\n' });
    expect(logger.lines.find(({ message }) => message === 'health is served over HTTP')?.fields).toEqual({
      app: 'shop',
      host: '127.0.0.1',
      port,
    });
    const reports = await listProcesses({ directory: join(place.path, 'run'), timeoutMs: 10_000 });
    expect(reports).toMatchObject([{ state: 'answered', snapshot: { http: { host: '127.0.0.1', port } } }]);
  });

  it('serves nothing where nobody asked for it', async () => {
    await using service = await open();
    expect(service.snapshot().http).toBeUndefined();
    expect(service.settings.http.port).toBe(false);
  });

  it('serves also where it does not want to be found', async () => {
    await using service = await open({ presence: false, http: { port: 0 } });
    expect((await ask(portOf(service), '/readyz')).status).toBe(200);
    expect(await listProcesses({ directory: join(place.path, 'run') })).toEqual([]);
  });

  it('serves also where it cannot be found', async () => {
    await using service = await open({ runtimeDirectory: '/proc/nowhere', http: { port: 0 } });
    expect((await ask(portOf(service), '/readyz')).status).toBe(200);
    expect(service.verdict().reasons.map(({ evidence }) => evidence)).toEqual([
      expect.stringMatching(/^hive-db cannot see this process/),
    ]);
  });

  it('is live under a limit', async () => {
    await using service = await open({ http: { port: 0, livezFailsAfterMs: 1_000 } });
    expect((await ask(portOf(service), '/livez')).status).toBe(200);
  });

  it('has the port from the environment, which beats the code and may switch it off', async () => {
    await using served = await open({ http: { port: false }, env: { DB_HTTP_PORT: '0' } });
    expect((await ask(portOf(served), '/livez')).status).toBe(200);
    const { origins } = served.settings;
    expect(origins.find(({ key }) => key === 'database.http.port')?.origin).toBe('environment DB_HTTP_PORT');
    await served.close();
    await using unserved = await open({ http: { port: 0 }, env: { DB_HTTP_PORT: 'false' } });
    expect(unserved.snapshot().http).toBeUndefined();
  });

  it('ends by itself, its service still open', async () => {
    await using process = startNeighbour(SERVICE, place.path, '{"port":0}');
    await process.line();
    expect(await process.exit()).toBe(0);
  });
});

describe('who asks', () => {
  it('is refused under a foreign name, for a web page, and by any other method', async () => {
    await using service = await open({ http: { port: 0, token: TOKEN } });
    const port = portOf(service);
    const authorization = `Bearer ${TOKEN}`;
    for (const host of ['evil.example', 'localhost.evil.example', `10.0.0.1:${port}`])
      expect((await ask(port, '/readyz', { host, authorization })).status, `host ${host}`).toBe(421);
    for (const origin of ['https://evil.example', 'http://localhost', 'null'])
      expect((await ask(port, '/metrics', { origin, authorization })).status, `origin ${origin}`).toBe(403);
    expect(await spoken(port, 'POST /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n')).toMatch(/^HTTP\/1.1 405 /);
    expect(await spoken(port, 'GET /livez HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 421 /);
    expect((await ask(port, '/elsewhere')).status).toBe(404);
  });

  it('sees details with the token only', async () => {
    await using service = await open({ http: { port: 0, token: TOKEN } });
    const port = portOf(service);
    expect((await ask(port, '/readyz')).body).toBe('{"status":"pass"}\n');
    expect((await ask(port, '/readyz', { authorization: 'Bearer wrong' })).body).toBe('{"status":"pass"}\n');
    expect((await ask(port, '/readyz', { authorization: `Bearer ${TOKEN}` })).body).toContain('orders:connections');
  });

  it('may use the names that are allowed', async () => {
    await using service = await open({ http: { port: 0, allowedHosts: 'probe.internal, 10.0.0.7' } });
    for (const host of ['probe.internal:80', '10.0.0.7', 'localhost'])
      expect((await ask(portOf(service), '/livez', { host })).status, `host ${host}`).toBe(200);
  });

  it('cannot hold a place by saying nothing, or half of it', async () => {
    await using service = await open({ http: { port: 0 } });
    const clients = ['', 'GET /livez HTTP/1.1\r\nHost: local'].map(async (text) => {
      const socket = connect(portOf(service), '127.0.0.1');
      socket.resume().write(text);
      await once(socket, 'close');
      return socket.bytesRead;
    });
    // Who has said nothing is hung up on without a word, or told that it took too long.
    for (const bytes of await Promise.all(clients)) expect(bytes).toBeLessThan(200);
    expect((await ask(portOf(service), '/livez')).status).toBe(200);
  }, 20_000);

  it('cannot hold the thread up with rubbish or a request without end', async () => {
    await using service = await open({ http: { port: 0 } });
    const port = portOf(service);
    expect(await spoken(port, 'rubbish\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect(await spoken(port, `GET / HTTP/1.1\r\nHost: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
    expect((await ask(port, '/livez')).status).toBe(200);
  });
});

describe('a port that is in use', () => {
  it('is said once, with what to do, and the service opens and is served when the port is free', async () => {
    await using other = await stranger();
    const { port } = other.address() as AddressInfo;
    const logger = recordingLogger();
    await using service = await open({ http: { port }, logger });
    const sentence =
      `health is not served over HTTP: port ${port} of 127.0.0.1 is in use; end the program that has it, ` +
      `or set DB_HTTP_PORT to another port or to 0 for any free one`;
    expect(service.snapshot()).toMatchObject({ http: undefined, warnings: [sentence] });
    expect(service.verdict()).toMatchObject({ status: 'warn', reasons: [{ code: 'warning', evidence: sentence }] });
    expect(logger.said('warn')).toEqual([sentence]);
    await other[Symbol.asyncDispose]();
    await expect.poll(() => service.snapshot().http, LONG).toEqual({ host: '127.0.0.1', port });
    expect(service.verdict().status).toBe('pass');
    expect((await ask(port, '/readyz')).status).toBe(200);
  }, 30_000);

  it.each([
    ['192.0.2.1', /^health is not served over HTTP: 192\.0\.2\.1 is no address of this machine; set DB_HTTP_HOST/],
    ['name.invalid', /^health is not served over HTTP: .*name\.invalid/],
  ])('is no different from an address that is not here: %s', async (host, sentence) => {
    await using service = await open({ http: { port: 0, host } });
    expect(service.snapshot().warnings).toEqual([expect.stringMatching(sentence)]);
  });
});

const slowNames = preloadedLibrary('slow-names');
afterAll(() => slowNames?.[Symbol.dispose]());

describe('a name that takes long to look up', () => {
  it('is said, and neither opening nor closing nor being found waits for it', async ({ skip }) => {
    skip(slowNames === undefined, NO_PRELOADED_LIBRARY);
    const program = `
      import { openDatabaseService, sqlite } from '@hive/shared-db';
      import { listProcesses } from '@hive/shared-db/presence';
      const warn = (_, message) => say(message);
      const nothing = () => undefined;
      const runtimeDirectory = args[0] + '/run';
      const service = await openDatabaseService({ app: 'shop', runtimeDirectory, http: { port: 0, host: 'slow.example' },
        databases: { orders: sqlite({ path: args[0] + '/orders.db' }) }, logger: { debug: nothing, info: nothing, warn, error: warn } });
      say((await listProcesses({ directory: runtimeDirectory, timeoutMs: 10_000 }))[0].state);
      await service.close();
      say('closed');
    `;
    await using slow = companionWith({ ...slowNames?.environment }, program, place.path);
    expect(await slow.hear()).toBe(
      'health is not served over HTTP: looking up slow.example takes long; set DB_HTTP_HOST to an address, such as 127.0.0.1',
    );
    expect(await slow.hear()).toBe('answered');
    expect(await slow.hear()).toBe('presence: the sentinel did not end by itself and is ended');
    // Long before the name server gives up.
    expect(await slow.hear()).toBe('closed');
  }, 20_000);
});

describe('closing the service', () => {
  it('frees the port, whoever is connected', async () => {
    const service = await open({ http: { port: 0 } });
    const port = portOf(service);
    const idle = connect(port, '127.0.0.1');
    idle.on('error', () => undefined);
    await once(idle, 'connect');
    await service.close();
    await expect(ask(port, '/livez')).rejects.toThrow(/ECONNREFUSED/);
    idle.destroy();
  });

  it('does not wait for who is still asking: its sentinel ends by itself', async () => {
    const logger = recordingLogger();
    const service = await open({ http: { port: 0 }, logger });
    const asking = connect(portOf(service), '127.0.0.1');
    asking.on('error', () => undefined).write('GET /livez HTTP/1.1\r\nHost: local');
    await once(asking, 'connect');
    // Answered after the other has been heard.
    expect((await ask(portOf(service), '/livez')).status).toBe(200);
    await service.close();
    expect(logger.said('warn')).toEqual([]);
    asking.destroy();
  });

  it('is told as long as it lasts: the process is not ready', async () => {
    const service = await open({ http: { port: 0 } });
    const port = portOf(service);
    const session = await service.database('orders').session('nightly import');
    const closing = service.close();
    await expect.poll(async () => (await ask(port, '/readyz')).status, LONG).toBe(503);
    await session[Symbol.asyncDispose]();
    await closing;
  });
});

describe('settings of HTTP', () => {
  it.each([
    [{ port: 65_536 }, 'code: http.port must be a whole number from 0 to 65535, or false, not 65536'],
    [{ port: true }, 'code: http.port must be a whole number from 0 to 65535, or false, not true'],
    [
      { port: 0, host: 'http://x' },
      'code: http.host must be an address or a host name, without scheme and port, not "http://x"',
    ],
    [
      { port: 0, allowedHosts: 'a,,b' },
      'code: http.allowedHosts must be addresses or host names with commas between, without scheme and port, not "a,,b"',
    ],
    [{ prot: 0 }, 'code: http.prot is not a setting; the nearest valid key is http.port'],
  ])('that are wrong open nothing: %j', async (http, sentence) => {
    await expect(open({ http: http as object })).rejects.toThrow(sentence);
  });

  it('do not show a token, not even a wrong one', async () => {
    const refused = open({ http: { port: 0, token: 'hunter2 and more' } });
    await expect(refused).rejects.toThrow('code: http.token must be a text without spaces, not what it is');
  });
});

/** Everything that is answered to a few bytes. */
async function spoken(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  socket.setEncoding('utf8').on('data', (part: string) => (heard += part));
  // Whoever is hung up on while sending is told so.
  socket.on('error', () => undefined);
  socket.end(text);
  await new Promise((closed) => socket.once('close', closed));
  return heard;
}

import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listProcesses } from '@hive/shared-db/presence';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startNeighbour } from '../support/neighbour.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';

let place: TemporaryDirectory;
beforeEach(() => {
  place = temporaryDirectory();
});
afterEach(() => {
  place[Symbol.dispose]();
});

/** A process with a service that runs what is put behind it. */
const SERVICE = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const [directory] = process.argv.slice(-1);
  const migrations = [{ id: 1, name: 'a', sql: 'CREATE TABLE a (x INTEGER)' }];
  const service = await openDatabaseService({
    app: 'shop',
    runtimeDirectory: directory + '/run',
    databases: { orders: sqlite({ path: directory + '/orders.db', migrations }) },
  });
  const orders = service.database('orders');
  const FOR_EVER = 'WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n';
  // Stuck like one that computes, and leaves the processor to the other tests.
  const standStill = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  const say = (word) => new Promise((said) => process.stdout.write(word + '\\n', said));
`;
const FOR_EVER = /^WITH RECURSIVE n/;

/** Says when it begins, then blocks. */
const BLOCKED: readonly (readonly [what: string, program: string, label: string | undefined, statement: RegExp])[] = [
  ['readSync', `orders.readSync('count', (c) => c.get(FOR_EVER));`, 'count', FOR_EVER],
  ['all rows of readSync', `orders.readSync('count', (c) => c.all(FOR_EVER));`, 'count', FOR_EVER],
  ['an iteration', `orders.readSync('count', (c) => [...c.iterate(FOR_EVER)]);`, 'count', FOR_EVER],
  [
    'a write',
    `await orders.write('fill', (tx) => tx.run('INSERT INTO a ' + FOR_EVER));`,
    'fill',
    /^INSERT INTO a WITH/,
  ],
  ['exec', `await orders.write('fill', (tx) => tx.exec(FOR_EVER));`, 'fill', FOR_EVER],
  ['read', `await orders.read('list', (c) => c.get(FOR_EVER));`, 'list', FOR_EVER],
  ['a transaction', `await orders.transaction('move', (tx) => tx.all(FOR_EVER));`, 'move', FOR_EVER],
  [
    'the function of a write, between its statements',
    `await orders.write('compute', (tx) => { tx.get('SELECT 1'); standStill(); });`,
    'compute',
    /^$/,
  ],
  ['something else', `orders.readSync('count', (c) => c.get('SELECT 1')); standStill();`, undefined, /^$/],
  [
    'something else after a statement has failed',
    `try { orders.readSync('bad', (c) => c.get('SELECT abs(-9223372036854775808)')); } catch {} standStill();`,
    undefined,
    /^$/,
  ],
];

describe('a process whose main thread is stuck', () => {
  it.each(BLOCKED)('says that it is in %s', async (_, program, label, statement) => {
    await using process = startNeighbour(`${SERVICE} await say('ready'); ${program}`, place.path);
    await process.line();
    await expect
      .poll(() => listProcesses({ directory: join(place.path, 'run'), timeoutMs: 10_000 }), { timeout: 20_000 })
      .toMatchObject([
        {
          pid: process.pid,
          state: 'answered',
          snapshot: {
            app: 'shop',
            eventLoop: {
              blockedMs: expect.toSatisfy((ms: number) => ms > 500) as number,
              ...(label === undefined ? {} : { label }),
            },
          },
        },
      ]);
    const [report] = await listProcesses({ directory: join(place.path, 'run'), timeoutMs: 10_000 });
    const { eventLoop } = (report as { snapshot: { eventLoop: { label?: string; statement?: string } } }).snapshot;
    expect(eventLoop.label).toBe(label);
    expect(eventLoop.statement ?? '').toMatch(statement);
  });

  it('says how it was before: who had a connection, which labels were used', async () => {
    const program = `
      await orders.session('nightly import');
      await orders.write('fill', (tx) => tx.run('INSERT INTO a VALUES (1)'));
      await new Promise((done) => setTimeout(done, 1_500));
      await say('ready');
      standStill();
    `;
    await using process = startNeighbour(SERVICE + program, place.path);
    await process.line();
    const [report] = await listProcesses({ directory: join(place.path, 'run'), timeoutMs: 10_000 });
    expect(report).toMatchObject({
      snapshot: {
        databases: [{ name: 'orders', leases: [{ owner: 'nightly import' }], counters: { writes: 1 } }],
        labels: [{ label: 'nightly import' }, { label: 'fill' }],
      },
    });
  });
});

describe('a process that gets stuck as soon as its service is open', () => {
  it('is not taken for one that is opening', async () => {
    const program = `
      import { driverDatabase, openDatabaseService, systemClock } from '@hive/shared-db';
      import { FakeDriver } from '@hive/shared-db/testing';
      const [directory] = process.argv.slice(-1);
      const driver = new FakeDriver({ clock: systemClock });
      // Longer than its sentinel takes to start, and shorter than that takes to look again by itself.
      driver.delay('connect', 600);
      const databases = { remote: driverDatabase({ driver, identity: 'fake://1' }) };
      await openDatabaseService({ app: 'shop', runtimeDirectory: directory + '/run', databases });
      await new Promise((said) => process.stdout.write('ready\\n', said));
      for (;;);
    `;
    await using process = startNeighbour(program, place.path);
    await process.line();
    const [report] = await listProcesses({ directory: join(place.path, 'run'), timeoutMs: 10_000 });
    expect(report).toMatchObject({ state: 'answered', snapshot: { databases: [{ status: 'open' }] } });
  });
});

describe('a process whose main thread is free', () => {
  it('is not blocked, and answers with what is so now', async () => {
    const program = `
      await orders.write('fill', (tx) => tx.run('INSERT INTO a VALUES (1)'));
      await say('ready');
      process.stdin.ref();
    `;
    await using process = startNeighbour(SERVICE + program, place.path);
    await process.line();
    const [report] = await listProcesses({ directory: join(place.path, 'run'), timeoutMs: 10_000 });
    expect(report).toMatchObject({ state: 'answered', snapshot: { databases: [{ counters: { writes: 1 } }] } });
  });

  it('ends by itself, its service still open', async () => {
    await using process = startNeighbour(`${SERVICE} await say('ready');`, place.path);
    await process.line();
    expect(await process.exit()).toBe(0);
  });

  it('leaves no socket when its service has closed, and ends', async () => {
    await using process = startNeighbour(`${SERVICE} await service.close(); await say('closed');`, place.path);
    await process.line();
    expect(readdirSync(join(place.path, 'run')).filter((name) => name.endsWith('.sock'))).toEqual([]);
    expect(await process.exit()).toBe(0);
  });

  it('leaves no socket either when its service could not be opened, and ends', async () => {
    const program = `
      import { mkdirSync } from 'node:fs';
      mkdirSync(process.argv.at(-1) + '/orders.db');
      ${SERVICE.replace('databases: { orders: sqlite({', 'databases: { orders: sqlite({ required: true,')
        .replace('const service = await openDatabaseService(', 'const failure = await openDatabaseService(')
        .replace(/\}\);\n {2}const orders[^]*$/, '}).catch((error) => error);')}
      process.stdout.write(failure.code + '\\n');
    `;
    await using process = startNeighbour(program, place.path);
    expect(await process.line()).toBe('HIVEDB_E_PATH');
    expect(readdirSync(join(place.path, 'run')).filter((name) => name.endsWith('.sock'))).toEqual([]);
    expect(await process.exit()).toBe(0);
  });

  it('is found again when somebody has removed the runtime directory', async () => {
    await using process = startNeighbour(`${SERVICE} await say('ready'); process.stdin.ref();`, place.path);
    await process.line();
    const directory = join(place.path, 'run');
    const found = async () =>
      (await listProcesses({ directory, timeoutMs: 10_000 })).map(({ pid, state }) => ({ pid, state }));
    for (const lost of [
      directory,
      join(
        directory,
        readdirSync(directory).find((name) => name.endsWith('.sock'))!,
      ),
    ]) {
      rmSync(lost, { recursive: true });
      expect(await found()).toEqual([]);
      await expect.poll(found, { timeout: 20_000 }).toEqual([{ pid: process.pid, state: 'answered' }]);
    }
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(readdirSync(directory).filter((name) => name.endsWith('.sock'))).toHaveLength(1);
  });

  it('has a sentinel that runs nothing of what the process was started with, and compiles nothing again', async () => {
    const preload = join(place.path, 'preload.mjs');
    writeFileSync(preload, `import { writeSync } from 'node:fs'; writeSync(1, 'preloaded\\n');`);
    const begin = `import { spawn } from 'node:child_process';
      const [directory] = process.argv.slice(-1);
      const more = { NODE_OPTIONS: '--import ' + directory + '/preload.mjs', NODE_COMPILE_CACHE: directory + '/compiled' };
      spawn(process.execPath, ['--input-type=module', '-e', process.argv.at(-2), '--', directory], {
        stdio: 'inherit', env: { ...process.env, ...more } });`;
    const watch = `import { syncBuiltinESMExports } from 'node:module';
      import threads from 'node:worker_threads';
      const environments = [];
      threads.Worker = class extends threads.Worker {
        constructor(file, options) {
          super(file, options);
          environments.push(options.env);
        }
      };
      syncBuiltinESMExports();`;
    const program = `${watch}${SERVICE} await say(JSON.stringify(environments));`;
    await using process = startNeighbour(begin, program, place.path);
    expect(await process.line()).toBe('preloaded');
    expect(JSON.parse(await process.line())).toEqual([{ NODE_COMPILE_CACHE: join(place.path, 'compiled') }]);
  });

  it('has no thread beside it when it does not want to be found', async () => {
    const program = SERVICE.replace("app: 'shop',", "app: 'shop', presence: false,");
    await using process = startNeighbour(
      `${program} await say(String(process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length));`,
      place.path,
    );
    expect(await process.line()).toBe('0');
  });
});

describe('a process that opens and closes a service again and again', () => {
  it('keeps no thread, no socket and no descriptor', async () => {
    const program = `
      import { readdirSync } from 'node:fs';
      const sockets = () => readdirSync(directory + '/run', { recursive: true }).filter((name) => name.endsWith('.sock'));
      const kept = () => [readdirSync('/proc/self/task'), readdirSync('/proc/self/fd'), sockets()].map((all) => all.length);
      const again = () => openDatabaseService({ app: 'again', runtimeDirectory: directory + '/run', http: { port: 0 },
        databases: { again: sqlite({ path: directory + '/again.db' }) } });
      const before = kept();
      for (let round = 0; round < 8; round++) await (await again()).close();
      // A thread that has ended goes a moment later.
      while (String(kept()) !== String(before)) await new Promise((later) => setTimeout(later, 10));
      await say('nothing is left');
    `;
    await using process = startNeighbour(SERVICE + program, place.path);
    expect(await process.line()).toBe('nothing is left');
  }, 30_000);
});

/** A process that closes a service whose sentinel runs the program that is its last argument, and says for how long that took. */
const CLOSES = `
  import { syncBuiltinESMExports } from 'node:module';
  import threads from 'node:worker_threads';
  const [directory, sentinel] = process.argv.slice(-2);
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(_, options) {
      super(new URL('data:text/javascript,' + encodeURIComponent(sentinel)), options);
    }
  };
  syncBuiltinESMExports();
  const { openDatabaseService, sqlite } = await import('@hive/shared-db');
  const databases = { orders: sqlite({ path: directory + '/orders.db' }) };
  const service = await openDatabaseService({ app: 'shop', runtimeDirectory: directory + '/run', databases });
  const before = performance.now();
  await service.close();
  console.log(performance.now() - before);
`;
/** A sentinel that does what is put in when it is told to end. */
const ends = (how: string): string => `
  import { writeSync } from 'node:fs';
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', ({ kind }) => { if (kind === 'close') { ${how} } });
  parentPort.postMessage({ kind: 'listening' });
`;

describe('closing a service', () => {
  it('waits for its sentinel to tidy up', async () => {
    const tidy = ends("setTimeout(() => { writeSync(1, 'tidy\\n'); parentPort.close(); }, 200);");
    await using process = startNeighbour(CLOSES, place.path, tidy);
    expect(await process.line()).toBe('tidy');
    expect(await process.exit()).toBe(0);
  });

  it('ends a sentinel that does not end by itself, after a second', async () => {
    await using process = startNeighbour(CLOSES, place.path, ends('for (;;);'));
    const tookMs = Number(await process.line());
    // The system may be late, not early: its timers count whole milliseconds.
    expect(tookMs).toBeGreaterThan(990);
    expect(tookMs).toBeLessThan(5_000);
    expect(await process.exit()).toBe(0);
  });
});

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { companion, companionWith } from './support/companion.ts';
import { NO_PRELOADED_LIBRARY, preloadedLibrary } from './support/preloaded-library.ts';

/** Notes which functions of Node open what begins with the path of the database, but for its log: no lock is on that. */
const WATCH = `
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const opened = [];
  const watch = (api, name) => {
    const original = api[name];
    api[name] = (...given) => {
      if (given.slice(0, 2).some((path) => String(path).startsWith(args[0]) && String(path) !== args[0] + '-wal')) opened.push(name);
      return original(...given);
    };
  };
  for (const name of ['open', 'openSync', 'readFile', 'readFileSync', 'writeFile', 'writeFileSync', 'appendFile', 'appendFileSync',
    'truncate', 'truncateSync', 'copyFile', 'copyFileSync', 'cp', 'cpSync', 'createReadStream', 'createWriteStream', 'openAsBlob']) watch(fs, name);
  for (const name of ['open', 'readFile', 'writeFile', 'appendFile', 'truncate', 'copyFile', 'cp']) watch(fs.promises, name);
  syncBuiltinESMExports();
`;

/**
 * Does everything that this package can do with a file, twice: with one that is to be made, and with one that is there and fenced. A
 * rival takes the write lock when it is told to. Before there is a database it opens the file as nobody should, to see it noticed.
 */
const EVERYTHING = `${WATCH}
  import { createServer } from 'node:http';
  fs.readFileSync(args[0], { flag: 'a+' });
  fs.rmSync(args[0]);
  const noticed = opened.splice(0).length > 0;

  const [path, runtimeDirectory] = args;
  const { configureDatabaseService, databaseHealthCheck, getDatabaseService, getDatabaseStats, openDatabaseService, sqlite } = await import('@hive/shared-db');
  const { closeDirect, databaseOrDirect, OldConnectionPool, openDirect } = await import('@hive/shared-db/direct');
  const { listProcesses, listRecordings } = await import('@hive/shared-db/presence');
  const { createHealthHandler } = await import('@hive/shared-db/http');
  const outcome = (promise) => promise.then(() => 'done', ({ code, message }) => code ?? message);
  const migrations = [{ id: 1, name: 'items', sql: 'CREATE TABLE item (name TEXT)' }];
  const INSERT = "INSERT INTO item VALUES ('a')";
  const ALL = 'SELECT * FROM item';
  const outcomes = [];
  const note = async (promise) => outcomes.push(await outcome(promise));

  async function write(orders) {
    await orders.write('add', (tx) => { tx.transaction((part) => part.run(INSERT)); [...tx.iterate(ALL)]; });
    await orders.transaction('add', async (tx) => { await tx.run(INSERT); for await (const row of tx.iterate(ALL)); });
    await note(orders.write('fail', (tx) => tx.run('INSERT INTO nothing VALUES (1)')));
    await note(orders.transaction('take long', () => new Promise(() => undefined), { idleLimitMs: 1 }));
    // More than a log keeps: a checkpoint.
    await orders.write('add much', (tx) => tx.run('INSERT INTO item VALUES (zeroblob(5000000))'));
    say('take the lock');
    await hear();
    await note(orders.write('wait in vain', (tx) => tx.run(INSERT), { timeoutMs: 20 }));
    say('let go');
    await hear();
  }

  async function read(orders) {
    await orders.read('look', (c) => c.all(ALL));
    orders.readSync('look', (c) => c.all(ALL));
    const session = await orders.session('look');
    await session.connection.all(ALL);
    await session.transaction((tx) => tx.run(INSERT));
    session.connection.raw.prepare(ALL).all();
    await session.close();
    const kept = await Promise.all([1, 2, 3].map(() => orders.session('keep')));
    await note(orders.read('wait in vain', (c) => c.all(ALL), { timeoutMs: 1 }));
    await Promise.all(kept.map((one) => one.close()));
  }

  async function operate(service, orders) {
    await orders.resize({ size: 2, maxOverflow: 0 });
    orders.suspend();
    orders.resume();
    for (const mode of ['idle', 'graceful', 'leaked', 'all']) await orders.flush(mode);
    orders.leases();
    service.snapshot();
    service.verdict();
    await listProcesses({ directory: runtimeDirectory });
    await listRecordings({ directory: runtimeDirectory });
    const { port } = service.snapshot().http;
    for (const route of ['livez', 'readyz', 'metrics'])
      await fetch('http://127.0.0.1:' + port + '/' + route, { headers: { connection: 'close' } }).then((response) => response.text());
    const handle = createHealthHandler({ snapshot: () => service.snapshot(), details: 'always' });
    const server = createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1');
    await new Promise((listening) => server.once('listening', listening));
    for (const route of ['livez', 'readyz', 'startupz', 'health/database', 'health/database/orders', 'metrics'])
      await fetch('http://127.0.0.1:' + server.address().port + '/' + route, { headers: { connection: 'close' } }).then((response) => response.text());
    server.close();
  }

  function raiseFence() {
    const { dev, ino } = fs.statSync(path);
    fs.mkdirSync(runtimeDirectory + '/fences', { recursive: true });
    fs.writeFileSync(runtimeDirectory + '/fences/' + dev + '-' + ino, '{}');
  }

  const direct = { name: 'orders', path, migrations, runtimeDirectory };
  const config = { app: 'test', runtimeDirectory, http: { port: 0 }, databases: { orders: sqlite({ path, migrations, poolSize: 2, maxOverflow: 1 }) } };
  for (const round of ['new', 'fenced']) {
    configureDatabaseService(config);
    const service = await getDatabaseService();
    const orders = service.database('orders');
    await write(orders);
    await read(orders);
    await operate(service, orders);
    await databaseHealthCheck();
    await getDatabaseStats();
    await note(openDirect(direct));
    await openDatabaseService({ ...config, app: 'second' }).then((second) => second.close());
    const old = await new OldConnectionPool(() => databaseOrDirect(direct), { code: 'HIVEDB_DEP0999', what: 'a pool', instead: 'the service' }).getConnection();
    await old.all(ALL);
    await old.close();
    const late = await orders.session('never given back');
    raiseFence();
    await new Promise((seen) => setTimeout(seen, 100));
    await note(orders.write('fenced', (tx) => tx.run(INSERT)));
    await service.close({ graceMs: 1 });
    const alone = await databaseOrDirect(direct);
    await alone.write('add', (tx) => tx.run(INSERT));
    await alone.read('look', (c) => c.all(ALL));
    await closeDirect();
    raiseFence();
  }
  const another = await openDatabaseService({ ...config, presence: false });
  fs.renameSync(path, path + '.moved');
  await note(another.database('orders').write('lost', (tx) => tx.run(INSERT)));
  await another.close();
  say(JSON.stringify({ noticed, opened, outcomes }));
`;

/** Takes the write lock and lets it go, at a word each. */
const RIVAL = `
  const { DatabaseSync } = await import('node:sqlite');
  for (let path; (path = await hear()) !== undefined; ) {
    const database = new DatabaseSync(path);
    database.exec('BEGIN IMMEDIATE');
    say('taken');
    await hear();
    database.close();
    say('let go');
  }
`;

interface Found {
  readonly path: string;
  readonly pid: number;
  /** Whether opening it on purpose was seen. */
  readonly noticed: boolean;
  /** By which functions of Node the file was opened otherwise. */
  readonly opened: readonly string[];
  /** What those calls came to that were to fail. */
  readonly outcomes: readonly string[];
}

async function everything(environment: Readonly<Record<string, string>>): Promise<Found> {
  using directory = temporaryDirectory();
  const path = directory.file('orders.db');
  await using other = companionWith(environment, EVERYTHING, path, directory.file('run'));
  await using rival = companion(RIVAL);
  for (;;) {
    const word = await other.hear();
    if (word.startsWith('{'))
      return { path, pid: other.pid, ...(JSON.parse(word) as Pick<Found, 'noticed' | 'opened' | 'outcomes'>) };
    rival.say(word === 'take the lock' ? path : word);
    other.say(await rival.hear());
  }
}

function isSqlite([, by]: readonly string[]): boolean {
  return by?.includes('/better-sqlite3/') === true;
}

const library = preloadedLibrary('opened-files');
afterAll(() => library?.[Symbol.dispose]());

describe('a process that does everything that can be done with a database', () => {
  const log = library?.file('opened');
  let found: Found;
  beforeAll(async () => {
    found = await everything(log === undefined ? {} : { ...library?.environment, HIVE_OPENED: log });
  });

  it('has come everywhere', () => {
    const failures = ['SQL', 'TRANSACTION_EXPIRED', 'BUSY_TIMEOUT', 'POOL_TIMEOUT', 'DUPLICATE_FILE', 'FENCED'];
    const codes = failures.map((kind) => `HIVEDB_E_${kind}`);
    // On a busy machine it may be the turn to try for the lock that is not had in time.
    const outcomes = found.outcomes.map((code) => code.replace('TURN_TIMEOUT', 'BUSY_TIMEOUT'));
    expect(outcomes).toEqual([...codes, ...codes, 'HIVEDB_E_FILE_REPLACED']);
  });

  it('opens its files by no function of Node', () => {
    expect(found).toMatchObject({ noticed: true, opened: [] });
  });

  it('opens its files by no call of the system but those of SQLite', ({ skip }) => {
    skip(log === undefined, NO_PRELOADED_LIBRARY);
    const lines = readFileSync(log!, 'utf8')
      .split('\n')
      .map((line) => line.split('\t'));
    const calls = lines.filter(([pid, , file]) => Number(pid) === found.pid && file?.startsWith(found.path) === true);
    const byOthers = calls.filter((call) => !isSqlite(call) && call[2] !== `${found.path}-wal`);
    const files = ['', '-wal', '-shm'].map((suffix) => `${found.path}${suffix}`);
    expect(calls.filter(isSqlite).map(([, , file]) => file)).toEqual(expect.arrayContaining(files));
    // The one on purpose.
    expect(byOthers.map(([, , file]) => file)).toEqual([found.path]);
  });
});

/** How many descriptors of this process are of a database, its log and the log's index. */
function descriptorsOf(path: string): number {
  return readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith(path);
    } catch {
      // The one by which the directory is read.
      return false;
    }
  }).length;
}

it.runIf(process.platform === 'linux')(
  'a database has four descriptors for what writes, and two for each connection that reads',
  async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const databases = { orders: sqlite({ path, poolSize: 3 }) };
    await using service = await openDatabaseService({ app: 'shop', presence: false, databases });
    const orders = service.database('orders');
    await orders.write('make', (tx) => tx.run('CREATE TABLE item (name TEXT)'));
    expect(descriptorsOf(path)).toBe(4);
    orders.readSync('look', (c) => c.all('SELECT * FROM item'));
    expect(descriptorsOf(path)).toBe(6);
    const sessions = await Promise.all([1, 2, 3].map((n) => orders.session(`look ${n}`)));
    for (const { connection } of sessions) await connection.all('SELECT * FROM item');
    expect(descriptorsOf(path)).toBe(12);
    await orders.offload('look', 'SELECT * FROM item');
    expect(descriptorsOf(path)).toBe(14);
    for (const session of sessions) await session.close();
  },
);

import { appendFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DatabaseError,
  openDatabaseService,
  reloadOnSignal,
  systemClock,
  sqlite,
  type DatabaseDefinition,
  type DatabaseService,
  type ServiceConfig,
  type SqliteDatabase,
} from '@hive/shared-db';
import { VirtualClock } from '@hive/shared-db/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Control } from '../../dist/control/control.js';
import { rejectionOf } from '../support/outcome.ts';
import { recordingLogger, type RecordingLogger } from '../support/recording-logger.ts';
import { save } from '../support/saved-file.ts';
import { SHOP } from '../support/shop.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';

let place: TemporaryDirectory;
let path: string;
let logger: RecordingLogger;
let clock: VirtualClock;
let env: Record<string, string | undefined>;
let service: DatabaseService<{ readonly orders: DatabaseDefinition<SqliteDatabase> }> | undefined;

beforeEach(() => {
  place = temporaryDirectory();
  path = join(place.path, 'settings.yaml');
  logger = recordingLogger();
  clock = new VirtualClock(Date.now());
  env = {};
});
afterEach(async () => {
  await service?.close({ graceMs: 0 });
  service = undefined;
  place[Symbol.dispose]();
});

/** Counts the timers that were set. */
class CountingClock extends VirtualClock {
  count = 0;

  override after(...timer: Parameters<VirtualClock['after']>): ReturnType<VirtualClock['after']> {
    this.count++;
    return super.after(...timer);
  }
}

function write(text: string): void {
  save(path, text);
}

/** A service with one database, which has the settings file. */
async function open(options: Partial<ServiceConfig> = {}) {
  const orders = sqlite({ path: join(place.path, 'orders.db'), migrations: [SHOP] });
  const databases = { orders };
  service = await openDatabaseService({
    app: 'shop',
    presence: false,
    settingsFile: path,
    env,
    clock,
    logger,
    ...options,
    databases,
  });
  return { service, orders: service.database('orders') };
}

/** A service with a pool of two, as its file says. */
async function start() {
  write('database: { pool: { size: 2 } }');
  const { service, orders } = await open();
  return { service, size: () => orders.snapshot().pool.size };
}

const codes = () => service?.verdict().reasons.map(({ code }) => code);

describe('reading the settings again', () => {
  it('applies to new calls what is safe, and says of each key what it was, what it is, and where both come from', async () => {
    write('database:\n  pool: { size: 2 }\n');
    const { service, orders } = await open();
    write(
      [
        'database:',
        '  pool: { size: 3, maxOverflow: 1, acquireTimeout: 50ms, recycle: 1h, echo: true }',
        '  health: { oldestWait: 7s, slowStatement: 1h }',
        'databases:',
        '  orders: { required: true }',
      ].join('\n'),
    );
    const report = await service.reload();
    expect(report.outcome).toBe('applied');
    expect(report.problems).toEqual([]);
    expect(report.changes.map(({ key, from, to, effect }) => [key, from, to, effect])).toEqual([
      ['database.health.oldestWait', '1s', '7s', 'applied'],
      ['database.health.slowStatement', '100ms', '1h', 'applied'],
      ['databases.orders.pool.size', '2', '3', 'applied'],
      ['databases.orders.pool.maxOverflow', '0', '1', 'applied'],
      ['databases.orders.pool.acquireTimeout', '10s', '50ms', 'applied'],
      ['databases.orders.pool.recycle', '0s', '1h', 'applied'],
      ['databases.orders.pool.echo', 'false', 'true', 'applied'],
      ['databases.orders.required', 'false', 'true', 'applied'],
    ]);
    expect(report.changes[2]).toMatchObject({ fromOrigin: `${path}:2`, toOrigin: `${path}:2` });
    expect(report.changes[7]).toMatchObject({ fromOrigin: 'default', toOrigin: `${path}:5` });
    expect(service.snapshot()).toMatchObject({
      thresholds: { oldestWaitMs: 7_000 },
      databases: [{ required: true, pool: { size: 3, maxOverflow: 1 } }],
    });
    expect(service.settings.databases['orders']).toMatchObject({ poolSize: 3, recycleMs: 3_600_000 });

    await orders.read('echoed', (c) => c.get('SELECT 1'));
    expect(logger.lines.filter(({ message }) => message === 'checkout')).toMatchObject([{ level: 'info' }]);
    orders.suspend();
    const late = rejectionOf(orders.read('late', (c) => c.get('SELECT 1')));
    await clock.advance(50);
    expect(await late).toMatchObject({ code: 'HIVEDB_E_POOL_SUSPENDED' });
    orders.resume();
    expect(await service.reload()).toEqual({ outcome: 'unchanged', changes: [], problems: [] });
  });

  it('judges each database by the thresholds that are said of it now, and says what has changed once', async () => {
    const { service, orders } = await open();
    const changes = async (text: string): Promise<readonly unknown[]> => {
      write(text);
      return (await service.reload()).changes.map(({ key, from, to, effect }) => [key, from, to, effect]);
    };
    expect(await changes('database: { health: { oldestWait: 7s } }')).toEqual([
      ['database.health.oldestWait', '1s', '7s', 'applied'],
    ]);
    expect(orders.snapshot().thresholds).toMatchObject({ oldestWaitMs: 7_000, walBytes: 67_108_864 });
    const own = 'databases: { orders: { health: { oldestWait: 2s, walSize: 4KiB } } }';
    expect(await changes(`database: { health: { oldestWait: 7s } }\n${own}`)).toEqual([
      ['databases.orders.health.oldestWait', '7s', '2s', 'applied'],
      ['databases.orders.health.walSize', '64MiB', '4KiB', 'applied'],
    ]);
    expect(orders.snapshot().thresholds).toMatchObject({ oldestWaitMs: 2_000, walBytes: 4_096 });
    expect(service.snapshot().thresholds).toMatchObject({ oldestWaitMs: 7_000, walBytes: 67_108_864 });
    expect(service.settings.origins.find(({ key }) => key === 'databases.orders.health.walSize')?.origin).toBe(
      `${path}:2`,
    );
    write('databases: { orders: { health: { walSise: 4KiB } } }');
    expect((await service.reload()).problems).toEqual([
      `${path}:1: databases.orders.health.walSise is not a setting; the nearest valid key is databases.orders.health.walSize`,
    ]);
  });

  it('lets an echo begin, become quieter and end', async () => {
    const { service, orders } = await open();
    const levels: string[] = [];
    for (const echo of ['false', 'debug', 'true', 'false']) {
      write(`database: { pool: { echo: ${echo} } }`);
      await service.reload();
      const before = logger.lines.length;
      await orders.read('list', (c) => c.get('SELECT 1'));
      levels.push(
        logger.lines
          .slice(before)
          .map(({ level, message }) => `${level} ${message}`)
          .join(),
      );
    }
    expect(levels).toEqual(['', 'debug checkout,debug checkin', 'info checkout,info checkin', '']);
  });

  it('goes for connections that are open and for statements that were run before, too', async () => {
    write('database: { health: { slowStatement: 1h } }');
    const { service, orders } = await open({ clock: systemClock });
    const slow = () =>
      orders.readSync('count', (c) =>
        c.get('WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n LIMIT 100000) SELECT count(*) FROM n'),
      );
    slow();
    expect(orders.snapshot().slowRuns).toBe(0);
    write('database: { health: { slowStatement: 1ms } }');
    await service.reload();
    slow();
    expect(orders.snapshot().slowRuns).toBe(1);
  });

  it('lets connections that are open grow old by the new limit', async () => {
    const { service, orders } = await open();
    await orders.read('list', (c) => c.get('SELECT 1'));
    await clock.advance(5_000);
    expect(orders.snapshot().pool.counters.destroyed.lifetime).toBe(0);
    write('database: { pool: { recycle: 3s } }');
    await service.reload();
    await clock.advance(2_000);
    expect(orders.snapshot().pool.counters.destroyed.lifetime).toBe(1);
    expect(await orders.read('list', (c) => c.get('SELECT 1 AS one'))).toEqual({ one: 1 });
  });

  it('remembers where connections are borrowed, and suspects leaks by the new limit of those that are held already', async () => {
    const { service, orders } = await open();
    write('database: { pool: { captureEvery: 1 } }');
    await service.reload();
    await orders.read('remembered', async (c) => {
      await c.get('SELECT 1');
      expect(orders.leases()[0]?.acquiredAt).toContain('reloading.test.ts');
    });
    await using _held = await orders.session('held');
    await clock.advance(5_000);
    expect(orders.leases()).toMatchObject([{ suspect: false }]);
    write('database: { pool: { leakAfter: 2s } }');
    await service.reload();
    await clock.advance(2_000);
    expect(orders.leases()).toMatchObject([{ suspect: true }]);
  });

  it('lists what needs a restart, with what is in force, as long as that is so', async () => {
    const { service } = await open();
    write('database: { durability: normal, offload: { workers: 3 }, http: { token: s3cret }, pool: { size: 9 } }');
    const needed = [
      ['database.offload.workers', '', '3', 'needs-restart'],
      ['database.http.token', '', '***', 'needs-restart'],
    ];
    const durability = ['databases.orders.durability', 'full', 'normal', 'needs-restart'];
    const size = ['databases.orders.pool.size', '4', '9', 'applied'];
    const changes = async () =>
      (await service.reload()).changes.map(({ key, from, to, effect }) => [key, from, to, effect]);
    expect(await changes()).toEqual([...needed, size, durability]);
    expect(await changes()).toEqual([...needed, durability]);
    expect(service.settings).toMatchObject({
      offloadWorkers: undefined,
      http: { token: undefined },
      databases: { orders: { durability: 'full', poolSize: 9 } },
    });
    expect(JSON.stringify(logger.lines)).not.toContain('s3cret');
    expect(codes()).toEqual([]);
  });

  it('reads the environment again as well, which beats the file', async () => {
    write('database: { pool: { size: 2 } }');
    const { service } = await open();
    env['DB_ORDERS__POOL_SIZE'] = '6';
    expect((await service.reload()).changes).toMatchObject([
      { key: 'databases.orders.pool.size', from: '2', to: '6', toOrigin: 'environment DB_ORDERS__POOL_SIZE' },
    ]);
  });

  it('leaves alone what was changed by hand, until the settings say something new', async () => {
    write('database: { pool: { size: 2 } }');
    const { service, orders } = await open();
    await orders.resize({ size: 7 });
    write('database: { pool: { size: 2, acquireTimeout: 3s } }');
    await service.reload();
    expect(orders.snapshot().pool.size).toBe(7);
    write('database: { pool: { size: 3, acquireTimeout: 3s } }');
    await service.reload();
    expect(orders.snapshot().pool.size).toBe(3);
  });

  it('says of a size that was changed by hand what was in force, and whose it was', async () => {
    write('database: { pool: { size: 2 } }');
    const { service, orders } = await open();
    await orders.resize({ size: 7, maxOverflow: 1 });
    write('database: { pool: { size: 3 } }');
    const [change, ...others] = (await service.reload()).changes;
    expect(change).toEqual({
      key: 'databases.orders.pool.size',
      from: '7',
      fromOrigin: 'by hand (code)',
      to: '3',
      toOrigin: `${path}:1`,
      effect: 'applied',
    });
    // Nothing new was said of it.
    expect(others).toEqual([]);
    expect(orders.snapshot().pool).toMatchObject({ size: 3, maxOverflow: 1 });
    write('database: { pool: { size: 3, maxOverflow: 4 } }');
    expect((await service.reload()).changes).toMatchObject([
      { key: 'databases.orders.pool.maxOverflow', from: '1', fromOrigin: 'by hand (code)', to: '4' },
    ]);
  });

  it('has a size that was changed by hand give way to budgets that it has no room for, and says so', async () => {
    const { service, orders } = await open();
    await orders.resize({ size: 1 });
    write('databases: { orders: { pool: { budgets: { web: { reserved: 3 } } } } }');
    expect((await service.reload()).changes[0]).toMatchObject({
      key: 'databases.orders.pool.size',
      from: '1',
      fromOrigin: 'by hand (code)',
      to: '4',
    });
    expect(orders.snapshot().pool.size).toBe(4);
  });

  it('lets a pool have fewer by hand than it was opened with, whatever else is changed', async () => {
    write('database: { pool: { initial: 3 } }');
    const { service, orders } = await open();
    await orders.resize({ size: 1 });
    expect(service.setLogLevel('debug')).toHaveLength(1);
    write('database: { pool: { initial: 3, acquireTimeout: 3s } }');
    expect(await service.reload()).toMatchObject({ outcome: 'applied' });
    expect(orders.snapshot().pool.size).toBe(1);
  });

  it('changes budgets and the bounds of the size, so that whoever names a new one gets a connection', async () => {
    write('databases: { orders: { pool: { budgets: { web: { reserved: 1 } } } } }');
    const { service, orders } = await open({ clock: systemClock });
    const ask = (budget: string): Promise<unknown> => orders.read('look', (c) => c.get('SELECT 1 AS one'), { budget });
    expect(await ask('web')).toEqual({ one: 1 });
    expect(await rejectionOf(ask('batch'))).toMatchObject({ code: 'HIVEDB_E_CONFIG' });
    await using held = await orders.session('held', { budget: 'web' });
    write('databases: { orders: { pool: { autoSize: { min: 2, max: 6 }, budgets: { batch: { max: 1 } } } } }');
    expect((await service.reload()).changes.map(({ key, from, to, effect }) => [key, from, to, effect])).toEqual([
      ['databases.orders.pool.size', '4', '2', 'applied'],
      ['databases.orders.pool.autoSize.min', '', '2', 'applied'],
      ['databases.orders.pool.autoSize.max', '', '6', 'applied'],
      ['databases.orders.pool.budgets.web.reserved', '1', '', 'applied'],
      ['databases.orders.pool.budgets.web.weight', '1', '', 'applied'],
      ['databases.orders.pool.budgets.batch.reserved', '', '0', 'applied'],
      ['databases.orders.pool.budgets.batch.max', '', '1', 'applied'],
      ['databases.orders.pool.budgets.batch.weight', '', '1', 'applied'],
    ]);
    expect(service.settings.databases['orders']?.budgets).toEqual({ batch: { reserved: 0, max: 1, weight: 1 } });
    // Nobody loses what he has.
    expect(await held.connection.get('SELECT 2 AS two')).toEqual({ two: 2 });
    expect(await ask('batch')).toEqual({ one: 1 });
    expect(await rejectionOf(ask('web'))).toMatchObject({ code: 'HIVEDB_E_CONFIG' });
    expect(await rejectionOf(orders.resize({ size: 7 }))).toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining('from 2 to 6, the bounds of autoSize') as string,
    });
  });

  it('chooses the profile that the environment names now, and refuses one that there is not', async () => {
    write('database: { pool: { size: 2 } }\nprofiles: { peak: { database: { pool: { size: 9 } } } }');
    const { service, orders } = await open();
    env['HIVE_PROFILE'] = 'peak';
    expect((await service.reload()).changes).toMatchObject([
      { key: 'databases.orders.pool.size', from: '2', to: '9', toOrigin: `${path}:2 (profile peak)` },
    ]);
    expect(orders.snapshot().pool.size).toBe(9);
    expect(service.settings.profile).toEqual({ name: 'peak', origin: 'environment HIVE_PROFILE' });
    env['HIVE_PROFILE'] = 'peek';
    expect(await service.reload()).toMatchObject({
      outcome: 'invalid',
      problems: [expect.stringContaining('the nearest valid key is profiles.peak') as string],
    });
    expect(service.settings.profile?.name).toBe('peak');
  });

  it.each([
    ['half written', 'database:\n  pool: { size: 9', /settings\.yaml:2: the file must be valid YAML/],
    ['wrong', 'database: { pool: { size: 9, echo: loud } }', /settings\.yaml:1: database\.pool\.echo must be/],
    [
      'contradicting',
      'database: { pool: { size: 9 }, health: { utilisationWarn: 1 } }',
      /utilisationWarn must be at most/,
    ],
    [
      'at odds with itself about budgets',
      'databases: { orders: { pool: { size: 3, budgets: { web: { reserved: 2 }, batch: { reserved: 2 } } } } }',
      /settings\.yaml:1: the budgets of orders reserve 4 connections .*expected at most 3/,
    ],
    [
      'at odds with itself about sizes',
      'databases: { orders: { pool: { size: 9, autoSize: { min: 2, max: 8 } } } }',
      /settings\.yaml:1: databases\.orders\.pool\.size must be at most .* which is 8/,
    ],
    [
      'wrong in a profile that nobody has chosen',
      'profiles: { test: { database: { pool: { siz: 1 } } } }',
      /siz is not/,
    ],
    ['empty', '', /is empty, and had settings in it before/],
    ['gone', undefined, /is gone, and had settings in it before/],
  ])('changes nothing where the file is %s; health warns until it is right again', async (_, text, problem) => {
    write('database: { pool: { size: 2 } }');
    const { service, orders } = await open();
    const before = service.settings;
    if (text === undefined) rmSync(path);
    else write(text);
    const report = await service.reload();
    expect(report).toMatchObject({ outcome: 'invalid', changes: [] });
    expect(report.problems[0]).toMatch(problem);
    expect(service.settings).toBe(before);
    expect(orders.snapshot().pool.size).toBe(2);
    expect(service.verdict()).toMatchObject({
      status: 'warn',
      reasons: [{ code: 'settings', database: undefined, evidence: expect.stringMatching(problem) as string }],
    });
    expect(logger.said('warn')).toEqual([expect.stringMatching(problem)]);
    write('database: { pool: { size: 3 } }');
    await service.reload();
    expect(service.verdict().status).toBe('pass');
    expect(orders.snapshot().pool.size).toBe(3);
  });

  it('names every problem', async () => {
    const { service } = await open();
    write('database: { pool: { size: 0, echo: loud } }');
    expect((await service.reload()).problems).toHaveLength(2);
    expect(service.verdict().reasons[0]?.evidence).toMatch(/, and 1 more$/);
  });

  it('is refused by a service that is closing', async () => {
    const { service } = await open();
    const closing = service.close();
    expect(await rejectionOf(service.reload())).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    await closing;
  });
});

describe('a signal', () => {
  it('has the settings read again where the application wants that, and no longer than that', async () => {
    const { service, orders } = await open();
    write('database: { pool: { size: 9 } }');
    const before = process.listenerCount('SIGHUP');
    {
      using _listening = reloadOnSignal(service);
      process.emit('SIGHUP', 'SIGHUP');
      expect(orders.snapshot().pool.size).toBe(9);
    }
    expect(process.listenerCount('SIGHUP')).toBe(before);
    // Nobody takes signals unasked.
    write('database: { pool: { size: 2 } }');
    process.emit('SIGHUP', 'SIGHUP');
    expect(orders.snapshot().pool.size).toBe(9);
  });
});

describe('a settings file that somebody is writing', () => {
  const HALF = 'database:\n  pool:\n    size: 1';

  it('is read when it has stayed as it is for a second: half of a number is a number, too', async () => {
    const { service, size } = await start();
    writeFileSync(path, HALF);
    const reloading = service.reload();
    await clock.advance(500);
    appendFileSync(path, '6');
    await clock.advance(900);
    expect(size()).toBe(2);
    await clock.advance(200);
    expect(await reloading).toMatchObject({ changes: [{ key: 'databases.orders.pool.size', from: '2', to: '16' }] });
    expect(size()).toBe(16);
  });

  it('is waited for at a signal as well', async () => {
    const { service, size } = await start();
    using _listening = reloadOnSignal(service);
    writeFileSync(path, HALF);
    process.emit('SIGHUP', 'SIGHUP');
    await clock.advance(500);
    appendFileSync(path, '6');
    await clock.advance(1_100);
    expect(size()).toBe(16);
  });

  it('is named, and nothing changes, when it has been written to for three seconds', async () => {
    const { service, size } = await start();
    writeFileSync(path, HALF);
    const reloading = service.reload();
    for (let passedMs = 0; passedMs < 3_000; passedMs += 500) {
      appendFileSync(path, '\n');
      await clock.advance(500);
    }
    const problem = `${path}: the settings file has been written to all the time for 3 seconds, and half of it may be missing`;
    expect(await reloading).toEqual({ outcome: 'invalid', changes: [], problems: [expect.stringContaining(problem)] });
    expect(service.verdict().reasons).toMatchObject([
      { code: 'settings', evidence: expect.stringContaining(path) as string },
    ]);
    expect(size()).toBe(2);
  });

  it('is waited for whatever its time says, where that is of another clock', async () => {
    const { service, size } = await start();
    writeFileSync(path, HALF);
    utimesSync(path, Date.now() / 1_000 + 3_600, Date.now() / 1_000 + 3_600);
    const reloading = service.reload();
    await clock.advance(900);
    expect(size()).toBe(2);
    await clock.advance(200);
    expect(await reloading).toMatchObject({ outcome: 'applied' });
  });

  it('is read at once when it was saved long ago, and not waited for where there is none', async () => {
    const { service } = await start();
    expect(await service.reload()).toMatchObject({ outcome: 'unchanged' });
    rmSync(path);
    expect(await service.reload()).toMatchObject({ outcome: 'invalid' });
  });

  it('is read by nobody when the service has been closed meanwhile, and whoever waits is told', async () => {
    const { service, size } = await start();
    writeFileSync(path, HALF);
    const refused = rejectionOf(service.reload());
    await service.close({ graceMs: 0 });
    await clock.advance(100);
    expect(await refused).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    expect(size()).toBe(2);
    expect(clock.aliveTimers).toBe(0);
  });

  it('has an order refused that waits for it when the service is closed', async () => {
    const closed = new DatabaseError('POOL_CLOSED', 'the service has been closed; no settings are read');
    const control = new Control({
      databases: () => new Map(),
      configured: () => [],
      logger,
      isClosing: () => false,
      labels: { placeOf: () => undefined },
      reload: () => Promise.reject(closed),
      change: () => [],
      resized: () => undefined,
    });
    expect(await control.obey({ order: { verb: 'reload' }, by: process.pid, timeoutMs: 1_000 })).toMatchObject({
      settings: undefined,
      refusal: { code: 'HIVEDB_E_POOL_CLOSED' },
    });
  });
});

describe('a settings file that is watched', () => {
  it('is read again when it has changed and then stayed so for a second', async () => {
    write('database: { pool: { size: 2 } }');
    const { orders } = await open({ watchSettings: true });
    const size = () => orders.snapshot().pool.size;
    await clock.advance(5_000);
    write('database: { pool: { size: 1');
    await clock.advance(1_000);
    // Whoever writes it is not done: nothing is wrong yet.
    expect(codes()).toEqual([]);
    write('database: { pool: { size: 5 } }');
    await clock.advance(1_000);
    expect(size()).toBe(2);
    await clock.advance(1_000);
    expect(size()).toBe(5);
    expect(codes()).toEqual([]);
  });

  it('may take the place of another, and is left alone when it is wrong or gone, with a warning', async () => {
    const { orders } = await open({ watchSettings: true });
    const size = () => orders.snapshot().pool.size;
    writeFileSync(`${path}.new`, 'database: { pool: { size: 6 } }');
    renameSync(`${path}.new`, path);
    await clock.advance(2_000);
    expect(size()).toBe(6);
    rmSync(path);
    await clock.advance(2_000);
    expect(codes()).toEqual(['settings']);
    expect(size()).toBe(6);
    write('database: { pool: { size: 7 } }');
    await clock.advance(2_000);
    expect(codes()).toEqual([]);
    expect(size()).toBe(7);
  });

  it('is not looked at any more when the service has closed, nor where nobody asked for it', async () => {
    const counting = new CountingClock(Date.now());
    const { service: watching } = await open({ watchSettings: true, clock: counting });
    await watching.close();
    const { count } = counting;
    await counting.advance(5_000);
    expect(counting.count).toBe(count);
    write('database: { pool: { size: 2 } }');
    const { orders } = await open();
    write('database: { pool: { size: 3 } }');
    await clock.advance(5_000);
    expect(orders.snapshot().pool.size).toBe(2);
  });

  it('must be named', async () => {
    await expect(open({ watchSettings: true, settingsFile: undefined as never })).rejects.toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining('no settingsFile to watch') as string,
    });
  });
});

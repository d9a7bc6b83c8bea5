import { linkSync, mkdirSync, readdirSync, readlinkSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  driverDatabase,
  openDatabaseService,
  settingsOf,
  sqlite,
  type Database,
  type ServiceConfig,
  type SqliteDatabase,
} from '@hive/shared-db';
import { FakeDriver, temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { passUntilSettled } from './support/fake-database.ts';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { recordingLogger } from './support/recording-logger.ts';

const QUIET = { app: 'shop', presence: false } as const;

/** The files below a directory that this process has open. */
function openFilesIn(directory: string): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    const target = outcomeOf(() => readlinkSync(`/proc/self/fd/${descriptor}`));
    return typeof target === 'string' && target.startsWith(directory) ? [target] : [];
  });
}

describe('basic use: a service', () => {
  it('gives each database by its name, as what it was defined as', async () => {
    using directory = temporaryDirectory();
    await using service = await openDatabaseService({
      ...QUIET,
      databases: {
        orders: sqlite({ path: directory.file('orders.db') }),
        events: sqlite({ path: directory.file('events.db') }),
        remote: driverDatabase({ driver: new FakeDriver({ clock: new VirtualClock() }), identity: 'fake://1' }),
      },
    });
    expect(service.app).toBe('shop');
    expectTypeOf(service.database('orders')).toEqualTypeOf<SqliteDatabase>();
    expectTypeOf(service.database('remote')).toEqualTypeOf<Database>();
    expectTypeOf<Parameters<typeof service.database>[0]>().toEqualTypeOf<'orders' | 'events' | 'remote'>();
    expect(service.database('orders')).toBe(service.database('orders'));
    expect(service.snapshot().databases.map(({ name, driver, status }) => [name, driver, status])).toEqual([
      ['orders', 'sqlite', 'open'],
      ['events', 'sqlite', 'open'],
      ['remote', 'fake', 'open'],
    ]);
    expect(service.database('orders')).not.toHaveProperty('then');
  });

  it('keeps the tables of its databases apart', async () => {
    using directory = temporaryDirectory();
    await using service = await openDatabaseService({
      ...QUIET,
      databases: {
        orders: sqlite({ path: directory.file('orders.db') }),
        events: sqlite({ path: directory.file('events.db') }),
      },
    });
    await service.database('orders').write('schema', (tx) => {
      tx.exec('CREATE TABLE item (name)');
    });
    expect(
      await rejectionOf(service.database('events').read('items', (c) => c.all('SELECT * FROM item'))),
    ).toMatchObject({
      code: 'HIVEDB_E_SQL',
      database: 'events',
    });
  });

  it('says which names there are to those who ask for another, and which is nearest', async () => {
    using directory = temporaryDirectory();
    await using service = await openDatabaseService({
      ...QUIET,
      databases: {
        orders: sqlite({ path: directory.file('orders.db') }),
        events: sqlite({ path: directory.file('events.db') }),
      },
    });
    for (const [asked, advice] of [
      ['order', 'did you mean orders'],
      ['ORDERS', undefined],
      ['__proto__', undefined],
      ['completely-different', undefined],
    ] as const)
      // @ts-expect-error -- the types know the names; JavaScript does not
      expect(outcomeOf(() => service.database(asked))).toMatchObject({
        code: 'HIVEDB_E_NAME',
        message: expect.stringContaining('there are orders, events') as string,
        ...(advice === undefined ? {} : { advice }),
      });
  });

  it('tells once per database that its pool is there', async () => {
    using directory = temporaryDirectory();
    const logger = recordingLogger();
    const databases = {
      orders: sqlite({ path: directory.file('orders.db'), poolSize: 5, maxOverflow: 15, initialSize: 5 }),
      events: sqlite({ path: directory.file('events.db') }),
    };
    await using service = await openDatabaseService({ ...QUIET, databases, logger });
    for (let i = 0; i < 3; i++) {
      await service.database('orders').write('write', () => 1);
      await service.database('orders').read('read', () => Promise.resolve(1));
      service.database('events').readSync('read', () => 1);
    }
    const initialised = logger.lines.filter(({ message }) => message.startsWith('pool initialised'));
    expect(initialised).toEqual([
      { level: 'info', message: 'pool initialised 5/20', fields: { database: 'orders', driver: 'sqlite' } },
      { level: 'info', message: 'pool initialised 0/4', fields: { database: 'events', driver: 'sqlite' } },
    ]);
  });

  it('takes a picture of itself that nobody can change', async () => {
    using directory = temporaryDirectory();
    const clock = new VirtualClock(Date.UTC(2026, 10, 21));
    const databases = { orders: sqlite({ path: directory.file('orders.db') }) };
    await using service = await openDatabaseService({ ...QUIET, databases, clock });
    await service.database('orders').write('save order', () => 1);
    await clock.advance(5_000);
    const snapshot = service.snapshot();
    expect(snapshot).toMatchObject({
      app: 'shop',
      pid: process.pid,
      startedAt: Date.UTC(2026, 10, 21),
      takenAt: Date.UTC(2026, 10, 21) + 5_000,
      uptimeMs: 5_000,
      closing: false,
      databases: [{ counters: { writes: 1, reads: 0 }, fileBytes: 4_096, durability: 'full', required: false }],
      labels: [
        {
          label: 'save order',
          calls: 1,
          failures: 0,
          sumMs: 0,
          maxMs: 0,
          callSite: expect.stringContaining('service.test') as string,
        },
      ],
    });
    const assertFrozen = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      expect(Object.isFrozen(value)).toBe(true);
      for (const part of Object.values(value)) assertFrozen(part);
    };
    assertFrozen(snapshot);
    expect(service.verdict().status).toBe('pass');
  });
});

describe('a configuration that is wrong', () => {
  const file = sqlite({ path: 'never-made.db' });

  it.each<readonly [string, unknown, string]>([
    ['nothing', undefined, 'expected { app, databases }'],
    ['no app', { databases: { orders: file } }, 'app is undefined; expected a name like'],
    ['an app that is no name', { app: 'My App', databases: { orders: file } }, 'app is "My App"; expected a name like'],
    ['no databases', { app: 'shop' }, 'databases is empty; expected at least one'],
    ['databases that are none', { app: 'shop', databases: null }, 'databases is empty'],
    [
      'an option that does not exist',
      { app: 'shop', databases: { orders: file }, datadirectory: '/' },
      'did you mean dataDirectory',
    ],
    ['a value that does not fit', { app: 'shop', databases: { orders: file }, database: { poolSize: 0 } }, 'poolSize'],
  ])('is refused with one sentence, and nothing is opened: %s', async (_, config, what) => {
    const error = await rejectionOf(openDatabaseService(config as ServiceConfig));
    expect(error).toMatchObject({ name: 'DatabaseError', message: expect.stringContaining(what) as string });
    expect((error as { code: string }).code).toMatch(/^HIVEDB_E_(?:CONFIG|NAME)$/);
    expect(outcomeOf(() => settingsOf(config as ServiceConfig))).toEqual(error);
    expect(openFilesIn(process.cwd())).toEqual([]);
  });

  it.each(['Orders', 'orders!', '1orders', '', '../orders', 'a'.repeat(64), 'ördërs', 'or ders', '-orders'])(
    'is refused with a database of the name %j',
    async (name) => {
      expect(await rejectionOf(openDatabaseService({ ...QUIET, databases: { [name]: file } }))).toMatchObject({
        code: 'HIVEDB_E_NAME',
        message: expect.stringContaining(`${JSON.stringify(name)} is no name of a database`) as string,
        advice: expect.stringContaining('lower-case letter') as string,
      });
    },
  );

  it.each(['a', 'orders', 'a1-b_c', 'a'.repeat(63)])('is not one with a database of the name %j', async (name) => {
    using directory = temporaryDirectory();
    const databases = { [name]: sqlite({ path: directory.file('orders.db') }) };
    await using service = await openDatabaseService({ ...QUIET, databases });
    expect(service.database(name).name).toBe(name);
  });

  it('is refused by sqlite() itself for an option that it does not know', () => {
    expect(outcomeOf(() => sqlite({ path: 'a.db', pollSize: 3 } as never))).toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining('sqlite() has no option pollSize; there are path') as string,
    });
    expect(outcomeOf(() => sqlite({ path: 'a.db', integers: 'exact' as never }))).toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining('expected safe, bigint or number') as string,
    });
  });

  it.each<readonly [string, (directory: string) => readonly [string, string]]>([
    ['the same path', (directory) => [`${directory}/orders.db`, `${directory}/orders.db`]],
    ['another way of writing it', (directory) => [`${directory}/orders.db`, `${directory}/./sub/../orders.db`]],
    [
      'through a linked directory',
      (directory) => {
        mkdirSync(`${directory}/real`);
        symlinkSync(`${directory}/real`, `${directory}/link`);
        return [`${directory}/real/orders.db`, `${directory}/link/orders.db`];
      },
    ],
  ])('is refused when two names are one file: %s', async (_, paths) => {
    using directory = temporaryDirectory();
    const [first, second] = paths(directory.path);
    const databases = { orders: sqlite({ path: first }), purchases: sqlite({ path: second }) };
    expect(await rejectionOf(openDatabaseService({ ...QUIET, databases }))).toMatchObject({
      code: 'HIVEDB_E_DUPLICATE_FILE',
      database: 'purchases',
      message: expect.stringContaining('databases orders and purchases are the same file') as string,
      advice: expect.stringContaining('use the one name orders') as string,
    });
    expect(openFilesIn(directory.path)).toEqual([]);
  });

  it('is refused when two names are one file by a hard link, or one server', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    await (await openDatabaseService({ ...QUIET, databases: { orders: sqlite({ path }) } })).close();
    linkSync(path, directory.file('linked.db'));
    const linked = { orders: sqlite({ path }), purchases: sqlite({ path: directory.file('linked.db') }) };
    expect(await rejectionOf(openDatabaseService({ ...QUIET, databases: linked }))).toMatchObject({
      code: 'HIVEDB_E_DUPLICATE_FILE',
    });
    const driver = new FakeDriver({ clock: new VirtualClock() });
    const remote = {
      a: driverDatabase({ driver, identity: 'db:1/x' }),
      b: driverDatabase({ driver, identity: 'db:1/x' }),
    };
    expect(await rejectionOf(openDatabaseService({ ...QUIET, databases: remote }))).toMatchObject({
      code: 'HIVEDB_E_DUPLICATE_FILE',
    });
  });
});

describe('a database that fails', () => {
  it('takes no other down: not when the service opens, not when it is used, not when it closes', async () => {
    using directory = temporaryDirectory();
    const logger = recordingLogger();
    mkdirSync(directory.file('broken.db'));
    const service = await openDatabaseService({
      ...QUIET,
      logger,
      databases: {
        broken: sqlite({ path: directory.file('broken.db') }),
        orders: sqlite({ path: directory.file('orders.db') }),
      },
    });
    const orders = service.database('orders');
    await orders.write('schema', (tx) => {
      tx.exec('CREATE TABLE item (name)');
    });
    expect(await rejectionOf(service.database('broken').read('use', (c) => c.get('SELECT 1')))).toMatchObject({
      code: 'HIVEDB_E_PATH',
      database: 'broken',
    });
    expect(orders.readSync('items', (c) => c.all('SELECT * FROM item'))).toEqual([]);
    expect(service.snapshot().databases.map(({ name, status }) => [name, status])).toEqual([
      ['broken', 'failed'],
      ['orders', 'open'],
    ]);
    const { status, reasons } = service.verdict();
    expect(status).not.toBe('pass');
    expect(reasons.map(({ database }) => database)).toEqual(['broken']);
    expect(logger.lines.filter(({ level }) => level === 'error').map(({ fields }) => fields['database'])).toEqual([
      'broken',
    ]);
    expect(await service.close()).toEqual({ forced: [], stuck: [] });
  });

  it('is tried again by whoever uses it a second later, and works as soon as it can', async () => {
    using directory = temporaryDirectory();
    const clock = new VirtualClock();
    mkdirSync(directory.file('broken.db'));
    const databases = { broken: sqlite({ path: directory.file('broken.db') }) };
    await using service = await openDatabaseService({ ...QUIET, databases, clock });
    const use = (): Promise<unknown> => service.database('broken').write('use', () => 1);
    rmdirSync(directory.file('broken.db'));
    await clock.advance(999);
    expect(await rejectionOf(use())).toMatchObject({ code: 'HIVEDB_E_PATH' });
    await clock.advance(1);
    expect(await Promise.all([use(), use(), use()])).toEqual([1, 1, 1]);
    expect(service.snapshot().databases[0]).toMatchObject({ status: 'open', failure: undefined });
  });

  it('goes on saying why, however often it is tried: a migration that fails', async () => {
    using directory = temporaryDirectory();
    const clock = new VirtualClock();
    const migrations = [{ id: 1, name: 'broken', sql: 'no SQL' }];
    const databases = { orders: sqlite({ path: directory.file('orders.db'), migrations }) };
    await using service = await openDatabaseService({ ...QUIET, databases, clock });
    for (let i = 0; i < 3; i++) {
      expect(await rejectionOf(service.database('orders').write('use', () => 1))).toMatchObject({
        code: 'HIVEDB_E_MIGRATION',
      });
      await clock.advance(1_000);
    }
  });

  it('keeps the service from opening when it is required, and nothing stays open', async () => {
    using directory = temporaryDirectory();
    mkdirSync(directory.file('broken.db'));
    const databases = {
      orders: sqlite({ path: directory.file('orders.db') }),
      broken: sqlite({ path: directory.file('broken.db'), required: true }),
    };
    expect(await rejectionOf(openDatabaseService({ ...QUIET, databases }))).toMatchObject({
      code: 'HIVEDB_E_PATH',
      database: 'broken',
    });
    expect(openFilesIn(directory.path)).toEqual([]);
    expect(readdirSync(directory.path)).toEqual(['broken.db']);
  });
});

describe('a service that cannot be opened', () => {
  it('gives no time to what has begun on its other databases: whoever opens it is told at once', async () => {
    using directory = temporaryDirectory();
    const definition = sqlite({ path: directory.file('orders.db') });
    await openDatabaseService({ ...QUIET, databases: { definition } }).then((service) => service.close());
    const forced: string[] = [];
    /** A database whose work begins as soon as it is open, and does not end. */
    const working: typeof definition = {
      ...definition,
      create: (context, path) => {
        const made = definition.create(context, path);
        const [open, close] = [made.open.bind(made), made.close.bind(made)];
        return Object.assign(made, {
          open: async () => {
            await open();
            await made.session('work without end');
          },
          close: async (graceMs: number) => {
            const leases = await close(graceMs);
            forced.push(...leases.map(({ owner }) => owner ?? ''));
            return leases;
          },
        });
      },
    };
    writeFileSync(directory.file('broken.db'), 'this is no database'.repeat(100));
    const broken = sqlite({ path: directory.file('broken.db'), required: true });
    const clock = new VirtualClock();
    const opening = rejectionOf(openDatabaseService({ ...QUIET, clock, databases: { working, broken } }));
    await passUntilSettled(clock, opening);
    expect(clock.now()).toBeLessThan(100);
    expect(await opening).toMatchObject({ code: 'HIVEDB_E_NOT_A_DATABASE', database: 'broken' });
    expect(forced).toEqual(['work without end']);
    expect(openFilesIn(directory.path)).toEqual([]);
  });
});

describe('a database that is busy', () => {
  it('makes nobody wait for another: not its readers, not its lane, not its suspension', async () => {
    using directory = temporaryDirectory();
    await using service = await openDatabaseService({
      ...QUIET,
      databases: {
        busy: sqlite({ path: directory.file('busy.db'), poolSize: 1 }),
        orders: sqlite({ path: directory.file('orders.db'), poolSize: 1 }),
      },
    });
    const busy = service.database('busy');
    const gate = Promise.withResolvers<undefined>();
    const holders = [busy.read('hold', () => gate.promise), busy.transaction('hold', () => gate.promise)];
    busy.suspend();
    const orders = service.database('orders');
    expect(await orders.read('read', (c) => c.get('SELECT 1 AS one'))).toEqual({ one: 1 });
    expect(await orders.write('write', () => 1)).toBe(1);
    expect(await orders.transaction('transaction', () => Promise.resolve(2))).toBe(2);
    busy.resume();
    gate.resolve(undefined);
    await Promise.all(holders);
  });
});

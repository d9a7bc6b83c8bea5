import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { configureDatabaseService, getDatabaseService, sqlite, type Migration } from '@hive/shared-db';
import { closeDirect, databaseOrDirect, openDirect } from '@hive/shared-db/direct';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { companion } from './support/companion.ts';
import { pictureOf } from './support/directory-picture.ts';
import { rejectionOf } from './support/outcome.ts';
import { raiseFence } from './support/raised-fence.ts';
import { recordingLogger } from './support/recording-logger.ts';

const ITEMS: Migration = { id: 1, name: 'items', sql: 'CREATE TABLE item (name TEXT)' };

describe('a direct database', () => {
  it('does everything that one of a service does, and is closed with its scope', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('sub/orders.db');
    for (const expected of [1, 2]) {
      await using database = await openDirect({ name: 'orders', path, migrations: [ITEMS] });
      await database.write('add', (tx) => tx.run("INSERT INTO item VALUES ('a')"));
      expect(database.readSync('count', (c) => c.get('SELECT count(*) AS n FROM item'))).toEqual({ n: expected });
      expect(database.snapshot()).toMatchObject({ status: 'open', durability: 'full', path });
    }
    await using again = await openDirect({
      name: 'orders',
      path,
      migrations: [ITEMS],
      durability: 'normal',
      poolSize: 1,
    });
    expect(again.snapshot()).toMatchObject({ durability: 'normal', pool: { size: 1 } });
  });

  it.each<readonly [string, object, string]>([
    ['a name that is none', { name: '../orders' }, 'NAME'],
    ['a path that is none', { path: ':memory:' }, 'PATH'],
    ['a size that is none', { poolSize: 0 }, 'CONFIG'],
    ['a durability that there is not', { durability: 'fast' }, 'CONFIG'],
    ['an option that there is not', { pollSize: 3 }, 'CONFIG'],
    ['migrations that are none', { migrations: 5 }, 'CONFIG'],
    ['a runtime directory in which processes would not meet', { runtimeDirectory: 'run' }, 'CONFIG'],
    ['a runtime directory that is none', { runtimeDirectory: 5 }, 'CONFIG'],
  ])('is refused with %s, and nothing is made', async (_, wrong, kind) => {
    using directory = temporaryDirectory();
    const before = pictureOf(directory.path);
    const options = { name: 'orders', path: directory.file('orders.db'), ...wrong };
    expect(await rejectionOf(openDirect(options))).toMatchObject({
      name: 'DatabaseError',
      code: `HIVEDB_E_${kind}`,
    });
    expect(pictureOf(directory.path)).toEqual(before);
  });

  it('rejects with the reason when its file cannot be used, and leaves nothing open', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    writeFileSync(path, 'a diary\n'.repeat(500));
    const before = pictureOf(directory.path);
    expect(await rejectionOf(openDirect({ name: 'orders', path }))).toMatchObject({ code: 'HIVEDB_E_NOT_A_DATABASE' });
    expect(pictureOf(directory.path)).toEqual(before);
  });

  it('keeps to the fence of another process', async () => {
    using directory = temporaryDirectory();
    const runtimeDirectory = directory.file('run');
    const path = directory.file('orders.db');
    await using database = await openDirect({ name: 'orders', path, migrations: [ITEMS], runtimeDirectory });
    raiseFence(path, runtimeDirectory);
    expect(await rejectionOf(database.write('add', (tx) => tx.run("INSERT INTO item VALUES ('a')")))).toMatchObject({
      code: 'HIVEDB_E_FENCED',
    });
  });
});

describe('a database for an adapter', () => {
  afterEach(async () => {
    await closeDirect();
    const service = await getDatabaseService().catch(() => undefined);
    await service?.close({ graceMs: 0 });
  });

  it('is a direct one where no service is configured: opened once, said once, and seen in health', async () => {
    using directory = temporaryDirectory();
    await using other = companion(
      `import { databaseOrDirect, closeDirect } from '@hive/shared-db/direct';
       import { configureDatabaseService, getDatabaseStats, databaseHealthCheck, sqlite } from '@hive/shared-db';
       const warnings = [];
       const drop = () => {};
       const warn = ({ statement }, message) => {
         // A slow machine has slow statements.
         if (statement === undefined) warnings.push(message);
       };
       const logger = { debug: drop, info: drop, error: drop, warn };
       const options = { name: 'orders', path: args[0], logger };
       const [first, second] = await Promise.all([databaseOrDirect(options), databaseOrDirect(options)]);
       await first.write('schema', (tx) => tx.exec('CREATE TABLE item (name)'));
       await (await databaseOrDirect(options)).write('add', (tx) => tx.run("INSERT INTO item VALUES ('a')"));
       configureDatabaseService({ app: 'shop', presence: false, databases: { events: sqlite({ path: args[1] }) } });
       const { fallbacks } = await getDatabaseStats();
       const { status, reasons } = await databaseHealthCheck();
       say(JSON.stringify({ same: first === second, warnings, fallbacks, status, codes: reasons.map(({ code }) => code) }));
       await closeDirect();
       say(JSON.stringify((await getDatabaseStats()).fallbacks));`,
      directory.file('orders.db'),
      directory.file('events.db'),
    );
    const reason = 'no database service is configured in this process';
    expect(JSON.parse(await other.hear())).toEqual({
      same: true,
      warnings: [`database orders is used on a direct connection: ${reason}`],
      fallbacks: [{ database: 'orders', reason }],
      status: 'warn',
      codes: [expect.any(String)],
    });
    expect(JSON.parse(await other.hear())).toEqual([]);
    expect(await other.end()).toMatchObject({ code: 0 });
  });

  it('is the service’s where there is one', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    configureDatabaseService({
      app: 'shop',
      presence: false,
      databases: { orders: sqlite({ path, migrations: [ITEMS] }) },
    });
    const database = await databaseOrDirect({ name: 'orders', path: directory.file('other.db') });
    const service = await getDatabaseService();
    expect(database).toBe(service.database('orders'));
    expect(service.snapshot().fallbacks).toEqual([]);
  });

  it('is a direct one again when the service has been closed', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const logger = recordingLogger();
    configureDatabaseService({
      app: 'shop',
      presence: false,
      databases: { orders: sqlite({ path, migrations: [ITEMS] }) },
    });
    const fromService = await databaseOrDirect({ name: 'orders', path, logger });
    await fromService.write('add', (tx) => tx.run("INSERT INTO item VALUES ('a')"));
    await (await getDatabaseService()).close();
    for (let i = 0; i < 3; i++) {
      const direct = await databaseOrDirect({ name: 'orders', path, logger });
      expect(direct.readSync('count', (c) => c.get('SELECT count(*) AS n FROM item'))).toEqual({ n: 1 });
    }
    expect(logger.said('warn')).toEqual([
      'database orders is used on a direct connection: the database service of this process has been closed',
    ]);
  });

  it('is, after a service was closed, on the file that the service had, whatever file the adapter would have used', async () => {
    using directory = temporaryDirectory();
    const options = { name: 'orders', path: directory.file('usual.db') };
    const orders = sqlite({ path: directory.file('settled.db'), migrations: [ITEMS] });
    configureDatabaseService({ app: 'shop', presence: false, databases: { orders } });
    const service = await getDatabaseService();
    await service.close();
    const direct = await databaseOrDirect(options);
    await direct.write('add', (tx) => tx.run("INSERT INTO item VALUES ('a')"));
    expect(direct.snapshot().path).toBe(directory.file('settled.db'));
    expect(existsSync(options.path)).toBe(false);
  });

  it.each([false, true])(
    'becomes the service’s as soon as one is configured, also on the same file (required: %s), and health is told',
    async (required) => {
      using directory = temporaryDirectory();
      const path = directory.file('orders.db');
      await using other = companion(
        `import { databaseOrDirect } from '@hive/shared-db/direct';
         import { configureDatabaseService, getDatabaseService, sqlite } from '@hive/shared-db';
         const options = { name: 'orders', path: args[0] };
         const add = async () => (await databaseOrDirect(options)).write('add', (tx) =>
           tx.exec("CREATE TABLE IF NOT EXISTS item (name); INSERT INTO item VALUES ('a')"));
         await add();
         const orders = sqlite({ path: args[0], required: args[1] === 'true' });
         configureDatabaseService({ app: 'shop', presence: false, databases: { orders } });
         await Promise.all([add(), add()]);
         const service = await getDatabaseService();
         say(JSON.stringify({
           same: (await databaseOrDirect(options)) === service.database('orders'),
           status: service.snapshot().databases[0].status,
           fallbacks: service.snapshot().fallbacks,
           rows: service.database('orders').readSync('count', (c) => c.get('SELECT count(*) AS n FROM item')).n,
         }));
         await service.close();`,
        path,
        String(required),
      );
      expect(JSON.parse(await other.hear())).toEqual({ same: true, status: 'open', fallbacks: [], rows: 3 });
      expect(await other.end()).toMatchObject({ code: 0 });
    },
  );

  it.each<readonly [string, (path: string) => void, Migration, string]>([
    [
      'a wrong path',
      (path) => {
        mkdirSync(path);
      },
      ITEMS,
      'PATH',
    ],
    ['a schema error', () => undefined, { id: 1, name: 'broken', sql: 'no SQL' }, 'MIGRATION'],
  ])('is never a way around a refusal: %s', async (_, spoil, migration, kind) => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    spoil(path);
    const logger = recordingLogger();
    const orders = sqlite({ path, migrations: [migration] });
    configureDatabaseService({ app: 'shop', presence: false, databases: { orders } });
    const database = await databaseOrDirect({ name: 'orders', path, logger });
    expect(await rejectionOf(database.write('use', () => 1))).toMatchObject({ code: `HIVEDB_E_${kind}` });
    expect(logger.lines).toEqual([]);
  });

  it('is never a way around a service that cannot be opened, or that does not know the name', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    mkdirSync(path);
    configureDatabaseService({ app: 'shop', presence: false, databases: { orders: sqlite({ path, required: true }) } });
    expect(await rejectionOf(databaseOrDirect({ name: 'orders', path: directory.file('other.db') }))).toMatchObject({
      code: 'HIVEDB_E_PATH',
    });
    rmdirSync(path);
    expect(await rejectionOf(databaseOrDirect({ name: 'purchases', path: directory.file('other.db') }))).toMatchObject({
      code: 'HIVEDB_E_NAME',
    });
  });

  it('can be opened at the next try when it could not be', async () => {
    using directory = temporaryDirectory();
    await using other = companion(
      `import { databaseOrDirect, closeDirect } from '@hive/shared-db/direct';
       import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
       const options = { name: 'orders', path: args[0] };
       mkdirSync(args[0]);
       say(await databaseOrDirect(options).catch(({ code }) => code));
       rmdirSync(args[0]);
       say((await databaseOrDirect(options)).snapshot().status);
       await closeDirect();`,
      directory.file('orders.db'),
    );
    expect(await other.hear()).toBe('HIVEDB_E_PATH');
    expect(await other.hear()).toBe('open');
  });
});

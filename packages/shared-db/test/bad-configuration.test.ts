import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  configureDatabaseService,
  driverDatabase,
  openDatabaseService,
  sqlite,
  type Logger,
  type Migration,
  type ServiceConfig,
} from '@hive/shared-db';
import { databaseOrDirect, openDirect } from '@hive/shared-db/direct';
import { FakeDriver, temporaryDatabase, temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { rejectionOf, outcomeOf } from './support/outcome.ts';

/** What JavaScript may pass where something else was expected. */
const NONSENSE: readonly unknown[] = [null, 42, 3n, 'text', true, Symbol('s'), [], () => 1, Object.create(null)];

/** An error that refuses something in one sentence that says all these. */
function refusal(code: string, ...parts: readonly string[]): object {
  const message = expect.toSatisfy((text: string) => parts.every((part) => text.includes(part)), parts.join(', '));
  return { name: 'DatabaseError', code: `HIVEDB_E_${code}`, message: message as string };
}

async function refusalOfService(path: string, wrong: object): Promise<unknown> {
  const databases = { orders: sqlite({ path }) };
  return rejectionOf(openDatabaseService({ app: 'shop', presence: false, databases, ...wrong }));
}

describe('what code passes to the service and is not what was expected', () => {
  it.each(NONSENSE)('is refused by its name, and nothing is opened or written: %o', async (value) => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    expect(await refusalOfService(path, { databases: { orders: value } })).toMatchObject(
      refusal('CONFIG', 'code: databases.orders is ', 'expected sqlite({ path })'),
    );
    expect(await refusalOfService(path, { logger: value })).toMatchObject(
      refusal('CONFIG', 'code: logger has no function debug'),
    );
    expect(await refusalOfService(path, { clock: value })).toMatchObject(
      refusal('CONFIG', 'code: clock has no function now'),
    );
    if (typeof value !== 'function')
      expect(await refusalOfService(path, { random: value })).toMatchObject(
        refusal('CONFIG', 'code: random is ', 'function'),
      );
    if (typeof value !== 'object' || value === null)
      expect(await refusalOfService(path, { env: value })).toMatchObject(
        refusal('CONFIG', 'code: env is ', 'variables'),
      );
    if (!Array.isArray(value))
      expect(await refusalOfService(path, { otherDatabases: value })).toMatchObject(
        refusal('CONFIG', 'code: otherDatabases is ', 'names'),
      );
    expect(await refusalOfService(path, { profile: value })).toMatchObject(
      refusal('CONFIG', 'code: profile is ', 'no settingsFile'),
    );
    expect(await refusalOfService(path, { logLevel: value })).toMatchObject(
      refusal('CONFIG', 'code: logLevel must be debug, info, warn, error or silent'),
    );
    if (typeof value !== 'string') {
      expect(await refusalOfService(path, { settingsFile: value })).toMatchObject(
        refusal('CONFIG', 'code: settingsFile is '),
      );
      expect(await refusalOfService(path, { app: value })).toMatchObject(refusal('NAME', 'code: app is '));
      expect(await rejectionOf(openDirect({ name: value as string, path }))).toMatchObject(
        refusal('NAME', 'is no name'),
      );
      expect(await rejectionOf(openDirect({ name: 'orders', path: value as string }))).toMatchObject(refusal('PATH'));
    }
    expect(await rejectionOf(openDirect({ name: 'orders', path, logger: value as Logger }))).toMatchObject(
      refusal('CONFIG', 'code: logger has no function debug'),
    );
    expect(readdirSync(directory.path)).toEqual([]);
  });

  it.each([undefined, ...NONSENSE])('is refused as a whole: %o', async (value) => {
    const config = value as ServiceConfig;
    expect(await rejectionOf(openDatabaseService(config))).toHaveProperty('name', 'DatabaseError');
    expect(outcomeOf(() => configureDatabaseService(config))).toHaveProperty('name', 'DatabaseError');
    if (typeof value === 'object' && value !== null) return;
    expect(outcomeOf(() => sqlite(value as never))).toMatchObject(refusal('CONFIG', 'sqlite() was given', '{ path }'));
    expect(outcomeOf(() => driverDatabase(value as never))).toMatchObject(
      refusal('CONFIG', 'driverDatabase() was given', '{ driver, identity }'),
    );
    expect(await rejectionOf(openDirect(value as never))).toMatchObject(refusal('CONFIG', '{ name, path }'));
    expect(await rejectionOf(databaseOrDirect(value as never))).toMatchObject(refusal('CONFIG', '{ name, path }'));
  });

  it.each([undefined, ...NONSENSE])('is refused where it defines a database: %o', (value) => {
    const migrations = value as Migration[];
    if (value !== undefined && !Array.isArray(value))
      expect(outcomeOf(() => sqlite({ path: 'a.db', migrations }))).toMatchObject(
        refusal('CONFIG', 'sqlite() option migrations is ', 'a list'),
      );
    const driver = new FakeDriver({ clock: new VirtualClock() });
    expect(outcomeOf(() => driverDatabase({ driver: value as never, identity: 'fake://1' }))).toMatchObject(
      refusal('CONFIG', 'driverDatabase() option driver'),
    );
    if (typeof value !== 'string')
      expect(outcomeOf(() => driverDatabase({ driver, identity: value as never }))).toMatchObject(
        refusal('CONFIG', 'driverDatabase() option identity'),
      );
  });

  it('is refused where it says who shares the connections', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    const refused = async (options: object): Promise<unknown> =>
      rejectionOf(
        (async () =>
          openDatabaseService({ app: 'shop', presence: false, databases: { orders: sqlite({ path, ...options }) } }))(),
      );
    for (const value of [42, 3n, 'text', true, [], () => 1, { reserved: '1' }, { weight: Number.NaN }, { most: 1 }])
      expect(await refused({ budgets: { web: value } })).toMatchObject(
        refusal('CONFIG', 'code: databases.orders.budgets.web'),
      );
    for (const value of [42, 'text', [], { min: 1 }, { min: 1, max: Infinity }, { least: 1 }])
      expect(await refused({ autoSize: value })).toMatchObject(refusal('CONFIG', 'code: databases.orders.autoSize'));
    expect(readdirSync(directory.path)).toEqual([]);
  });

  it('names the nearest option of sqlite()', () => {
    expect(outcomeOf(() => sqlite({ path: 'a.db', pollSize: 3 } as never))).toMatchObject({
      advice: 'did you mean poolSize',
    });
  });
});

describe('a migration that is none', () => {
  it.each<readonly [string, unknown, string]>([
    ['nothing', undefined, 'step 2 of the list is undefined'],
    ['null', null, 'step 2 of the list is empty'],
    ['a text', 'CREATE TABLE t (a)', 'step 2 of the list is "CREATE TABLE t (a)"'],
    ['one without a name', { id: 2, sql: '' }, 'migration 2 has no name'],
    [
      'one with a key that there is not',
      { id: 2, name: 'b', sql: '', down: '' },
      'migration "b" has a key "down"; expected id, name, sql, up',
    ],
    ['one with an empty name', { id: 2, name: ' ', sql: '' }, 'migration 2 has no name'],
    ['one whose id is text', { id: '2', name: 'two', sql: '' }, 'migration "two" has the id "2"'],
    ['one whose sql is a list', { id: 2, name: 'two', sql: ['SELECT 1'] }, 'has as sql a list; expected a text'],
    ['one whose up is a text', { id: 2, name: 'two', up: 'SELECT 1' }, 'has as up "SELECT 1"; expected a function'],
  ])('is refused before the file is made: %s', async (_, step, what) => {
    using directory = temporaryDirectory();
    const migrations = [{ id: 1, name: 'one', sql: 'CREATE TABLE t (a)' }, step as Migration];
    const databases = { orders: sqlite({ path: directory.file('orders.db'), migrations, required: true }) };
    const opening = openDatabaseService({ app: 'shop', presence: false, databases });
    expect(await rejectionOf(opening)).toMatchObject(refusal('MIGRATION', what));
    expect(readdirSync(directory.path)).toEqual([]);
  });
});

describe('a name that is asked for and is none', () => {
  it.each([undefined, ...NONSENSE])('is told from the names there are: %o', async (value) => {
    await using temporary = await temporaryDatabase();
    expect(outcomeOf(() => temporary.service.database(value as 'test'))).toMatchObject(
      refusal('NAME', 'there is no database', 'there are test'),
    );
  });
});

function fail(): never {
  throw new Error('no space left for the log');
}

const broken: Logger = { debug: fail, info: fail, warn: fail, error: fail };

describe('a logger that fails', () => {
  it('takes nothing with it: what was committed is acknowledged, and what failed says why', async () => {
    await using temporary = await temporaryDatabase({ logger: broken, echo: true });
    const { database, service } = temporary;
    await database.write('schema', (tx) => {
      tx.exec('CREATE TABLE item (name)');
    });
    const written = await database.write('save', (tx) => {
      tx.afterCommit(fail);
      return tx.run("INSERT INTO item VALUES ('a')").changes;
    });
    expect(written).toBe(1);
    expect(await database.read('count', (c) => c.get('SELECT count(*) n FROM item'))).toEqual({ n: 1 });
    await database.session('held');
    expect((await service.close({ graceMs: 0 })).forced).toHaveLength(1);
  });

  it('does not keep a direct database from being opened and closed', async () => {
    using directory = temporaryDirectory();
    await using database = await openDirect({ name: 'orders', path: directory.file('orders.db'), logger: broken });
    expect(await database.write('one', () => 1)).toBe(1);
  });
});

import { writeFileSync } from 'node:fs';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { rejectionOf } from '../support/outcome.ts';

/** A service with two databases and what its settings file says. */
async function scene(text: string) {
  const directory = temporaryDirectory();
  const settingsFile = directory.file('settings.yaml');
  writeFileSync(settingsFile, text);
  const service = await openDatabaseService({
    app: 'shop',
    presence: false,
    settingsFile,
    databases: {
      orders: sqlite({ path: directory.file('orders.db') }),
      stock: sqlite({ path: directory.file('stock.db'), poolSize: 2 }),
    },
  });
  return {
    service,
    /** What a snapshot says of settings, as words. */
    stated: () =>
      service.snapshot().settings?.map(({ key, value, origin }) => [key, value, origin.split('/').at(-1)].join(' ')),
    [Symbol.asyncDispose]: async () => {
      await service.close({ graceMs: 0 });
      directory[Symbol.dispose]();
    },
  };
}

describe('what a snapshot says of settings', () => {
  it('is nothing where nothing was changed by hand and the log is as usual', async () => {
    await using shop = await scene('database: { pool: { size: 3 }, health: { walSize: 1MiB } }');
    expect(shop.stated()).toEqual([]);
  });

  it('is what has the process log more or less than it would, said once where it is so of all', async () => {
    await using shop = await scene(
      'database: { log: { level: warn }, echo: debug }\ndatabases: { stock: { pool: { echo: true } } }',
    );
    expect(shop.stated()).toEqual([
      'database.log.level warn settings.yaml:1',
      'database.echo debug settings.yaml:1',
      'databases.stock.pool.echo true settings.yaml:2',
    ]);
  });

  it('is what was changed by hand, for as long as it is so', async () => {
    await using shop = await scene('');
    const { service } = shop;
    service.setLogLevel('debug');
    service.setEcho(true, { database: 'orders', of: 'pool' });
    service.setThreshold('walBytes', 1024 ** 2);
    service.setThreshold('oldestWaitMs', 250, { database: 'stock' });
    expect(shop.stated()).toEqual([
      'database.log.level debug by hand (code)',
      'database.health.walSize 1MiB by hand (code)',
      'databases.orders.pool.echo true by hand (code)',
      'databases.stock.health.oldestWait 250ms by hand (code)',
    ]);
    service.setLogLevel(undefined);
    service.setEcho(undefined, { database: 'orders', of: 'pool' });
    service.setThreshold('walBytes', undefined);
    service.setThreshold('oldestWaitMs', undefined, { database: 'stock' });
    expect(shop.stated()).toEqual([]);
  });

  it('is how many connections a database was given by hand, until it is as its settings say', async () => {
    await using shop = await scene('');
    const stock = shop.service.database('stock');
    await stock.resize({ size: 3, maxOverflow: 0 });
    expect(shop.stated()).toEqual(['databases.stock.pool.size 3 by hand (code)']);
    expect(shop.service.settings.databases['stock']?.poolSize).toBe(3);
    await stock.resize({ maxOverflow: 5 });
    expect(shop.stated()).toEqual([
      'databases.stock.pool.size 3 by hand (code)',
      'databases.stock.pool.maxOverflow 5 by hand (code)',
    ]);
    expect(await rejectionOf(stock.resize({ size: -1, maxOverflow: 0 }))).toMatchObject({ code: 'HIVEDB_E_CONFIG' });
    await stock.resize({ size: 2, maxOverflow: 0 });
    expect(shop.stated()).toEqual([]);
  });

  it('is no size where a pool finds it by itself', async () => {
    await using shop = await scene('databases: { stock: { pool: { autoSize: { min: 2, max: 9 } } } }');
    await shop.service.database('stock').resize({ size: 5 });
    expect(shop.stated()).toEqual([]);
  });

  it('is no size any more of a database by pattern that was closed and is as all others when it is opened again', async () => {
    const clock = new VirtualClock();
    using directory = temporaryDirectory();
    const databases = { 'tenant-*': sqlite({ path: directory.file('*.db'), idleMs: 1_000 }) };
    await using service = await openDatabaseService({ app: 'shop', presence: false, clock, databases });
    const acme = service.database('tenant-acme');
    await acme.resize({ size: 7 });
    const stated = () => service.snapshot().settings?.map(({ key, value }) => `${key} ${value}`);
    expect(stated()).toEqual(['databases.tenant-acme.pool.size 7']);
    await clock.advance(60_000);
    expect(service.snapshot().databases).toEqual([]);
    expect(stated()).toEqual([]);
    await acme.read('look', (c) => c.get('SELECT 1'));
    expect(acme.snapshot().pool.size).toBe(4);
  });
});

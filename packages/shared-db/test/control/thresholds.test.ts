import { openDatabaseService, sqlite, type Thresholds } from '@hive/shared-db';
import { giveOrder, locateProcesses } from '@hive/shared-db/presence';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../support/outcome.ts';
import { save } from '../support/saved-file.ts';
import { SHOP } from '../support/shop.ts';

/** A service with two databases and a pattern that none is open of. */
async function scene(settings = '', presence = false) {
  const directory = temporaryDirectory();
  const settingsFile = directory.file('settings.yaml');
  const write = (text: string): void => {
    save(settingsFile, text);
  };
  if (settings !== '') write(settings);
  const service = await openDatabaseService({
    app: 'shop',
    presence,
    runtimeDirectory: directory.file('run'),
    settingsFile,
    databases: {
      orders: sqlite({ path: directory.file('orders.db'), migrations: [SHOP] }),
      stock: sqlite({ path: directory.file('stock.db'), migrations: [SHOP] }),
      'tenant-*': sqlite({ path: directory.file('tenants/*.db') }),
    },
  });
  return {
    service,
    write,
    directory: directory.file('run'),
    /** Of the process, and of each database. */
    all: (name: 'walBytes' | 'utilisationWarn') =>
      [service.settings, ...Object.values(service.settings.databases)].map(({ thresholds }) => thresholds[name]),
    [Symbol.asyncDispose]: async () => {
      await service.close({ graceMs: 0 });
      directory[Symbol.dispose]();
    },
  };
}

const CODE = 'by hand (code)';
const USUAL = 64 * 1024 ** 2;

describe('a threshold that is moved by hand', () => {
  it('is what health is judged by, at once, until that is taken back', async () => {
    await using shop = await scene();
    const { service } = shop;
    const orders = service.database('orders');
    await orders.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    expect(service.verdict().reasons).toEqual([]);
    service.setThreshold('walBytes', 4_096, { database: 'orders' });
    expect(service.verdict().reasons).toMatchObject([{ code: 'wal', database: 'orders' }]);
    service.setThreshold('walBytes', undefined, { database: 'orders' });
    expect(service.verdict().reasons).toEqual([]);
  });

  it('is that of the process and of every database, or of the one that is named', async () => {
    await using shop = await scene('databases: { stock: { health: { walSize: 1MiB } } }');
    const { service, all } = shop;
    const places = ['database', 'databases.stock'].map((place) => `${place}.health.walSize`);
    expect(service.setThreshold('walBytes', 8_192)).toMatchObject([
      { key: places[0], from: '64MiB', fromOrigin: 'default', to: '8KiB', toOrigin: CODE, effect: 'applied' },
      { key: places[1], from: '1MiB', to: '8KiB', toOrigin: CODE },
    ]);
    expect(all('walBytes')).toEqual([8_192, 8_192, 8_192, 8_192]);
    service.setThreshold('walBytes', 4_096, { database: 'tenant-acme' });
    expect(all('walBytes')).toEqual([8_192, 8_192, 8_192, 8_192, 4_096]);
    service.setThreshold('walBytes', undefined);
    expect(all('walBytes')).toEqual([USUAL, USUAL, 1024 ** 2, USUAL]);
    expect(service.setThreshold('blockedShare', 0.5)).toMatchObject([
      { key: 'database.health.blockedShare', to: '0.5' },
    ]);
    expect(service.setThreshold('blockedShare', 0.5)).toEqual([]);
  });

  it('is refused where it is none, takes something else or contradicts another one: nothing changes then', async () => {
    await using shop = await scene();
    const { service } = shop;
    const before = service.settings;
    const refusal = (name: string, value: unknown, database?: 'orders') =>
      outcomeOf(() =>
        service.setThreshold(name as keyof Thresholds, value as number, database === undefined ? {} : { database }),
      );
    expect(refusal('walByte', 1)).toMatchObject({ code: 'HIVEDB_E_WRONG_USE', advice: 'did you mean walBytes' });
    expect(refusal('walBytes', '128MiB')).toMatchObject({
      code: 'HIVEDB_E_WRONG_USE',
      message: expect.stringContaining('expected a whole number of bytes from 4096') as string,
    });
    for (const name of ['blockedShare', 'warnWhenDeprecated'])
      expect(refusal(name, 0.5, 'orders')).toMatchObject({ code: 'HIVEDB_E_WRONG_USE' });
    expect(refusal('walBytes', 4_096, 'order' as 'orders')).toMatchObject({
      code: 'HIVEDB_E_NAME',
      advice: 'did you mean orders',
    });
    for (const database of [undefined, 'orders'] as const)
      expect(refusal('utilisationWarn', 0.99, database)).toMatchObject({
        code: 'HIVEDB_E_CONFIG',
        message: expect.stringContaining('must be at most') as string,
      });
    expect(service.settings).toEqual(before);
    // What was refused is not kept either.
    service.setThreshold('walBytes', 4_096);
    expect(shop.all('utilisationWarn')).toEqual([0.8, 0.8, 0.8, 0.8]);
  });

  it('is refused by a service that has been closed, as a reload, a log level and an echo are', async () => {
    await using shop = await scene();
    const { service } = shop;
    await service.close();
    const before = service.settings;
    for (const change of [
      () => service.setThreshold('walBytes', 1024 ** 2),
      () => service.setLogLevel('debug'),
      () => service.setEcho(true),
    ])
      expect(outcomeOf(change)).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    expect(service.settings).toEqual(before);
  });

  it('holds until settings say something new of it, or what contradicts it', async () => {
    await using shop = await scene();
    const { service, write, all } = shop;
    service.setThreshold('walBytes', 4_096);
    service.setThreshold('utilisationWarn', 0.9);
    write('database: { pool: { size: 3 } }');
    await service.reload();
    expect([all('walBytes')[1], all('utilisationWarn')[1]]).toEqual([4_096, 0.9]);
    write('databases: { orders: { health: { walSize: 1MiB } } }');
    const { changes } = await service.reload();
    expect(changes.find(({ key }) => key.includes('walSize'))).toMatchObject({
      from: '4KiB',
      fromOrigin: CODE,
      to: '1MiB',
    });
    expect(all('walBytes')).toEqual([4_096, 1024 ** 2, 4_096, 4_096]);
    write('database: { health: { utilisationCritical: 0.85 } }');
    await service.reload();
    expect(all('utilisationWarn')).toEqual([0.8, 0.8, 0.8, 0.8]);
    // The others are none of its business.
    expect(all('walBytes')[2]).toBe(4_096);
  });

  it('from outside is that of a pattern, too, before any of it is open', async () => {
    await using shop = await scene('', true);
    const [found] = await locateProcesses({ directory: shop.directory, timeoutMs: 20_000 });
    const { socket } = found as { socket: string };
    const order = { verb: 'threshold', database: undefined, name: 'walBytes', value: 4_096 } as const;
    await giveOrder(order, { directory: shop.directory, socket, timeoutMs: 20_000 });
    expect(shop.all('walBytes')).toEqual([4_096, 4_096, 4_096, 4_096]);
  });
});

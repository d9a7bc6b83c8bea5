import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  configureDatabaseService,
  databaseHealthCheck,
  getDatabaseService,
  getDatabaseStats,
  sqlite,
  type ServiceConfig,
  type SqliteDatabase,
} from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { companion } from './support/companion.ts';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { recordingLogger } from './support/recording-logger.ts';

const configOf = (path: string, rest: Partial<ServiceConfig> = {}): ServiceConfig => ({
  app: 'shop',
  presence: false,
  databases: { orders: sqlite({ path, durability: 'normal' }) },
  ...rest,
});

describe('the one service of a process', () => {
  afterEach(async () => {
    const service = await getDatabaseService().catch(() => undefined);
    await service?.close({ graceMs: 0 });
  });

  it('is not there before somebody has configured it', async () => {
    for (const use of [getDatabaseService, databaseHealthCheck, getDatabaseStats])
      expect(await rejectionOf(use())).toMatchObject({
        code: expect.stringMatching(/CONFIG|POOL_CLOSED/) as string,
      });
  });

  it('is opened once, by the first who asks, however many components ask', async () => {
    using directory = temporaryDirectory();
    const logger = recordingLogger();
    const config = configOf(directory.file('orders.db'), { logger });
    configureDatabaseService(config);
    expect(logger.lines).toEqual([]);
    const services = await Promise.all(Array.from({ length: 20 }, () => getDatabaseService()));
    expect(new Set(services).size).toBe(1);
    expect(await getDatabaseService()).toBe(services[0]);
    expect(logger.said('info')).toEqual(['pool initialised 0/4']);
    await services[0]?.close();
  });

  it('is what health check and statistics read', async () => {
    using directory = temporaryDirectory();
    configureDatabaseService(configOf(directory.file('orders.db')));
    const service = await getDatabaseService();
    await (service.database('orders') as unknown as SqliteDatabase).write('save', () => 1);
    expect(await databaseHealthCheck()).toMatchObject({ status: 'pass' });
    expect(await getDatabaseStats()).toMatchObject({
      app: 'shop',
      databases: [{ name: 'orders', counters: { writes: 1 }, pool: { size: 4 } }],
    });
    await service.close();
  });

  it('may be configured again with the same, and not with anything else', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('orders.db');
    configureDatabaseService(configOf(path));
    configureDatabaseService(configOf(path, { logger: recordingLogger() }));
    const others: readonly ServiceConfig[] = [
      configOf(directory.file('other.db')),
      configOf(path, { app: 'other' }),
      configOf(path, { database: { poolSize: 9 } }),
      { ...configOf(path), databases: { orders: sqlite({ path, durability: 'full' }) } },
      {
        ...configOf(path),
        databases: { ...configOf(path).databases, events: sqlite({ path: directory.file('e.db') }) },
      },
    ];
    const refused = {
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining('already configured, and differently') as string,
      advice: expect.stringContaining('getDatabaseService()') as string,
    };
    for (const other of others) {
      expect(
        outcomeOf(() => {
          configureDatabaseService(other);
        }),
      ).toMatchObject(refused);
    }
    const service = await getDatabaseService();
    for (const other of others)
      expect(
        outcomeOf(() => {
          configureDatabaseService(other);
        }),
      ).toMatchObject(refused);
    configureDatabaseService(configOf(path));
    expect(await getDatabaseService()).toBe(service);
    await service.close();
  });

  it('hands out nothing when it has been closed, until it is configured again', async () => {
    using directory = temporaryDirectory();
    configureDatabaseService(configOf(directory.file('orders.db')));
    const service = await getDatabaseService();
    await service.close();
    expect(await rejectionOf(getDatabaseService())).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    expect(await rejectionOf(databaseHealthCheck())).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    configureDatabaseService(configOf(directory.file('other.db')));
    const next = await getDatabaseService();
    expect(next).not.toBe(service);
    await next.close();
  });

  it('is tried again when it could not be opened', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('sub/orders.db');
    writeFileSync(directory.file('sub'), 'in the way');
    configureDatabaseService({ ...configOf(path), databases: { orders: sqlite({ path, required: true }) } });
    expect(await rejectionOf(getDatabaseService())).toMatchObject({ code: 'HIVEDB_E_PATH' });
    rmSync(directory.file('sub'));
    const service = await getDatabaseService();
    expect(service.snapshot().databases[0]?.status).toBe('open');
    await service.close();
  });

  it.each<readonly [string, unknown]>([
    ['nothing', undefined],
    ['no databases', { app: 'shop' }],
    ['an unknown option', { app: 'shop', databases: {}, poolsize: 3 }],
    ['a database whose name is none', { app: 'shop', databases: { Orders: sqlite({ path: 'never-made.db' }) } }],
  ])('cannot be configured with %s', (_, config) => {
    expect(
      outcomeOf(() => {
        configureDatabaseService(config as ServiceConfig);
      }),
    ).toMatchObject({
      name: 'DatabaseError',
      code: expect.stringMatching(/^HIVEDB_E_(?:CONFIG|PATH|NAME)$/) as string,
    });
  });
});

describe('two copies of the package in one process', () => {
  it('share the one service when they are of one version', async () => {
    using directory = temporaryDirectory();
    await using other = companion(
      `const first = await import('@hive/shared-db');
       const url = import.meta.resolve('@hive/shared-db').replace('index.js', 'service/configured-service.js');
       const second = await import(url + '?copy');
       first.configureDatabaseService({ app: 'shop', presence: false, databases: { orders: first.sqlite({ path: args[0] }) } });
       const services = [await first.getDatabaseService(), await second.getDatabaseService()];
       say(JSON.stringify([first.getDatabaseService === second.getDatabaseService, services[0] === services[1]]));
       await services[0].close();`,
      directory.file('orders.db'),
    );
    expect(JSON.parse(await other.hear())).toEqual([false, true]);
  });

  it('refuse to misread each other when they are of two', async () => {
    await using other = companion(
      `globalThis[Symbol.for('@hive/shared-db')] = { version: 999 };
       const { getDatabaseService, configureDatabaseService, sqlite } = await import('@hive/shared-db');
       const error = await getDatabaseService().catch((error) => error);
       say(JSON.stringify([error.code, error.message]));`,
    );
    const [code, message] = JSON.parse(await other.hear()) as [string, string];
    expect(code).toBe('HIVEDB_E_CONFIG');
    expect(message).toContain('two versions of @hive/shared-db');
    expect(message).toContain('npm ls @hive/shared-db');
  });
});

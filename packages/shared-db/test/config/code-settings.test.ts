import { describe, expect, it } from 'vitest';
import { resolveSettings, type CodeSettings } from '@hive/shared-db/config';
import { refusalOf } from './refusal.ts';

describe('settings in code', () => {
  it('are in milliseconds and bytes', () => {
    const settings = resolveSettings({
      code: {
        dataDirectory: 'data',
        presence: false,
        thresholds: { walBytes: 1_048_576, leaseMs: undefined },
        database: { acquireTimeoutMs: 5_000 },
        databases: { orders: { recycleMs: 60_000, required: true, path: undefined } },
      },
      databases: ['orders'],
    });
    expect(settings).toMatchObject({ dataDirectory: 'data', presence: false });
    expect(settings.thresholds).toMatchObject({ walBytes: 1_048_576, leaseMs: 30_000 });
    expect(settings.databases['orders']).toMatchObject({ acquireTimeoutMs: 5_000, recycleMs: 60_000, required: true });
  });

  it.each<[string, unknown]>([
    ['the settings must be a group of settings, not 5', 5],
    ['database.poolSize must be a whole number from 1 to 1000, not 0', { database: { poolSize: 0 } }],
    [
      'database.acquireTimeoutMs must be a whole number of milliseconds from 1 to 3600000, not "5s"',
      { database: { acquireTimeoutMs: '5s' } },
    ],
    [
      'database.recycleMs must be a whole number of milliseconds from 1000 to 604800000, or 0 for never, not -1',
      { database: { recycleMs: -1 } },
    ],
    [
      'thresholds.walBytes must be a whole number of bytes from 4096 to 1099511627776, not "64MiB"',
      { thresholds: { walBytes: '64MiB' } },
    ],
    ['presence must be true or false, not a function', { presence: () => true }],
    ['databases.orders.durability must be full or normal, not 10', { databases: { orders: { durability: 10n } } }],
    ['databases.orders must be a group of settings, not a list', { databases: { orders: [] } }],
    ['poolSize is not a setting; the nearest valid key is database.poolSize', { poolSize: 3 }],
    ['database.pool is not a setting; the nearest valid key is database.poolSize', { database: { pool: { size: 3 } } }],
    [
      'thresholds.walSize is not a setting; the nearest valid key is thresholds.walBytes',
      { thresholds: { walSize: 3 } },
    ],
    [
      'databases.orders.acquireTimeout is not a setting; the nearest valid key is databases.orders.acquireTimeoutMs',
      { databases: { orders: { acquireTimeout: 3 } } },
    ],
    [
      'databases.weather is not a database of this process; the nearest valid key is databases.orders',
      { databases: { weather: {} } },
    ],
    [
      'thresholds.utilisationWarn must be at most database.health.utilisationCritical, which is 0.95 (default), not 0.99',
      { thresholds: { utilisationWarn: 0.99 } },
    ],
    [
      'thresholds.utilisationWarn must be at most thresholds.utilisationCritical, which is 0.5 (code), not 0.9',
      { thresholds: { utilisationWarn: 0.9, utilisationCritical: 0.5 } },
    ],
    [
      'databases.orders.thresholds.utilisationCritical must be at least databases.orders.health.utilisationWarn, which is 0.8 (default), not 0.5',
      { databases: { orders: { thresholds: { utilisationCritical: 0.5 } } } },
    ],
    [
      'databases.orders.thresholds.utilisationWarn must be at most databases.orders.thresholds.utilisationCritical, which is 0.6 (code), not 0.7',
      {
        thresholds: { utilisationWarn: 0.5, utilisationCritical: 0.6 },
        databases: { orders: { thresholds: { utilisationWarn: 0.7 } } },
      },
    ],
    [
      'databases.orders.thresholds.walSize is not a setting; the nearest valid key is databases.orders.thresholds.walBytes',
      { databases: { orders: { thresholds: { walSize: 3 } } } },
    ],
    [
      'databases.orders.thresholds.warnWhenDeprecated is not a setting; the nearest valid key is databases.orders.thresholds.failWhenSaturated',
      { databases: { orders: { thresholds: { warnWhenDeprecated: true } } } },
    ],
  ])('are refused with what was expected: %s', (sentence, code) => {
    expect(refusalOf({ code: code as CodeSettings, databases: ['orders'] }).message).toBe(`code: ${sentence}`);
  });

  it('are refused where a database has no valid name', () => {
    expect(refusalOf({ databases: ['Orders'] }).message).toBe(
      'code: databases must be names such as orders or orders-2, not "Orders"',
    );
  });
});

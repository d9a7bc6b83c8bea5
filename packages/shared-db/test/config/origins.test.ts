import { describe, expect, it } from 'vitest';
import { DEFAULT_DATABASE_THRESHOLDS } from '@hive/shared-db/health';
import { describeOrigins, resolveSettings, type SettingOrigin } from '@hive/shared-db/config';

const settings = resolveSettings({
  code: {
    presence: false,
    database: { durability: 'normal' },
    databases: { orders: { path: 'orders.db', budgets: { web: { reserved: 2 } } } },
  },
  file: {
    path: 'config/settings.yaml',
    text: 'database:\n  health:\n    walSize: 96MiB\ndatabases:\n  orders:\n    pool:\n      acquireTimeout: 90\n',
  },
  env: { DB_POOL_SIZE: '8', DB_ORDERS__MAX_OVERFLOW: '2' },
  databases: ['orders', 'hive-bus'],
});

/** Every value of the settings, however deep, except the origins. */
function leavesOf(value: unknown): readonly unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leavesOf) : [value];
}

function inOrder(values: readonly unknown[]): readonly string[] {
  return values.map(String).toSorted();
}

function row(key: string, value: string | undefined): SettingOrigin {
  return { key, value, unit: undefined, origin: 'code' };
}

describe('origins', () => {
  it('tell every effective value, once', () => {
    const { origins, profile: _profile, ...values } = settings;
    expect(inOrder(origins.map(({ value }) => value))).toEqual(inOrder(leavesOf(values)));
    expect(new Set(origins.map(({ key }) => key)).size).toBe(origins.length);
  });

  it('name the place that decided each value', () => {
    const decided = settings.origins.filter(({ origin }) => origin !== 'default');
    expect(decided.map(({ key, value, unit, origin }) => [key, value, unit, origin])).toEqual([
      ['database.presence', false, undefined, 'code'],
      ['database.health.walSize', 100_663_296, 'bytes', 'config/settings.yaml:3'],
      ['database.pool.size', 8, undefined, 'environment DB_POOL_SIZE'],
      ['database.durability', 'normal', undefined, 'code'],
      ['databases.orders.pool.size', 8, undefined, 'environment DB_POOL_SIZE'],
      ['databases.orders.pool.maxOverflow', 2, undefined, 'environment DB_ORDERS__MAX_OVERFLOW'],
      ['databases.orders.pool.acquireTimeout', 90_000, 'ms', 'config/settings.yaml:7'],
      ['databases.orders.durability', 'normal', undefined, 'code'],
      ['databases.orders.path', 'orders.db', undefined, 'code'],
      ['databases.orders.health.walSize', 100_663_296, 'bytes', 'config/settings.yaml:3'],
      ['databases.orders.pool.budgets.web.reserved', 2, undefined, 'code'],
      ['databases.hive-bus.pool.size', 8, undefined, 'environment DB_POOL_SIZE'],
      ['databases.hive-bus.durability', 'normal', undefined, 'code'],
      ['databases.hive-bus.health.walSize', 100_663_296, 'bytes', 'config/settings.yaml:3'],
    ]);
  });

  it('are described as a settings file would write them', () => {
    const described = new Map(describeOrigins(settings).map((row) => [row.key, row]));
    expect(described.size).toBe(settings.origins.length);
    expect(described.get('databases.orders.pool.acquireTimeout')).toEqual({
      key: 'databases.orders.pool.acquireTimeout',
      value: '90s',
      origin: 'config/settings.yaml:7',
    });
    expect(described.get('database.health.walSize')?.value).toBe('96MiB');
    expect(described.get('database.pool.recycle')?.value).toBe('0s');
    expect(described.get('database.dataDirectory')?.value).toBe('');
  });

  it('are described without secrets', () => {
    const origins = [
      row('databases.x.password', 'hunter2'),
      row('databases.x.apiToken', 'k'),
      row('a.secret', undefined),
    ];
    expect(describeOrigins({ origins }).map(({ value }) => value)).toEqual(['***', '***', '']);
  });

  it('and values are frozen all through', () => {
    const { budgets: all = {} } = settings.databases['orders'] ?? {};
    const budgets = [all, ...Object.values(all)];
    const parts = [settings, settings.database, settings.databases, settings.thresholds, settings.origins];
    expect(
      [...parts, ...Object.values(settings.databases), ...budgets, ...settings.origins].every(Object.isFrozen),
    ).toBe(true);
  });
});

describe('defaults', () => {
  it('are four readers, no overflow, ten seconds, no recycling, full durability', () => {
    const { databases, thresholds, ...rest } = resolveSettings({ databases: ['orders'] });
    expect(databases['orders']).toEqual({
      poolSize: 4,
      maxOverflow: 0,
      initialSize: 0,
      acquireTimeoutMs: 10_000,
      recycleMs: 0,
      leakAfterMs: undefined,
      captureEvery: 0,
      captureApartMs: 1,
      echo: false,
      durability: 'full',
      required: false,
      path: undefined,
      thresholds: DEFAULT_DATABASE_THRESHOLDS,
      autoSize: { min: undefined, max: undefined },
      budgets: {},
      echoStatements: false,
    });
    expect(thresholds).toMatchObject({ utilisationWarn: 0.8, utilisationCritical: 0.95, failWhenSaturated: false });
    expect(rest).toMatchObject({
      dataDirectory: undefined,
      runtimeDirectory: undefined,
      presence: true,
      healthDetails: 'when-authorized',
    });
  });
});

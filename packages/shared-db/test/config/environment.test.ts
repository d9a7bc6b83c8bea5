import { describe, expect, it } from 'vitest';
import { DEFAULT_DATABASE_THRESHOLDS } from '@hive/shared-db/health';
import { resolveSettings, type ResolvedSettings, type TextFile } from '@hive/shared-db/config';
import { refusalOf, sentencesOf } from './refusal.ts';

function resolved(
  env: Readonly<Record<string, string | undefined>>,
  databases = ['orders', 'hive-bus'],
): ResolvedSettings {
  return resolveSettings({ env, databases });
}

function refusal(env: Readonly<Record<string, string>>, databases = ['orders', 'hive-bus']): string {
  return refusalOf({ env, databases }).message;
}

describe('the environment', () => {
  it('sets all databases', () => {
    const { database, databases } = resolved({
      DB_POOL_SIZE: '8',
      DB_MAX_OVERFLOW: '15',
      DB_POOL_INITIAL: '2',
      DB_POOL_TIMEOUT: '5',
      DB_POOL_RECYCLE: '180',
      DB_POOL_LEAK_AFTER: '1m',
      DB_POOL_CAPTURE_EVERY: '16',
      DB_POOL_CAPTURE_APART: '20ms',
      DB_POOL_AUTO_SIZE_MIN: '2',
      DB_POOL_AUTO_SIZE_MAX: '16',
      DB_ECHO_POOL: 'true',
      DB_ECHO: 'debug',
      DB_DURABILITY: 'normal',
    });
    const expected = {
      poolSize: 8,
      maxOverflow: 15,
      initialSize: 2,
      acquireTimeoutMs: 5_000,
      recycleMs: 180_000,
      leakAfterMs: 60_000,
      captureEvery: 16,
      captureApartMs: 20,
      echo: true,
      autoSize: { min: 2, max: 16 },
      echoStatements: 'debug',
      durability: 'normal',
    };
    expect(database).toEqual(expected);
    expect(databases['orders']).toMatchObject(expected);
  });

  it('sets one database', () => {
    const { databases } = resolved({
      DB_HIVE_BUS__POOL_SIZE: '3',
      DB_HIVE_BUS__MAX_OVERFLOW: '2',
      DB_HIVE_BUS__POOL_INITIAL: '1',
      DB_HIVE_BUS__POOL_TIMEOUT: '250ms',
      DB_HIVE_BUS__POOL_RECYCLE: '1h',
      DB_HIVE_BUS__POOL_LEAK_AFTER: '90',
      DB_HIVE_BUS__POOL_CAPTURE_EVERY: '1',
      DB_HIVE_BUS__POOL_CAPTURE_APART: '0',
      DB_HIVE_BUS__ECHO_POOL: 'debug',
      DB_HIVE_BUS__DURABILITY: 'normal',
      DB_HIVE_BUS__REQUIRED: 'true',
      DB_HIVE_BUS__PATH: '1984',
    });
    expect(databases['hive-bus']).toEqual({
      poolSize: 3,
      maxOverflow: 2,
      initialSize: 1,
      acquireTimeoutMs: 250,
      recycleMs: 3_600_000,
      leakAfterMs: 90_000,
      captureEvery: 1,
      captureApartMs: 0,
      echo: 'debug',
      durability: 'normal',
      required: true,
      path: '1984',
      thresholds: DEFAULT_DATABASE_THRESHOLDS,
      autoSize: { min: undefined, max: undefined },
      budgets: {},
      echoStatements: false,
    });
    expect(databases['orders']).toMatchObject({ poolSize: 4, path: undefined });
  });

  it.each(['-1', '0'])('switches recycling off with %s', (text) => {
    expect(resolved({ DB_POOL_RECYCLE: text }).database.recycleMs).toBe(0);
  });

  it('sets the runtime directory', () => {
    expect(resolved({ HIVE_RUNTIME_DIR: '/run/hive' }).runtimeDirectory).toBe('/run/hive');
  });

  it('may hold what is none of our business', () => {
    const settings = resolved({
      DB_HOST: 'db.example',
      DB_PASSWORD: 'hunter2',
      DB_PATH: '/x',
      DB_WEATHER__HOST: 'db.example',
      DATABASE_URL: 'postgres://',
      HIVE_HOME: '/x',
      DB_POOL_SIZE: undefined,
    });
    expect(settings.origins.every(({ origin }) => origin === 'default')).toBe(true);
  });

  it('tells databases apart whose names begin alike', () => {
    const { databases } = resolved({ DB_A__B__POOL_SIZE: '3' }, ['a', 'a__b', 'pool', 'constructor']);
    expect(databases).toMatchObject({ a: { poolSize: 4 }, a__b: { poolSize: 3 } });
    expect(resolved({ DB_POOL__POOL_SIZE: '3' }, ['pool']).databases['pool']?.poolSize).toBe(3);
    expect(resolved({ DB_CONSTRUCTOR__POOL_SIZE: '3' }, ['constructor']).databases['constructor']?.poolSize).toBe(3);
  });
});

describe('a wrong variable', () => {
  const count = 'a whole number from 1 to 1000';

  it.each([
    ['DB_POOL_SIZE', 'many', count, '"many"'],
    ['DB_POOL_SIZE', '', count, '""'],
    ['DB_POOL_SIZE', '8\r', count, '"8\\r"'],
    ['DB_POOL_SIZE', '1e2', count, '"1e2"'],
    ['DB_POOL_SIZE', '8.5', count, '8.5'],
    ['DB_POOL_SIZE', 'true', count, 'true'],
    ['DB_MAX_OVERFLOW', '-1', 'a whole number from 0 to 1000', '-1'],
    ['DB_POOL_TIMEOUT', '0', 'a duration from 1ms to 1h, such as 250ms, 5s or 10 (seconds)', '0'],
    ['DB_POOL_RECYCLE', '-2', 'a duration from 1s to 168h, such as 30m or 1800 (seconds), or 0 or -1 for never', '-2'],
    ['DB_ECHO_POOL', 'yes', 'true, false or debug', '"yes"'],
    ['DB_DURABILITY', 'none', 'full or normal', '"none"'],
    ['DB_ORDERS__POOL_SIZE', '0', count, '0'],
    ['DB_ORDERS__REQUIRED', '1', 'true or false', '1'],
    ['DB_ORDERS__PATH', '', 'a path', '""'],
    ['HIVE_RUNTIME_DIR', 'run', 'an absolute path', '"run"'],
    ['HIVE_RUNTIME_DIR', '', 'an absolute path', '""'],
  ])('is refused with what was expected: %s=%j', (name, text, expected, value) => {
    expect(refusal({ [name]: text })).toBe(`environment: ${name} must be ${expected}, not ${value}`);
  });

  it.each([
    ['DB_POOL_SISE', 'DB_POOL_SIZE'],
    ['DB_POOL_MAX', 'DB_POOL_SIZE'],
    ['DB_MAX_OVERFLOWS', 'DB_MAX_OVERFLOW'],
    ['DB_MAX_CONNECTIONS', 'DB_MAX_OVERFLOW'],
    ['DB_ECHO_POOLS', 'DB_ECHO_POOL'],
    ['DB_DURABILTY', 'DB_DURABILITY'],
    ['DB_POOLSIZE', 'DB_POOL_SIZE'],
    ['db_pool_size', 'DB_POOL_SIZE'],
    ['DB_ORDERS__POOL_SISE', 'DB_ORDERS__POOL_SIZE'],
    ['DB_ORDERS__HOST', 'DB_ORDERS__ECHO'],
    ['DB_ORDRES__POOL_SIZE', 'DB_ORDERS__POOL_SIZE'],
    ['DB_HIVEBUS__PATH', 'DB_HIVE_BUS__PATH'],
    ['DB_POOL_SISE_FILE', 'DB_POOL_SIZE'],
    ['HIVE_RUNTIME_DIRS', 'HIVE_RUNTIME_DIR'],
    ['HIVE_RUNTIME_DIRECTORY', 'HIVE_RUNTIME_DIR'],
    ['HIVE_RUNTIME_PATH', 'HIVE_RUNTIME_DIR'],
  ])('is refused with the nearest one: %s', (name, nearest) => {
    expect(refusal({ [name]: '8' })).toBe(`environment: ${name} is not a setting; the nearest valid key is ${nearest}`);
  });

  const STRANGE = 'is for a database that neither this process nor its settings file has';

  it.each([
    ['DB_NOPE__POOL_SIZE', 'DB_ORDERS__POOL_SIZE'],
    ['DB_NOPE__POOL_SIZE_FILE', 'DB_ORDERS__POOL_SIZE'],
    ['DB_BUS__ECHO', 'DB_HIVE_BUS__ECHO'],
    ['DB_WEATHER__REQUIRED', 'DB_ORDERS__REQUIRED'],
    ['DB_A__B__PATH', 'DB_ORDERS__PATH'],
  ])('is refused where nobody has its database, with the nearest one: %s', (name, nearest) => {
    expect(refusal({ [name]: '8' })).toBe(`environment: ${name} ${STRANGE}; the nearest valid key is ${nearest}`);
  });

  it.each(['DB_TENANT_ACME__POOL_SIZE', 'DB_TENANT_A__ECHO', 'DB_TENANT_A__POOL_SIZE_FILE'])(
    'is refused where a pattern of ours stands for its database, and no settings file names that: %s',
    (name) => {
      expect(refusal({ [name]: '8' }, ['orders', 'tenant-*', 'old-*-x'])).toBe(
        `environment: ${name} is for a database of tenant-*, and which one cannot be read from a variable; name it in the settings file first, below databases`,
      );
    },
  );

  it('is for somebody else where that database is one of another process', () => {
    const env = { DB_TENANT_ACME__POOL_SIZE: 'many' };
    for (const otherDatabases of [['tenant-acme'], 'any'] as const)
      expect(resolveSettings({ env, databases: ['tenant-*'], otherDatabases }).databases).toHaveProperty('tenant-*');
    // Nothing that we know is said of it.
    const unknown = { DB_TENANT_ACME__HOST: 'x' };
    expect(resolveSettings({ env: unknown, databases: ['tenant-*'] }).databases).toHaveProperty('tenant-*');
  });

  it('is for somebody else where another process has its database: one that code or the settings file names', () => {
    const env = { DB_WEATHER__POOL_SIZE: 'many' };
    const named = [
      { otherDatabases: ['weather'] },
      { otherDatabases: 'any' as const },
      { file: { path: 'settings.yaml', text: 'databases: { weather: }' } },
      { file: { path: 'settings.yaml', text: 'profiles: { test: { databases: { weather: } } }' } },
    ];
    for (const sources of named)
      expect(resolveSettings({ env, databases: ['orders'], ...sources }).databases['orders']?.poolSize).toBe(4);
    expect(refusalOf({ env, otherDatabases: ['wether'] }).message).toContain(`DB_WEATHER__POOL_SIZE ${STRANGE}`);
  });

  it('is refused with the nearest one where a slip for the database of another process is', () => {
    const env = { DB_WETHAER__POOL_SIZE: '8', DB_WETHAER__PATH_FILE: '/x' };
    const sentences = sentencesOf(refusalOf({ env, otherDatabases: ['weather', 'news'] }));
    expect(sentences).toEqual([
      `environment: DB_WETHAER__PATH_FILE ${STRANGE}; the nearest valid key is DB_WEATHER__PATH`,
      `environment: DB_WETHAER__POOL_SIZE ${STRANGE}; the nearest valid key is DB_WEATHER__POOL_SIZE`,
    ]);
  });

  it('is not blamed for a database that a broken settings file may name', () => {
    const file = { path: 'settings.yaml', text: 'databases: { weather: ' };
    expect(sentencesOf(refusalOf({ env: { DB_WEATHER__POOL_SIZE: '8' }, file }))).toHaveLength(1);
  });

  it('is refused where it could be for two databases', () => {
    expect(refusal({ DB_A_B__PATH: 'x' }, ['a-b', 'a_b'])).toBe(
      'environment: DB_A_B__PATH could be for a-b or a_b, expected names that differ',
    );
  });

  it('is reported together with all others', () => {
    expect(sentencesOf(refusalOf({ env: { DB_POOL_SIZE: 'x', DB_POOL_SISE: '1', DB_ECHO_POOL: 'y' } }))).toEqual([
      'environment: DB_POOL_SISE is not a setting; the nearest valid key is DB_POOL_SIZE',
      'environment: DB_POOL_SIZE must be a whole number from 1 to 1000, not "x"',
      'environment: DB_ECHO_POOL must be true, false or debug, not "y"',
    ]);
  });
});

describe('a variable that names a file', () => {
  const files: Readonly<Record<string, TextFile>> = {
    '/run/secrets/size': { text: ' 6\n' },
    '/run/secrets/password': { text: 'hunter2\n' },
    '/run/secrets': { fault: 'is a directory' },
  };
  const readText = (path: string): TextFile => files[path] ?? { missing: true };

  it('gives what the file holds', () => {
    const settings = resolveSettings({
      env: { DB_POOL_SIZE_FILE: '/run/secrets/size', DB_ORDERS__MAX_OVERFLOW_FILE: '/run/secrets/size' },
      databases: ['orders'],
      readText,
    });
    expect(settings.databases['orders']).toMatchObject({ poolSize: 6, maxOverflow: 6 });
    expect(settings.origins.find(({ key }) => key === 'database.pool.size')).toEqual({
      key: 'database.pool.size',
      value: 6,
      unit: undefined,
      origin: 'file /run/secrets/size (DB_POOL_SIZE_FILE)',
    });
  });

  it.each([
    [
      '/run/nothing',
      'environment: DB_POOL_SIZE_FILE must name a readable text file, but "/run/nothing" does not exist',
    ],
    [
      '/run/secrets',
      'environment: DB_POOL_SIZE_FILE must name a readable text file, but "/run/secrets" is a directory',
    ],
    [
      '/run/secrets/password',
      'file /run/secrets/password (DB_POOL_SIZE_FILE): DB_POOL_SIZE must be a whole number from 1 to 1000, not what it holds',
    ],
  ])('is refused without a word of what it holds: %s', (path, sentence) => {
    expect(refusalOf({ env: { DB_POOL_SIZE_FILE: path }, readText }).message).toBe(sentence);
  });

  it('is refused beside the variable that it stands for', () => {
    expect(refusalOf({ env: { DB_POOL_SIZE: '3', DB_POOL_SIZE_FILE: '/run/secrets/size' }, readText }).message).toBe(
      'environment: DB_POOL_SIZE and DB_POOL_SIZE_FILE are both set, expected one of them',
    );
  });
});

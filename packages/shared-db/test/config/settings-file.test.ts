import { describe, expect, it } from 'vitest';
import { resolveSettings, type ResolvedSettings } from '@hive/shared-db/config';
import { refusalOf, sentencesOf } from './refusal.ts';

function resolved(text: string, databases: readonly string[] = ['orders', 'hive-bus']): ResolvedSettings {
  return resolveSettings({ file: { path: 'settings.yaml', text }, databases });
}

function refusal(text: string): string {
  return refusalOf({ file: { path: 'settings.yaml', text } }).message;
}

const NAME_RULE =
  'is not a valid name, expected a lower-case letter and then at most 62 lower-case letters, digits, hyphens or underscores';
const INVALID = 'the file must be valid YAML, but';

describe('a settings file', () => {
  it('sets the process, all databases and single ones', () => {
    const settings = resolved(`
database:
  dataDirectory: data
  runtimeDirectory: /run/hive
  presence: false
  durability: normal
  pool:
    size: 20
    maxOverflow: 40
    acquireTimeout: 30
    recycle: 1800
    leakAfter: 2m
    echo: debug
  health:
    utilisationWarn: 0.7
    utilisationCritical: 0.9
    failWhenSaturated: true
    oldestWait: 250ms
    leaseAge: 1m
    walSize: 128MiB
    slowStatement: 20ms
    timeoutShare: 0
    warnWhenDeprecated: true
    acquireFactor: 5
    acquireFloor: 20ms
    errorShare: 0.2
    recyclesPerMinute: 60
    suspectedLeaks: 5
    blockedShare: 0.3
    details: always
databases:
  orders:
    path: data/orders.db
    durability: full
    required: true
    pool:
      size: 2
    health:
      utilisationWarn: 0.5
      walSize: 1GiB
`);
    expect(settings).toMatchObject({
      dataDirectory: 'data',
      runtimeDirectory: '/run/hive',
      presence: false,
      healthDetails: 'always',
    });
    expect(settings.thresholds).toEqual({
      utilisationWarn: 0.7,
      utilisationCritical: 0.9,
      failWhenSaturated: true,
      oldestWaitMs: 250,
      leaseMs: 60_000,
      walBytes: 134_217_728,
      slowStatementMs: 20,
      timeoutShare: 0,
      warnWhenDeprecated: true,
      acquireFactor: 5,
      acquireFloorMs: 20,
      errorShare: 0.2,
      recyclesPerMinute: 60,
      suspectedLeaks: 5,
      blockedShare: 0.3,
    });
    const { warnWhenDeprecated: _, blockedShare: __, ...ofDatabases } = settings.thresholds;
    const unsaid = { autoSize: { min: undefined, max: undefined }, echoStatements: false };
    const waiting = { poolSize: 20, maxOverflow: 40, initialSize: 0, acquireTimeoutMs: 30_000, recycleMs: 1_800_000 };
    const shared = { ...waiting, leakAfterMs: 120_000, captureEvery: 0, captureApartMs: 1, echo: 'debug', ...unsaid };
    expect(settings.database).toEqual({ ...shared, durability: 'normal' });
    expect(settings.databases['hive-bus']).toEqual({
      ...shared,
      durability: 'normal',
      required: false,
      path: undefined,
      thresholds: ofDatabases,
      budgets: {},
    });
    expect(settings.databases['orders']).toEqual({
      ...shared,
      poolSize: 2,
      durability: 'full',
      required: true,
      path: 'data/orders.db',
      thresholds: { ...ofDatabases, utilisationWarn: 0.5, walBytes: 1_073_741_824 },
      budgets: {},
    });
  });

  it.each([
    ['nothing', ''],
    ['only comments', '# nothing yet\n'],
    ['an empty group', 'database:\n  # presence: false\n'],
    ['empty groups in groups', 'database:\n  pool:\ndatabases:\n  orders:\n'],
    ['an empty document', '---\n...\n'],
  ])('may hold %s', (_, text) => {
    expect(resolved(text).origins.every(({ origin }) => origin === 'default')).toBe(true);
  });

  it.each([
    ['Windows line ends', 'database:\r\n  pool:\r\n    size: 7\r\n'],
    ['a byte order mark', '\uFEFFdatabase:\n  pool:\n    size: 7\n'],
    ['JSON', '{"database": {\n"pool": {\n"size": 7}}}'],
  ])('may be written with %s', (_, text) => {
    const { database, origins } = resolved(text);
    expect(database.poolSize).toBe(7);
    expect(origins.find(({ key }) => key === 'database.pool.size')?.origin).toBe('settings.yaml:3');
  });

  it('may say a thing once and mean it twice', () => {
    const settings = resolved('databases:\n  orders: &large\n    pool: { size: 9 }\n  hive-bus: *large\n');
    expect(settings.databases['hive-bus']?.poolSize).toBe(9);
  });

  it('may speak of the databases of other processes', () => {
    const settings = resolved('databases:\n  weather:\n    pool: { size: 9 }\n');
    expect(Object.keys(settings.databases)).toEqual(['orders', 'hive-bus']);
  });

  it('tells names apart that differ in a digit, or that are all known', () => {
    expect(resolved('databases: { shard2: { required: true } }', ['shard1']).databases['shard1']?.required).toBe(false);
    expect(resolved('databases: { order: { required: true } }', ['order', 'orders']).databases).toMatchObject({
      order: { required: true },
      orders: { required: false },
    });
  });

  it('may name a database like something that every object has', () => {
    const settings = resolved('databases: { constructor: { pool: { size: 3 } } }', ['constructor']);
    expect(settings.databases['constructor']?.poolSize).toBe(3);
    expect(resolved('').databases['constructor']).toBeUndefined();
  });
});

describe('an unknown key in a settings file', () => {
  it.each([
    ['databse: {}', 1, 'databse', 'database'],
    ['pool: { size: 3 }', 1, 'pool', 'database.pool'],
    ['database:\n  sise: 3', 2, 'database.sise', 'database.pool.size'],
    ['database:\n  pool:\n  size: 4', 3, 'database.size', 'database.pool.size'],
    ['database:\n  pool:\n    sise: 4', 3, 'database.pool.sise', 'database.pool.size'],
    ['database:\n  pool:\n    timeout: 4', 3, 'database.pool.timeout', 'database.pool.acquireTimeout'],
    [
      'database:\n  pool:\n    acquireTimeoutMs: 4',
      3,
      'database.pool.acquireTimeoutMs',
      'database.pool.acquireTimeout',
    ],
    ['database:\n  health:\n    wal_size: 4', 3, 'database.health.wal_size', 'database.health.walSize'],
    ['database:\n  databases: {}', 2, 'database.databases', 'databases'],
    ['database:\n  required: true', 2, 'database.required', 'databases.orders.required'],
    ['databases:\n  orders:\n    durable: full', 3, 'databases.orders.durable', 'databases.orders.durability'],
    ['databases:\n  weather:\n    pth: x', 3, 'databases.weather.pth', 'databases.weather.path'],
    ['databases:\n  ordrs: {}', 2, 'databases.ordrs', 'databases.orders'],
    ['"database.presence": false', 1, '"database.presence"', 'database.presence'],
    ['database:\n  "si\\nze": 4', 2, 'database."si\\nze"', 'database.pool.size'],
  ])('is refused with the nearest one: %j', (text, line, key, nearest) => {
    const what = key === 'databases.ordrs' ? 'is not a database of this process' : 'is not a setting';
    expect(refusal(text)).toBe(`settings.yaml:${line}: ${key} ${what}; the nearest valid key is ${nearest}`);
  });

  it('is refused even where objects hide it', () => {
    expect(refusal('__proto__: { presence: false }')).toMatch(/^settings\.yaml:1: __proto__ is not a setting; /);
    expect(refusal('databases:\n  __proto__: { required: true }')).toBe(
      `settings.yaml:2: databases.__proto__ ${NAME_RULE}; the nearest valid key is databases.orders`,
    );
  });

  it('of an earlier system is refused with its new name', () => {
    const text = [
      'database:',
      '  pool_size: 20',
      '  max_overflow: 40',
      '  pool_timeout: 30',
      '  pool_recycle: 1800',
      '  pool_pre_ping: true',
    ];
    const error = refusalOf({ file: { path: 'settings.yaml', text: text.join('\n') } });
    expect(error.message).toBe(
      'settings.yaml:2: database.pool_size is not a setting; the nearest valid key is database.pool.size; 4 more settings are wrong',
    );
    expect(sentencesOf(error)).toEqual([
      'settings.yaml:2: database.pool_size is not a setting; the nearest valid key is database.pool.size',
      'settings.yaml:3: database.max_overflow is not a setting; the nearest valid key is database.pool.maxOverflow',
      'settings.yaml:4: database.pool_timeout is not a setting; the nearest valid key is database.pool.acquireTimeout',
      'settings.yaml:5: database.pool_recycle is not a setting; the nearest valid key is database.pool.recycle',
      'settings.yaml:6: database.pool_pre_ping is not a setting; remove it, for a connection that lay idle is always checked before use',
    ]);
    expect(refusal('providers:\n  database:\n    pool_size: 20\n')).toBe(
      'settings.yaml:1: providers is not a setting; the nearest valid key is database',
    );
    expect(refusal('databases:\n  orders:\n    pool_timeout: 30\n')).toBe(
      'settings.yaml:3: databases.orders.pool_timeout is not a setting; the nearest valid key is databases.orders.pool.acquireTimeout',
    );
  });
});

describe('a wrong value in a settings file', () => {
  const wait = 'a duration from 1ms to 1h, such as 250ms, 5s or 10 (seconds)';
  const count = 'a whole number from 1 to 1000';
  const never = 'a duration from 1s to 168h, such as 30m or 1800 (seconds), or 0 or -1 for never';

  it.each([
    ['pool: { size: many }', 'pool.size', count, '"many"'],
    ['pool: { size: "4" }', 'pool.size', count, '"4"'],
    ['pool: { size: 0 }', 'pool.size', count, '0'],
    ['pool: { size: 1001 }', 'pool.size', count, '1001'],
    ['pool: { size: 1.5 }', 'pool.size', count, '1.5'],
    ['pool: { size: .nan }', 'pool.size', count, 'NaN'],
    ['pool: { size: .inf }', 'pool.size', count, 'Infinity'],
    ['pool: { size: 99999999999999999999 }', 'pool.size', count, '100000000000000000000'],
    ['pool: { size: }', 'pool.size', count, 'empty'],
    ['pool: { size: [4] }', 'pool.size', count, 'a list'],
    ['pool: { size: { of: 4 } }', 'pool.size', count, 'a group of settings'],
    ['pool: { maxOverflow: -1 }', 'pool.maxOverflow', 'a whole number from 0 to 1000', '-1'],
    ['pool: { acquireTimeout: 0 }', 'pool.acquireTimeout', wait, '0'],
    ['pool: { acquireTimeout: 2h }', 'pool.acquireTimeout', wait, '"2h"'],
    ['pool: { acquireTimeout: 5 s }', 'pool.acquireTimeout', wait, '"5 s"'],
    ['pool: { acquireTimeout: 5S }', 'pool.acquireTimeout', wait, '"5S"'],
    ['pool: { acquireTimeout: 0.0015 }', 'pool.acquireTimeout', wait, '0.0015'],
    ['pool: { acquireTimeout: -5s }', 'pool.acquireTimeout', wait, '"-5s"'],
    ['pool: { recycle: -2 }', 'pool.recycle', never, '-2'],
    ['pool: { recycle: -0.5 }', 'pool.recycle', never, '-0.5'],
    ['pool: { recycle: 10ms }', 'pool.recycle', never, '"10ms"'],
    ['pool: { recycle: never }', 'pool.recycle', never, '"never"'],
    ['pool: { echo: yes }', 'pool.echo', 'true, false or debug', '"yes"'],
    ['durability: ful', 'durability', 'full or normal', '"ful"'],
    ['dataDirectory: ""', 'dataDirectory', 'a path', '""'],
    ['dataDirectory: "a\\0b"', 'dataDirectory', 'a path', '"a\\u0000b"'],
    ['dataDirectory: 5', 'dataDirectory', 'a path', '5'],
    ['runtimeDirectory: run', 'runtimeDirectory', 'an absolute path', '"run"'],
    ['presence: on', 'presence', 'true or false', '"on"'],
    ['health: { utilisationWarn: 80 }', 'health.utilisationWarn', 'a share from 0 to 1, such as 0.8', '80'],
    ['health: { walSize: 64MB }', 'health.walSize', 'a size from 4KiB to 1TiB, such as 64MiB', '"64MB"'],
    ['health: { walSize: 1B }', 'health.walSize', 'a size from 4KiB to 1TiB, such as 64MiB', '"1B"'],
    ['health: { details: some }', 'health.details', 'never, when-authorized or always', '"some"'],
    ['pool: 4', 'pool', 'a group of settings', '4'],
    ['pool: [4]', 'pool', 'a group of settings', 'a list'],
  ])('is refused with what was expected: %s', (text, key, expected, value) => {
    expect(refusal(`database:\n  ${text}\n`)).toBe(
      `settings.yaml:2: database.${key} must be ${expected}, not ${value}`,
    );
  });

  it('is cut short where it is long', () => {
    expect(refusal(`database: { durability: ${'x'.repeat(1_000)} }`)).toBe(
      `settings.yaml:1: database.durability must be full or normal, not "${'x'.repeat(57)}..."`,
    );
  });

  it.each([
    ['database: 4', 'database', '4'],
    ['databases: [orders]', 'databases', 'a list'],
    ['databases: { orders: 4 }', 'databases.orders', '4'],
    ['- 1', 'the file', 'a list'],
    ['hello', 'the file', '"hello"'],
    ['42', 'the file', '42'],
  ])('may stand for a whole group: %s', (text, key, value) => {
    expect(refusal(text)).toBe(`settings.yaml:1: ${key} must be a group of settings, not ${value}`);
  });

  it.each(['Orders', '9', 'or.ders', 'o'.repeat(64)])('may be the name of a database: %s', (name) => {
    const spelled = name.includes('.') ? JSON.stringify(name) : name;
    expect(refusal(`databases:\n  ${name}: {}`)).toMatch(`settings.yaml:2: databases.${spelled} ${NAME_RULE}; `);
  });

  it('is refused where another value contradicts it, at the one that somebody set', () => {
    expect(refusal('database:\n  health:\n    utilisationWarn: 0.99\n')).toBe(
      'settings.yaml:3: database.health.utilisationWarn must be at most database.health.utilisationCritical, which is 0.95 (default), not 0.99',
    );
    expect(refusal('database:\n  health:\n    utilisationCritical: 0.5\n')).toBe(
      'settings.yaml:3: database.health.utilisationCritical must be at least database.health.utilisationWarn, which is 0.8 (default), not 0.5',
    );
  });

  it('is reported together with all others, in the order of the lines', () => {
    const error = refusalOf({
      file: {
        path: 'settings.yaml',
        text: 'databases:\n  orders: { pth: x }\ndatabase:\n  presence: 1\n  durability: 2\n',
      },
    });
    expect(sentencesOf(error)).toEqual([
      'settings.yaml:2: databases.orders.pth is not a setting; the nearest valid key is databases.orders.path',
      'settings.yaml:4: database.presence must be true or false, not 1',
      'settings.yaml:5: database.durability must be full or normal, not 2',
    ]);
  });
});

describe('a settings file that is not YAML', () => {
  it.each([
    [
      'a syntax error',
      'database:\n  pool: {size: 4\n',
      `3: ${INVALID} flow map in block collection must be sufficiently indented and end with a }`,
    ],
    ['a tab', 'database:\n\tpresence: true', `2: ${INVALID} tabs are not allowed as indentation`],
    ['a tag', 'database: !secret x', `1: ${INVALID} unresolved tag: !secret`],
    ['a set', 'database: !!set { presence }', `1: ${INVALID} unresolved tag: tag:yaml.org,2002:set`],
    ['a date', 'database: !!timestamp 2001-01-01', `1: ${INVALID} unresolved tag: tag:yaml.org,2002:timestamp`],
    ['another version', '%YAML 1.1\n---\ndatabase: {}', `1: ${INVALID} it says that it is 1.1, expected 1.2`],
    ['an alias of nothing', 'database:\n  pool: *large', `2: ${INVALID} *large has no anchor before it`],
    ['two documents', 'database: {}\n---\ndatabase: {}', `2: ${INVALID} a second document begins here`],
    ['a key that is a list', '? [a]\n: 1', `1: ${INVALID} this key is not plain text`],
    ['a bottomless pit', '['.repeat(20_000), `1: ${INVALID} it is nested too deeply`],
    ['a bomb', bomb(), `1: ${INVALID} it has too many aliases of aliases`],
    [
      'one key twice',
      'database:\n  pool:\n    size: 1\n    size: 2\n',
      '4: database.pool.size is given above already, expected every key once',
    ],
    [
      'one group twice',
      'databases:\n  orders: {}\n  orders: {}\n',
      '3: databases.orders is given above already, expected every key once',
    ],
  ])('is refused in one sentence: %s', (_, text, sentence) => {
    expect(refusal(text)).toBe(`settings.yaml:${sentence}`);
  });
});

function bomb(): string {
  const lines = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
  for (const [one, other] of ['ab', 'bc', 'cd', 'de'].map((pair) => pair.split('')))
    lines.push(`${other}: &${other} [${Array.from({ length: 10 }, () => `*${one}`).join(',')}]`);
  return lines.join('\n');
}

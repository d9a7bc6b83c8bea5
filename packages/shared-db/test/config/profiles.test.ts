import { resolveSettings, type SettingsSources } from '@hive/shared-db/config';
import { describe, expect, it } from 'vitest';
import { refusalOf, sentencesOf } from './refusal.ts';

const TEXT = `
database:
  pool: { size: 6, acquireTimeout: 5s }
databases:
  orders: { pool: { maxOverflow: 2, recycle: 1h } }
profiles:
  production:
    database:
      pool: { size: 20, recycle: 2h }
    databases:
      orders: { durability: full }
  test:
    database: { durability: normal }
  bare:
`;
const file = { path: 'settings.yaml', text: TEXT };

function resolved(sources: Partial<SettingsSources> = {}) {
  return resolveSettings({ file, databases: ['orders'], ...sources });
}

const inFile = () => ({ text: 'test\n' });

/** What a settings file of this text is refused with. */
function wrong(text: string): readonly string[] {
  return sentencesOf(refusalOf({ file: { path: 'settings.yaml', text } }));
}

function originOf(key: string, sources: Partial<SettingsSources>): string | undefined {
  return resolved(sources).origins.find((one) => one.key === key)?.origin;
}

describe('a profile of the settings file', () => {
  it('is chosen by code, or by a variable, which beats code, or by the file that a variable names', () => {
    expect(resolved().profile).toBeUndefined();
    expect(resolved({ profile: 'production' }).profile).toEqual({ name: 'production', origin: 'code' });
    expect(resolved({ profile: 'production', env: { HIVE_PROFILE: 'test' } }).profile).toEqual({
      name: 'test',
      origin: 'environment HIVE_PROFILE',
    });
    expect(resolved({ env: { HIVE_PROFILE_FILE: '/run/profile' }, readText: inFile }).profile).toEqual({
      name: 'test',
      origin: 'file /run/profile (HIVE_PROFILE_FILE)',
    });
    expect(resolved({ profile: 'test' }).database.durability).toBe('normal');
    expect(resolved({ profile: 'bare' }).database).toEqual(resolved().database);
  });

  it('beats the rest of the file, also what that says of one database, and is beaten by the environment', () => {
    const code = { database: { poolSize: 9, durability: 'normal' as const, acquireTimeoutMs: 1 } };
    const settings = resolved({ code, profile: 'production', env: { DB_MAX_OVERFLOW: '7' } });
    expect(settings.databases['orders']).toMatchObject({
      poolSize: 20,
      maxOverflow: 7,
      recycleMs: 7_200_000,
      acquireTimeoutMs: 5_000,
      durability: 'full',
    });
    expect(settings.database.durability).toBe('normal');
  });

  it('is named in the origin of what it says', () => {
    const production = { profile: 'production' };
    expect(originOf('database.pool.size', production)).toBe('settings.yaml:9 (profile production)');
    expect(originOf('databases.orders.pool.recycle', production)).toBe('settings.yaml:9 (profile production)');
    expect(originOf('databases.orders.durability', production)).toBe('settings.yaml:11 (profile production)');
    expect(originOf('database.pool.acquireTimeout', production)).toBe('settings.yaml:3');
    expect(originOf('database.pool.size', {})).toBe('settings.yaml:3');
  });

  it('is none of the business of a process without a settings file, whatever the environment says', () => {
    const settings = resolveSettings({ databases: ['orders'], env: { HIVE_PROFILE: 'production' } });
    expect(settings.profile).toBeUndefined();
  });
});

describe('a profile that there is not', () => {
  const must = 'must be a profile of settings.yaml';

  it.each<[string, Partial<SettingsSources>, string]>([
    [
      'of a variable',
      { env: { HIVE_PROFILE: 'prod' } },
      `environment: HIVE_PROFILE ${must}, not "prod"; the nearest valid key is profiles.production`,
    ],
    ['of code', { profile: 'tests' }, `code: profile ${must}, not "tests"; the nearest valid key is profiles.test`],
    [
      'where the file has none',
      { env: { HIVE_PROFILE: 'test' }, file: { path: 'settings.yaml', text: 'database:' } },
      `environment: HIVE_PROFILE ${must}, which has none, not "test"`,
    ],
    [
      'where there is no file',
      { env: { HIVE_PROFILE: 'test' }, file: { path: 'settings.yaml', text: '', absent: true } },
      `environment: HIVE_PROFILE ${must}, which does not exist, not "test"`,
    ],
    [
      'by a name that is none',
      { env: { HIVE_PROFILE: '' } },
      'environment: HIVE_PROFILE must be the name of a profile, such as production, not ""',
    ],
    [
      'by a name of terminal escapes',
      { env: { HIVE_PROFILE: '\u001b[2J'.repeat(3_000) } },
      `environment: HIVE_PROFILE must be the name of a profile, such as production, not "${String.raw`\u001b[2J`.repeat(14)}\\u001b..."`,
    ],
    [
      'in code by what is no text',
      { profile: 3 as unknown as string },
      'code: profile must be the name of a profile, such as production, not 3',
    ],
    [
      'by a prototype',
      { profile: 'constructor' },
      `code: profile ${must}, not "constructor"; the nearest valid key is profiles.production`,
    ],
    [
      'by two variables',
      { env: { HIVE_PROFILE: 'test', HIVE_PROFILE_FILE: '/run/profile' } },
      'environment: HIVE_PROFILE and HIVE_PROFILE_FILE are both set, expected one of them',
    ],
    [
      'by a file that holds something else',
      { env: { HIVE_PROFILE_FILE: '/run/password' }, readText: () => ({ text: 'Hunter2!' }) },
      'environment: HIVE_PROFILE_FILE must be the name of a profile, such as production, not what "/run/password" holds',
    ],
    [
      'by a slip',
      { env: { HIVE_PROFIL: 'test' } },
      'environment: HIVE_PROFIL is not a setting; the nearest valid key is HIVE_PROFILE',
    ],
  ])('is refused %s', (_, sources, sentence) => {
    expect(refusalOf({ file, ...sources }).message).toBe(sentence);
  });
});

describe('what is wrong in profiles', () => {
  it('is refused with its place and the nearest key, also in profiles that are not chosen', () => {
    expect(
      wrong(
        [
          'profiles:',
          '  test:',
          '    database: { pool: { siz: 3 } }',
          '    databases: { ordres: { pool: { size: 2 } } }',
          '  production:',
          '    database: { pool: { size: many } }',
          '    profiles: { test: }',
          '    databases: { orders: { pool_timeout: 3 } }',
        ].join('\n'),
      ),
    ).toEqual([
      'settings.yaml:3: profiles.test.database.pool.siz is not a setting; the nearest valid key is profiles.test.database.pool.size',
      'settings.yaml:4: profiles.test.databases.ordres is not a database of this process; the nearest valid key is profiles.test.databases.orders',
      'settings.yaml:6: profiles.production.database.pool.size must be a whole number from 1 to 1000, not "many"',
      expect.stringMatching(
        /^settings\.yaml:7: profiles\.production\.profiles is not a setting; the nearest valid key is profiles\.production\./,
      ),
      'settings.yaml:8: profiles.production.databases.orders.pool_timeout is not a setting; the nearest valid key is profiles.production.databases.orders.pool.acquireTimeout',
    ]);
  });

  it.each([
    ['profiles: 3', 'settings.yaml:1: profiles must be a group of profiles by name, not 3'],
    ['profiles: [test]', 'settings.yaml:1: profiles must be a group of profiles by name, not a list'],
    ['profiles: { test: 3 }', 'settings.yaml:1: profiles.test must be a group of settings, not 3'],
    ['profiles: { Test: }', 'settings.yaml:1: profiles.Test is not a valid name, expected a lower-case letter'],
    ['profile: { test: }', 'settings.yaml:1: profile is not a setting; the nearest valid key is profiles'],
    ['profiles: { test: , test: }', 'settings.yaml:1: profiles.test is given above already'],
  ])('is refused as %s', (text, sentence) => {
    expect(wrong(text)[0]?.slice(0, sentence.length)).toBe(sentence);
  });
});

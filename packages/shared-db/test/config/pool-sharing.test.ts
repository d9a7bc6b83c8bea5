import { resolveSettings, type SettingsSources } from '@hive/shared-db/config';
import { describe, expect, it } from 'vitest';
import { refusalOf, sentencesOf } from './refusal.ts';

function orders(text: string, sources: Partial<SettingsSources> = {}) {
  const settings = resolveSettings({ file: { path: 'settings.yaml', text }, databases: ['orders'], ...sources });
  const originOf = (key: string) => settings.origins.find((one) => one.key === `databases.orders.pool.${key}`);
  return { ...settings.databases['orders'], originOf };
}

function refusals(pool: string, sources: Partial<SettingsSources> = {}): readonly string[] {
  const text = `databases:\n  orders:\n    pool:\n      ${pool.replaceAll('\n', '\n      ')}\n`;
  return sentencesOf(refusalOf({ file: { path: 'settings.yaml', text }, databases: ['orders'], ...sources }));
}

describe('budgets in settings', () => {
  it('are what the file says of each over what code says of it, term by term', () => {
    const code = { databases: { orders: { budgets: { web: { reserved: 1, weight: 3 }, idle: {} } } } };
    const text = 'databases: { orders: { pool: { budgets: { web: { reserved: 2 }, batch: { max: 1 }, night: } } } }';
    const { budgets, originOf } = orders(text, { code });
    expect(budgets).toEqual({
      web: { reserved: 2, max: undefined, weight: 3 },
      batch: { reserved: 0, max: 1, weight: 1 },
      night: { reserved: 0, max: undefined, weight: 1 },
      idle: { reserved: 0, max: undefined, weight: 1 },
    });
    expect(originOf('budgets.web.reserved')).toMatchObject({ value: 2, origin: 'settings.yaml:1' });
    expect(originOf('budgets.web.weight')).toMatchObject({ value: 3, origin: 'code' });
    expect(originOf('budgets.night.reserved')).toMatchObject({ value: 0, origin: 'default' });
  });

  it('may differ from profile to profile', () => {
    const text = [
      'databases: { orders: { pool: { budgets: { web: { reserved: 1 } } } } }',
      'profiles: { test: { databases: { orders: { pool: { budgets: { web: { reserved: 3 }, batch: } } } } } }',
    ].join('\n');
    expect(Object.keys(orders(text).budgets ?? {})).toEqual(['web']);
    const { budgets, originOf } = orders(text, { profile: 'test' });
    expect(budgets).toMatchObject({ web: { reserved: 3 }, batch: { reserved: 0 } });
    expect(originOf('budgets.web.reserved')?.origin).toBe('settings.yaml:2 (profile test)');
  });

  it.each([
    ['budgets: 3', 'settings.yaml:4: databases.orders.pool.budgets must be a group of settings, not 3'],
    ['budgets: [web]', 'settings.yaml:4: databases.orders.pool.budgets must be a group of settings, not a list'],
    ['budgets: { web: 3 }', 'settings.yaml:4: databases.orders.pool.budgets.web must be a group of settings, not 3'],
    [
      'budgets: { web: { reserve: 3 } }',
      'settings.yaml:4: databases.orders.pool.budgets.web.reserve is not a setting; the nearest valid key is databases.orders.pool.budgets.web.reserved',
    ],
    [
      'budgets: { web: { weight: 0 } }',
      'settings.yaml:4: databases.orders.pool.budgets.web.weight must be a number from 0.01 to 1000, not 0',
    ],
    [
      'budgets: { web: { max: 0 } }',
      'settings.yaml:4: databases.orders.pool.budgets.web.max must be a whole number from 1 to 1000, not 0',
    ],
    [
      String.raw`budgets: { "\e[2J": }`,
      String.raw`settings.yaml:4: databases.orders.pool.budgets."\u001b[2J" is not a valid name, expected a lower-case letter and then at most 62 lower-case letters, digits, hyphens or underscores`,
    ],
    [
      'size: 4\nbudgets:\n  web: { reserved: 3, max: 2 }',
      'settings.yaml:6: databases.orders.pool.budgets.web.reserved must be at most databases.orders.pool.budgets.web.max, which is 2 (settings.yaml:6), not 3',
    ],
    [
      'budgets:\n  web: { reserved: 3 }\n  batch: { reserved: 2 }',
      'settings.yaml:6: the budgets of orders reserve 5 connections (3 by databases.orders.pool.budgets.web.reserved, 2 by databases.orders.pool.budgets.batch.reserved), expected at most 4: databases.orders.pool.size is 4 (default) and databases.orders.pool.maxOverflow is 0 (default)',
    ],
  ])('are refused in one sentence: %s', (pool, sentence) => {
    expect(refusals(pool)).toEqual([sentence]);
  });

  it('are no more than a pool takes', () => {
    const many = Array.from({ length: 1_001 }, (_, index) => `b${index}: { weight: 2 }`).join(', ');
    expect(refusals(`budgets: { ${many} }`)).toEqual([
      'settings.yaml:4: orders has 1001 budgets, expected 1000 at most',
    ]);
  });

  it('contradict each other also where one half is in the environment or in code', () => {
    const [sentence] = refusals('budgets: { web: { reserved: 3 } }', { env: { DB_POOL_SIZE: '2' } });
    expect(sentence).toContain('databases.orders.pool.size is 2 (environment DB_POOL_SIZE)');
    const code = { databases: { orders: { budgets: { web: { reserved: 5 } } } } };
    expect(refusals('maxOverflow: 0', { code })).toEqual([
      'code: the budgets of orders reserve 5 connections (5 by databases.orders.budgets.web.reserved), expected at most 4: databases.orders.pool.size is 4 (default) and databases.orders.pool.maxOverflow is 0 (settings.yaml:4)',
    ]);
  });
});

describe('what is opened from the beginning', () => {
  it.each([
    [
      'initial: 5',
      'settings.yaml:4: databases.orders.pool.initial must be at most databases.orders.pool.size, which is 4 (default), not 5',
    ],
    [
      'initial: 3\nautoSize: { min: 2, max: 8 }',
      'settings.yaml:4: databases.orders.pool.initial must be at most databases.orders.pool.size, which is 2 (default), not 3',
    ],
    ['initial: -1', 'settings.yaml:4: databases.orders.pool.initial must be a whole number from 0 to 1000, not -1'],
  ])('is refused where it does not fit: %s', (pool, sentence) => {
    expect(refusals(pool)).toEqual([sentence]);
  });

  it('may be all of them', () => {
    expect(orders('database: { pool: { size: 3, initial: 3 } }')).toMatchObject({ poolSize: 3, initialSize: 3 });
  });
});

describe('automatic sizing in settings', () => {
  it('begins with the smallest size unless one is given', () => {
    const begun = orders('databases: { orders: { pool: { autoSize: { min: 2, max: 8 } } } }');
    expect(begun).toMatchObject({ autoSize: { min: 2, max: 8 }, poolSize: 2 });
    expect(begun.originOf('size')).toMatchObject({ value: 2, origin: 'default' });
    const given = orders('database: { pool: { size: 3, autoSize: { max: 8, min: 2 } } }');
    expect(given).toMatchObject({ autoSize: { min: 2, max: 8 }, poolSize: 3 });
  });

  it.each([
    [
      'autoSize: { min: 2 }',
      'settings.yaml:4: databases.orders.pool.autoSize.min is set without databases.orders.pool.autoSize.max, expected both or none',
    ],
    [
      'autoSize: { max: 2 }',
      'settings.yaml:4: databases.orders.pool.autoSize.max is set without databases.orders.pool.autoSize.min, expected both or none',
    ],
    [
      'autoSize: { min: 3, max: 2 }',
      'settings.yaml:4: databases.orders.pool.autoSize.max must be at least databases.orders.pool.autoSize.min, which is 3 (settings.yaml:4), not 2',
    ],
    [
      'size: 9\nautoSize: { min: 2, max: 8 }',
      'settings.yaml:4: databases.orders.pool.size must be at most databases.orders.pool.autoSize.max, which is 8 (settings.yaml:5), not 9',
    ],
    [
      'size: 1\nautoSize: { min: 2, max: 8 }',
      'settings.yaml:4: databases.orders.pool.size must be at least databases.orders.pool.autoSize.min, which is 2 (settings.yaml:5), not 1',
    ],
    ['autoSize: 3', 'settings.yaml:4: databases.orders.pool.autoSize must be a group of settings, not 3'],
  ])('is refused in one sentence: %s', (pool, sentence) => {
    expect(refusals(pool)).toEqual([sentence]);
  });
});

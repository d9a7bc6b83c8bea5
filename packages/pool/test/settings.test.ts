import { describe, expect, it } from 'vitest';
import { createPool, PoolError, type PoolOptions } from '@hive/pool';

const create = (): object => ({});

/** The one sentence that options are refused with. */
function refusal(options: unknown): string {
  try {
    createPool(options as PoolOptions<object>);
  } catch (error) {
    if (error instanceof PoolError && error.code === 'CONFIG') return error.message;
    throw error;
  }
  throw new Error('the options were accepted');
}

const counts: readonly (readonly [key: string, min: number])[] = [
  ['size', 1],
  ['maxOverflow', 0],
  ['minIdle', 0],
  ['maxWaiting', 1],
  ['maxCreating', 1],
  ['failFastAfter', 1],
  ['timeEvery', 1],
  ['captureEvery', 0],
];
const durations: readonly (readonly [key: string, min: number])[] = [
  ['acquireTimeoutMs', 0],
  ['createTimeoutMs', 1],
  ['destroyTimeoutMs', 1],
  ['validateTimeoutMs', 1],
  ['resetTimeoutMs', 1],
  ['validateAfterIdleMs', 0],
  ['idleTimeoutMs', 0],
  ['overflowIdleTimeoutMs', 0],
  ['maxLifetimeMs', 0],
  ['backoffMs', 1],
  ['maxBackoffMs', 1],
  ['leakThresholdMs', 1],
  ['captureApartMs', 0],
];

describe('options', () => {
  it('need nothing but a way to create', () => {
    expect(createPool({ create }).stats()).toMatchObject({ name: 'pool', size: 8, maxOverflow: 8, live: 0 });
  });

  it.each(counts)('refuse a wrong %s, naming the key, what was given and what is expected', (key, min) => {
    const expected = `expected a whole number from ${min} to 1000000`;
    for (const [value, shown] of [
      [min - 1, String(min - 1)],
      [1_000_001, '1000001'],
      [2.5, '2.5'],
      [Number.NaN, 'NaN'],
      [Infinity, 'Infinity'],
      ['8', '"8"'],
      [null, 'null'],
      [true, 'true'],
      [8n, '8n'],
      [{}, 'an object'],
      [[8], 'an array'],
      [() => 8, 'a function'],
    ] as const)
      expect(refusal({ create, [key]: value })).toBe(`pool option ${key} is ${shown}; ${expected}`);
  });

  it.each(durations)('refuse a wrong %s, naming the key, what was given and what is expected', (key, min) => {
    const expected = `expected a number from ${min} to 2147483647`;
    for (const [value, shown] of [
      [min - 1, String(min - 1)],
      [2_147_483_648, '2147483648'],
      ['10s', '"10s"'],
      [null, 'null'],
      [Object.create(null), 'an object'],
    ] as const)
      expect(refusal({ create, [key]: value })).toBe(`pool option ${key} is ${shown}; ${expected}`);
  });

  it.each([...counts, ...durations])('take the smallest %s there is', (key, min) => {
    expect(() => createPool({ create, maxBackoffMs: 5_000, backoffMs: 1, [key]: min })).not.toThrow();
  });

  it('refuse a share that is none', () => {
    expect(refusal({ create, lifetimeJitter: 1.1 })).toBe(
      'pool option lifetimeJitter is 1.1; expected a number from 0 to 1',
    );
  });

  it.each(['create', 'destroy', 'validate', 'reset', 'random'])('refuse a %s that is not a function', (key) => {
    expect(refusal({ create, [key]: 'yes' })).toBe(`pool option ${key} is "yes"; expected a function`);
  });

  it('refuse to do without create', () => {
    expect(refusal({})).toBe('pool option create is undefined; expected a function');
  });

  it('refuse a name that is not one', () => {
    expect(refusal({ create, name: 5 })).toBe('pool option name is 5; expected a text that is not empty');
    expect(refusal({ create, name: '' })).toBe('pool option name is ""; expected a text that is not empty');
  });

  it.each(['observer', 'clock'])('refuse an %s that is not an object', (key) => {
    expect(refusal({ create, [key]: 'yes' })).toBe(`pool option ${key} is "yes"; expected an object`);
    expect(refusal({ create, [key]: null })).toBe(`pool option ${key} is null; expected an object`);
  });

  it.each([undefined, null, 'sqlite', 5])('refuse to be %s', (options) => {
    expect(refusal(options)).toBe(
      `pool options are ${typeof options === 'string' ? '"sqlite"' : String(options)}; expected an object`,
    );
  });

  it.each([
    ['maxOverFlow', 'maxOverflow'],
    ['max_overflow', 'maxOverflow'],
    ['acquireTimeout', 'acquireTimeoutMs'],
    ['minIdel', 'minIdle'],
    ['Size', 'size'],
    ['onDestroy', 'destroy'],
  ])('refuse the unknown key %s and name the nearest', (key, nearest) => {
    expect(refusal({ create, [key]: 1 })).toBe(`pool option ${key} does not exist; did you mean ${nearest}?`);
  });

  it('refuse a key that every object has', () => {
    expect(refusal({ create, toString: 1 })).toMatch(/^pool option toString does not exist; did you mean \w+\?$/);
  });

  it('refuse to keep more ready than the pool holds', () => {
    expect(refusal({ create, size: 2, minIdle: 3 })).toBe(
      'pool option minIdle is 3; expected at most size, which is 2',
    );
  });

  it('refuse a longest pause that is shorter than the first', () => {
    expect(refusal({ create, backoffMs: 100, maxBackoffMs: 50 })).toBe(
      'pool option maxBackoffMs is 50; expected at least backoffMs, which is 100',
    );
  });

  it('are checked before anything is opened', () => {
    let opened = 0;
    refusal({ create: () => opened++, minIdle: 1, size: 0 });
    expect(opened).toBe(0);
  });

  it('that are undefined are not given', () => {
    const pool = createPool({ create, ...({ size: undefined, name: undefined, reset: undefined } as object) });
    expect(pool.stats()).toMatchObject({ name: 'pool', size: 8 });
  });

  it('cannot be changed afterwards', () => {
    const options = { create, size: 2 };
    const pool = createPool(options);
    options.size = 100;
    expect(pool.stats().size).toBe(2);
  });
});

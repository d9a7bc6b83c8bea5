import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { resolveSettings, type CodeSettings } from '@hive/shared-db/config';
import { replay } from '../support/replay.ts';

/** What each place may say about one setting; undefined says nothing. The strongest comes first. */
const STRENGTH = ['envOne', 'envAll', 'fileOne', 'fileAll', 'codeOne', 'codeAll'] as const;
type Said = Readonly<Partial<Record<(typeof STRENGTH)[number], number>>>;

const said: fc.Arbitrary<Said> = fc.record(
  Object.fromEntries(STRENGTH.map((place) => [place, fc.integer({ min: 1, max: 1_000 })])),
  { requiredKeys: [] },
);

/** A number as each source writes it, and as it comes out. */
interface Spelling {
  readonly field: 'poolSize' | 'maxOverflow' | 'acquireTimeoutMs' | 'recycleMs';
  readonly key: string;
  readonly variable: string;
  readonly initial: number;
  readonly factor: number;
}

const spellings: readonly Spelling[] = [
  { field: 'poolSize', key: 'size', variable: 'POOL_SIZE', initial: 4, factor: 1 },
  { field: 'maxOverflow', key: 'maxOverflow', variable: 'MAX_OVERFLOW', initial: 0, factor: 1 },
  { field: 'acquireTimeoutMs', key: 'acquireTimeout', variable: 'POOL_TIMEOUT', initial: 10_000, factor: 1_000 },
  { field: 'recycleMs', key: 'recycle', variable: 'POOL_RECYCLE', initial: 0, factor: 1_000 },
];

function sourcesOf({ field, key, variable, factor }: Spelling, from: Said) {
  const inFile = (value: number | undefined) => (value === undefined ? {} : { pool: { [key]: value } });
  const inCode = (value: number | undefined) => (value === undefined ? {} : { [field]: value * factor });
  return {
    env: { [`DB_${variable}`]: from.envAll?.toString(), [`DB_ORDERS__${variable}`]: from.envOne?.toString() },
    file: {
      path: 'settings.yaml',
      text: stringify({ database: inFile(from.fileAll), databases: { orders: inFile(from.fileOne) } }),
    },
    code: { database: inCode(from.codeAll), databases: { orders: inCode(from.codeOne) } } satisfies CodeSettings,
    databases: ['orders'],
  };
}

const origins: Readonly<Record<(typeof STRENGTH)[number], (variable: string) => RegExp>> = {
  envOne: (variable) => new RegExp(`^environment DB_ORDERS__${variable}$`),
  envAll: (variable) => new RegExp(`^environment DB_${variable}$`),
  fileOne: () => /^settings\.yaml:\d+$/,
  fileAll: () => /^settings\.yaml:\d+$/,
  codeOne: () => /^code$/,
  codeAll: () => /^code$/,
};

describe('precedence', () => {
  it.each(spellings)('is environment, file, code, default; one database before all: $field', (spelling) => {
    fc.assert(
      fc.property(said, (from) => {
        const place = STRENGTH.find((one) => from[one] !== undefined);
        const value = place === undefined ? undefined : from[place];
        const settings = resolveSettings(sourcesOf(spelling, from));
        expect(settings.databases['orders']?.[spelling.field]).toBe(
          value === undefined ? spelling.initial : value * spelling.factor,
        );
        const origin = settings.origins.find(({ key }) => key === `databases.orders.pool.${spelling.key}`)?.origin;
        expect(origin).toMatch(place === undefined ? /^default$/ : origins[place](spelling.variable));
      }),
      replay(),
    );
  });

  it('does not excuse a wrong value that another source overrides', () => {
    expect(() =>
      resolveSettings({
        env: { DB_POOL_SIZE: '3' },
        file: { path: 'settings.yaml', text: 'database: { pool: { size: many } }' },
        databases: [],
      }),
    ).toThrow('settings.yaml:1: database.pool.size must be a whole number from 1 to 1000, not "many"');
  });
});

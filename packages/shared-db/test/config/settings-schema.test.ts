import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import { resolveSettings, settingsJsonSchema } from '@hive/shared-db/config';
import { replay } from '../support/replay.ts';

const shipped = fileURLToPath(import.meta.resolve('@hive/shared-db/settings.schema.json'));

interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
}

/** Every key below a group, with its schema. */
function keysOf(schema: Schema, group = ''): readonly (readonly [string, Schema])[] {
  const below = typeof schema.additionalProperties === 'object' ? { orders: schema.additionalProperties } : {};
  return Object.entries({ ...schema.properties, ...below }).flatMap(([name, one]) => {
    const key = group === '' ? name : `${group}.${name}`;
    return [[key, one] as const, ...keysOf(one, key)];
  });
}

describe('the JSON Schema of a settings file', () => {
  it('ships as it is generated; UPDATE_SCHEMA=1 writes it', () => {
    const generated = `${JSON.stringify(settingsJsonSchema(), undefined, 2)}\n`;
    if (process.env['UPDATE_SCHEMA'] === '1') writeFileSync(shipped, generated);
    expect(readFileSync(shipped, 'utf8')).toBe(generated);
  });

  it('is of a draft that editors understand', () => {
    expect(settingsJsonSchema()).toMatchObject({ $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' });
  });

  it('explains every key and refuses every other', () => {
    const keys = keysOf(settingsJsonSchema());
    const named = /(?:^profiles|(?:^|\.)databases|\.budgets)\.orders$/;
    expect(keys.filter(([key, { description }]) => !named.test(key) && description === undefined)).toEqual([]);
    const open = keys.filter(
      ([, { properties, additionalProperties }]) => properties && additionalProperties !== false,
    );
    expect(open).toEqual([]);
  });

  it('knows every key that has an origin, and no other', () => {
    const keys = keysOf(settingsJsonSchema())
      .filter(([, { properties, additionalProperties }]) => (properties ?? additionalProperties) === undefined)
      .map(([key]) => key);
    const code = { databases: { orders: { budgets: { orders: {} } } } };
    const known = resolveSettings({ code, databases: ['orders'] }).origins.map(({ key }) => key);
    const inProfile = known.map((key) => `profiles.orders.${key}`);
    expect(keys.toSorted()).toEqual([...known, ...inProfile].toSorted());
  });

  it('accepts whatever is accepted', () => {
    const schema = z.fromJSONSchema(settingsJsonSchema());
    fc.assert(
      fc.property(settings, (tree) => {
        if (isAccepted(tree)) expect(schema.safeParse(tree)).toMatchObject({ success: true });
      }),
      replay({ numRuns: 300 }),
    );
  });

  it('refuses what is no setting, is of another type or is out of range, as reading does', () => {
    const schema = z.fromJSONSchema(settingsJsonSchema());
    fc.assert(
      fc.property(fc.constantFrom(...leaves), fc.constantFrom([], {}, 1e15, -7, 'a', null, ''), (key, value) => {
        const tree = planted(key, value);
        if (!TEXT.test(key)) {
          expect(isAccepted(tree)).toBe(false);
          expect(schema.safeParse(tree)).toMatchObject({ success: false });
        }
        expect(schema.safeParse(planted(`${key}x`, value))).toMatchObject({ success: false });
      }),
      replay({ numRuns: 300 }),
    );
  });
});

/** Settings that take any text. */
const TEXT = /(?:[pP]ath|Directory|[hH]osts?|token)$/;
const budgeted = { databases: { orders: { budgets: { web: {} } } } };
const outside = resolveSettings({ code: budgeted, databases: ['orders'] }).origins.map(({ key }) => key);
const leaves = [...outside, ...outside.map((key) => `profiles.test.${key}`)];

const value = fc.oneof(
  fc.constantFrom(0, 1, 5, 0.5, -1, 1_800, 70_000, 2 ** 40, true, false, null, '', 'debug', 'full', 'never', '/a', 'a'),
  fc.constantFrom('1ms', '5s', '1.5m', '2h', '64MiB', '4096B', '5 s', '1d', '0s'),
);
const settings = fc
  .array(fc.tuple(fc.constantFrom(...leaves, 'database', 'databases', 'database.pool', 'profiles'), value), {
    maxLength: 3,
  })
  .map((pairs) => pairs.reduce((tree, [key, one]) => planted(key, one, tree), {}));

function planted(key: string, one: unknown, tree: object = {}): object {
  const [head = '', ...rest] = key.split('.');
  const below = (tree as Record<string, object | null | undefined>)[head] ?? {};
  return { ...tree, [head]: rest.length === 0 ? one : planted(rest.join('.'), one, below) };
}

function isAccepted(tree: object): boolean {
  try {
    resolveSettings({ file: { path: 'settings.yaml', text: stringify(tree) }, databases: ['orders'] });
    return true;
  } catch {
    return false;
  }
}

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { resolveSettings, settingsJsonSchema } from '@hive/shared-db/config';

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
    expect(keys.filter(([key, { description }]) => key !== 'databases.orders' && description === undefined)).toEqual(
      [],
    );
    const open = keys.filter(
      ([, { properties, additionalProperties }]) => properties && additionalProperties !== false,
    );
    expect(open).toEqual([]);
  });

  it('knows every key that has an origin, and no other', () => {
    const groups = ['database', 'databases', 'databases.orders'];
    const keys = keysOf(settingsJsonSchema())
      .filter(([key, { properties }]) => properties === undefined && !groups.includes(key))
      .map(([key]) => key);
    const { origins } = resolveSettings({ databases: ['orders'] });
    expect(keys.toSorted()).toEqual(origins.map(({ key }) => key).toSorted());
  });
});

import { z } from 'zod';
import { DATABASE_NAME } from './database-name.ts';
import { DATABASE_SETTINGS, SERVICE_SETTINGS, SHARED_SETTINGS, type Setting } from './setting.ts';
import type { Layout } from './setting-place.ts';
import { toText } from './value-kind.ts';

interface Leaf {
  readonly path: readonly string[];
  readonly schema: z.ZodType;
}

const GROUPS: Readonly<Record<string, string>> = {
  database: 'The process, and what holds for each database that does not say otherwise.',
  pool: 'The pool of connections.',
  health: 'Where well ends, and who is told.',
  thresholds: 'Where well ends.',
};

/** What a settings file holds. Numbers come out in milliseconds and bytes; unknown keys and wrong values are issues. */
export const FILE_SCHEMA: z.ZodType = schemaOf('file', [
  ...under('file', ['database'], SERVICE_SETTINGS),
  ...under('file', ['database'], SHARED_SETTINGS),
]);

/** What code passes, in milliseconds and bytes already. */
export const CODE_SCHEMA: z.ZodType = schemaOf('code', [
  ...under('code', [], SERVICE_SETTINGS),
  ...under('code', ['database'], SHARED_SETTINGS),
]);

/**
 * The JSON Schema of a settings file, for editors. Draft 7: newer ones are not understood by the YAML language server.
 * It is shipped as `@hive/shared-db/settings.schema.json`.
 */
export function settingsJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(FILE_SCHEMA, {
    target: 'draft-07',
    io: 'input',
    override: ({ jsonSchema }) => {
      inlineNull(jsonSchema);
    },
  });
  return { $schema, title: 'Settings of the Hive database service', ...rest };
}

function schemaOf(layout: Layout, leaves: readonly Leaf[]): z.ZodType {
  const one = group(under(layout, [], DATABASE_SETTINGS));
  const databases = z.record(z.string().regex(DATABASE_NAME), one.nullable()).nullable();
  const about = 'What holds for one database only, by its name.';
  return group([...leaves, { path: ['databases'], schema: databases.describe(about) }]);
}

function under(layout: Layout, path: readonly string[], settings: readonly Setting[]): readonly Leaf[] {
  return settings.map((setting) => {
    const { field, key, kind } = setting;
    const [name, { schema }] = layout === 'file' ? [key, kind.written] : [field, kind.exact];
    return { path: [...path, ...name.split('.')], schema: schema.describe(description(setting)) };
  });
}

function description({ about, initial, kind }: Setting): string {
  return initial === undefined ? about : `${about} Default ${toText(initial, kind.unit)}.`;
}

// A group inside another may be empty, which YAML calls null: that is what is left when all its lines are commented out.
function group(leaves: readonly Leaf[]): z.ZodType {
  const shape: Record<string, z.ZodType> = {};
  for (const [name, members] of Map.groupBy(leaves, ({ path }) => path[0] ?? '')) {
    const leaf = members.find(({ path }) => path.length === 1);
    const below = members.map(({ path, schema }) => ({ path: path.slice(1), schema }));
    shape[name] =
      leaf?.schema ??
      group(below)
        .nullable()
        .describe(GROUPS[name] ?? name);
  }
  return z.strictObject(shape).partial();
}

/** Says `null` in the type of a group: editors complete and complain better there than across alternatives. */
function inlineNull(schema: z.core.JSONSchema.BaseSchema): void {
  const [one, other] = schema.anyOf ?? [];
  if (typeof one !== 'object' || typeof other !== 'object' || one.type !== 'object' || other.type !== 'null') return;
  delete schema.anyOf;
  Object.assign(schema, one, { type: ['object', 'null'] });
}

import { DATABASE_KEY } from './database-name.ts';
import { DATABASE_SETTINGS, SERVICE_SETTINGS, SHARED_SETTINGS, type Setting } from './setting.ts';
import { toText } from './value-kind.ts';

/** A piece of a JSON Schema. */
type Schema = Readonly<Record<string, unknown>>;

/** A setting, and where it stands below the group that is being described. */
interface Leaf {
  readonly path: readonly string[];
  readonly setting: Setting;
}

const GROUPS: Readonly<Record<string, string>> = {
  database: 'The process, and what holds for each database that does not say otherwise.',
  databases: 'What holds for one database only, by its name.',
  pool: 'The pool of connections.',
  offload: 'Reading beside the main thread.',
  health: 'Where well ends, and who is told.',
  http: 'Health and metrics on a port of their own, answered also while the main thread is stuck.',
};

/**
 * The JSON Schema of a settings file, for editors. Draft 7: newer ones are not understood by the YAML language server.
 * It is shipped as `@hive/shared-db/settings.schema.json`.
 */
export function settingsJsonSchema(): Schema {
  const databases = {
    description: GROUPS['databases'],
    type: ['object', 'null'],
    propertyNames: { type: 'string', pattern: DATABASE_KEY.source },
    additionalProperties: group(leaves(DATABASE_SETTINGS)),
  };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Settings of the Hive database service',
    type: 'object',
    properties: { database: described('database', leaves([...SERVICE_SETTINGS, ...SHARED_SETTINGS])), databases },
    additionalProperties: false,
  };
}

function leaves(settings: readonly Setting[]): readonly Leaf[] {
  return settings.map((setting) => ({ path: setting.key.split('.'), setting }));
}

// A group may be empty, which YAML calls null: that is what is left when all its lines are commented out.
function group(members: readonly Leaf[]): Schema {
  const properties: Record<string, Schema> = {};
  for (const [name, below] of Map.groupBy(members, ({ path }) => path[0] ?? '')) {
    const leaf = below.find(({ path }) => path.length === 1);
    const deeper = below.map(({ path, setting }) => ({ path: path.slice(1), setting }));
    properties[name] = leaf === undefined ? described(name, deeper) : value(leaf.setting);
  }
  return { type: ['object', 'null'], properties, additionalProperties: false };
}

function described(name: string, members: readonly Leaf[]): Schema {
  return { description: GROUPS[name], ...group(members) };
}

function value({ about, initial, kind }: Setting): Schema {
  const description = initial === undefined ? about : `${about} Default ${toText(initial, kind.unit)}.`;
  return { description, ...kind.schema };
}

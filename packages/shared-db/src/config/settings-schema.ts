import { DATABASE_KEY, DATABASE_NAME } from './database-name.ts';
import { SERVICE_SETTINGS, SHARED_SETTINGS, type Setting } from './setting.ts';
import { settingsOf } from './setting-place.ts';
import { toText } from './value-kind.ts';

/** Stands for a name that somebody chooses. */
const ANY = '*';

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
  profiles: 'What holds besides in one environment only: HIVE_PROFILE, or the code, chooses one by its name.',
  pool: 'The pool of connections.',
  autoSize: 'Between which sizes the pool finds its own by itself.',
  budgets: 'Who may have how many connections, by the names that calls give.',
  log: 'What the service logs.',
  offload: 'Reading beside the main thread.',
  health: 'Where well ends, and who is told.',
  http: 'Health and metrics on a port of their own, answered also while the main thread is stuck.',
};

/**
 * The JSON Schema of a settings file, for editors. Draft 7: newer ones are not understood by the YAML language server.
 * It is shipped as `@hive/shared-db/settings.schema.json`.
 */
export function settingsJsonSchema(): Schema {
  const parts = {
    database: described('database', leaves([...SERVICE_SETTINGS, ...SHARED_SETTINGS])),
    databases: named('databases', group(leaves(settingsOf([ANY]))), DATABASE_KEY),
  };
  const profile = { type: ['object', 'null'], properties: parts, additionalProperties: false };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Settings of the Hive database service',
    type: 'object',
    properties: { ...parts, profiles: named('profiles', profile) },
    additionalProperties: false,
  };
}

/** A group of names that somebody chooses, all with the same below them. */
function named(name: string, below: Schema, pattern = DATABASE_NAME): Schema {
  return {
    description: GROUPS[name],
    type: ['object', 'null'],
    propertyNames: { type: 'string', pattern: pattern.source },
    additionalProperties: below,
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
  const ofAny = members.every(({ path }) => path[0] === ANY);
  if (ofAny) return named(name, group(members.map(({ path, setting }) => ({ path: path.slice(1), setting }))));
  return { description: GROUPS[name], ...group(members) };
}

function value({ about, initial, kind }: Setting): Schema {
  const description = initial === undefined ? about : `${about} Default ${toText(initial, kind.unit)}.`;
  return { description, ...kind.schema };
}

import type {
  BudgetSettings,
  NamedDatabaseSettings,
  ResolvedSettings,
  ServiceSettings,
  SettingOrigin,
  SharedDatabaseSettings,
} from './resolved-settings.ts';
import type { PatternOf } from './name-pattern.ts';
import type { ChosenProfile } from './profile.ts';
import { budgetSettings, DATABASE_SETTINGS, SERVICE_SETTINGS, SHARED_SETTINGS, type Setting } from './setting.ts';
import { budgetKey, settingKey, type BudgetsOf } from './setting-place.ts';
import type { Layer } from './source.ts';

/** Settles every setting from layers that have been checked, the strongest first. */
export function settle(
  layers: readonly Layer[],
  { databases, patternOf, profile, isRequirable }: Omit<Extent, 'budgetsOf'> & Requirement,
): ResolvedSettings {
  const keys = layers.flatMap((layer) => [...layer.keys()]);
  const namesOf = (database: string): readonly string[] =>
    [database, patternOf(database)].filter((one) => one !== undefined);
  const isForOthers = ({ field }: Setting, database: string): boolean =>
    field === 'required' && !isRequirable && patternOf(database) !== undefined;
  return assemble(
    (setting, database) => {
      if (database === undefined) return effective(layers, setting, []);
      return effective(isForOthers(setting, database) ? [] : layers, setting, namesOf(database));
    },
    {
      databases,
      budgetsOf: (database) => [
        ...new Set(
          namesOf(database)
            .toReversed()
            .flatMap((name) => budgetsAmong(keys, name)),
        ),
      ],
      patternOf,
      profile,
    },
  );
}

/** Whether one that is by a pattern may be `required`. In a process it is not: what says so is for another one that has it by its name. */
interface Requirement {
  readonly isRequirable: boolean;
}

/** What is in force when settings are read again: what is new where it applies to a running process, and else what was in force before. */
export function settleAgain(inForce: ResolvedSettings, read: ResolvedSettings, patternOf: PatternOf): ResolvedSettings {
  const [before, now] = [inForce, read].map((settings) => originIn(settings, patternOf));
  return assemble(
    (setting, database) => {
      const [old, fresh] = [before?.(setting, database), now?.(setting, database)];
      if (fresh === undefined) throw new Error(`BUG: nobody has settled ${settingKey(setting, database)}`);
      return old === undefined || setting.live || old.value === fresh.value ? fresh : old;
    },
    { databases: namesIn([inForce, read]), budgetsOf: budgetsOf(read, patternOf), patternOf, profile: read.profile },
  );
}

/** The databases that have settings in any of these. */
export function namesIn(settings: readonly ResolvedSettings[]): readonly string[] {
  return [...new Set(settings.flatMap(({ databases }) => Object.keys(databases)))];
}

/** What is in force of a setting. One of a database that nothing is said of is that of its pattern. */
export function originIn(
  { origins }: ResolvedSettings,
  patternOf: PatternOf,
): (setting: Pick<Setting, 'key'>, database?: string) => SettingOrigin | undefined {
  const all = new Map(origins.map((one) => [one.key, one]));
  return (setting, database) => {
    const key = settingKey(setting, database);
    const pattern = database === undefined ? undefined : patternOf(database);
    const own = all.get(key);
    if (own !== undefined || pattern === undefined) return own;
    const shared = all.get(settingKey(setting, pattern));
    return shared && Object.freeze({ ...shared, key });
  };
}

function budgetsOf({ databases }: ResolvedSettings, patternOf: PatternOf): BudgetsOf {
  return (name) => Object.keys((databases[name] ?? databases[patternOf(name) ?? ''])?.budgets ?? {});
}

/**
 * The same settings with other values for some keys, of these databases as well. Another value of a pattern is also that of every
 * database that has its own from there.
 */
export function settleWith(
  settings: ResolvedSettings,
  others: ReadonlyMap<string, SettingOrigin>,
  { databases, patternOf }: { readonly databases: readonly string[]; readonly patternOf: PatternOf },
): ResolvedSettings {
  const all = originIn(settings, patternOf);
  const ofPattern = (setting: Setting, database: string): SettingOrigin | undefined => {
    const pattern = patternOf(database);
    const other = pattern === undefined ? undefined : others.get(settingKey(setting, pattern));
    if (other === undefined || !isSame(all(setting, database), all(setting, pattern))) return undefined;
    const { value, unit, origin } = other;
    return Object.freeze({ key: settingKey(setting, database), value, unit, origin });
  };
  return assemble(
    (setting, database) => {
      const key = settingKey(setting, database);
      const other = others.get(key) ?? (database === undefined ? undefined : ofPattern(setting, database));
      const origin = other ?? all(setting, database);
      if (origin === undefined) throw new Error(`BUG: nobody has settled ${key}`);
      return origin;
    },
    {
      databases: [...new Set([...Object.keys(settings.databases), ...databases])],
      budgetsOf: budgetsOf(settings, patternOf),
      patternOf,
      profile: settings.profile,
    },
  );
}

/** Whether two settings have one value, from one place. */
function isSame(one: SettingOrigin | undefined, other: SettingOrigin | undefined): boolean {
  return one?.value === other?.value && one?.origin === other?.origin;
}

/** What settings are there to be settled. */
interface Extent {
  readonly databases: readonly string[];
  readonly budgetsOf: BudgetsOf;
  readonly patternOf: PatternOf;
  readonly profile: ChosenProfile | undefined;
}

function assemble(
  settle: (setting: Setting, database: string | undefined) => SettingOrigin,
  { databases, budgetsOf, patternOf, profile }: Extent,
): ResolvedSettings {
  const origins: SettingOrigin[] = [];
  const settled = (settings: readonly Setting[], database?: string): unknown => {
    const own = settings.map((setting) => settle(setting, database));
    origins.push(...own);
    return grouped(settings, own);
  };
  const service = settled(SERVICE_SETTINGS) as ServiceSettings;
  const database = settled(SHARED_SETTINGS) as SharedDatabaseSettings;
  const named: Record<string, NamedDatabaseSettings> = Object.create(null);
  const patterns: Record<string, string> = Object.create(null);
  for (const name of databases) {
    const own = settled(DATABASE_SETTINGS, name) as Omit<NamedDatabaseSettings, 'budgets'>;
    const budgets: Record<string, BudgetSettings> = Object.create(null);
    for (const budget of budgetsOf(name)) budgets[budget] = budgetFrom(settled(budgetSettings(budget), name));
    named[name] = Object.freeze({ ...own, budgets: Object.freeze(budgets) });
    const pattern = patternOf(name);
    if (pattern !== undefined) patterns[name] = pattern;
  }
  return Object.freeze({
    ...service,
    database,
    databases: Object.freeze(named),
    patterns: Object.freeze(patterns),
    profile,
    origins: Object.freeze(origins),
  });
}

/** The fields of a budget stand below its name. */
function budgetFrom(settled: unknown): BudgetSettings {
  const [terms] = Object.values(settled as Readonly<Record<string, BudgetSettings>>);
  if (terms === undefined) throw new Error('BUG: a budget has no terms');
  return terms;
}

function budgetsAmong(keys: readonly string[], database: string): readonly string[] {
  const begin = budgetKey(database, '');
  const names = keys.filter((key) => key.startsWith(begin)).map((key) => key.slice(begin.length));
  return [...new Set(names.filter((name) => !name.includes('.')))];
}

/** `names` are that of a database and of its pattern, none where it is a setting of all. */
function effective(layers: readonly Layer[], setting: Setting, names: readonly string[]): SettingOrigin {
  const keys = [...names.map((name) => settingKey(setting, name)), settingKey(setting)];
  const [key = ''] = keys;
  const { unit } = setting.kind;
  for (const layer of layers) {
    const given = keys.map((one) => layer.get(one)).find((one) => one !== undefined);
    if (given !== undefined) return Object.freeze({ key, value: given.value, unit, origin: given.origin });
  }
  // Where a pool finds its size by itself, it begins with the smallest.
  const bound =
    setting.field === 'poolSize' ? DATABASE_SETTINGS.find(({ field }) => field === 'autoSize.min') : undefined;
  const least = bound && effective(layers, bound, names).value;
  return Object.freeze({ key, value: least ?? setting.initial, unit, origin: 'default' });
}

/** The values by their fields; `thresholds.walBytes` is a field of a field. */
function grouped(settings: readonly Setting[], values: readonly SettingOrigin[]): unknown {
  const outer: Record<string, unknown> = {};
  const groups = Map.groupBy(settings.keys(), (index) => settings[index]?.field.split('.').at(-2));
  for (const [group, members] of groups) {
    const fields = Object.fromEntries(
      [...members].map((index) => [settings[index]?.field.split('.').at(-1), values[index]?.value]),
    );
    if (group === undefined) Object.assign(outer, fields);
    else outer[group] = Object.freeze(fields);
  }
  return Object.freeze(outer);
}

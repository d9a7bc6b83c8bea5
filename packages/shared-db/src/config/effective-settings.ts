import type {
  NamedDatabaseSettings,
  ResolvedSettings,
  ServiceSettings,
  SettingOrigin,
  SharedDatabaseSettings,
} from './resolved-settings.ts';
import { DATABASE_SETTINGS, SERVICE_SETTINGS, SHARED_SETTINGS, type Setting } from './setting.ts';
import { settingKey } from './setting-place.ts';
import type { Layer } from './source.ts';

/** Settles every setting from layers that have been checked, the strongest first. */
export function settle(layers: readonly Layer[], databases: readonly string[]): ResolvedSettings {
  return assemble((setting, database) => effective(layers, setting, database), databases);
}

/** What is in force when settings are read again: what is new where it applies to a running process, and else what was in force before. */
export function settleAgain(
  inForce: ResolvedSettings,
  read: ResolvedSettings,
  databases: readonly string[],
): ResolvedSettings {
  const [before, now] = [inForce, read].map(({ origins }) => new Map(origins.map((one) => [one.key, one])));
  return assemble((setting, database) => {
    const key = settingKey(setting, database);
    const [old, fresh] = [before?.get(key), now?.get(key)];
    if (old === undefined || fresh === undefined) throw new Error(`BUG: nobody has settled ${key}`);
    return setting.live || old.value === fresh.value ? fresh : old;
  }, databases);
}

function assemble(
  settle: (setting: Setting, database: string | undefined) => SettingOrigin,
  databases: readonly string[],
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
  for (const name of databases) named[name] = settled(DATABASE_SETTINGS, name) as NamedDatabaseSettings;
  return Object.freeze({ ...service, database, databases: Object.freeze(named), origins: Object.freeze(origins) });
}

function effective(layers: readonly Layer[], setting: Setting, database: string | undefined): SettingOrigin {
  const key = settingKey(setting, database);
  const { unit } = setting.kind;
  for (const layer of layers) {
    const given = layer.get(key) ?? layer.get(settingKey(setting));
    if (given !== undefined) return Object.freeze({ key, value: given.value, unit, origin: given.origin });
  }
  return Object.freeze({ key, value: setting.initial, unit, origin: 'default' });
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

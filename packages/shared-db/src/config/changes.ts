import { describeOrigins, inheritedKeys } from './describe-origins.ts';
import { namesIn, originIn } from './effective-settings.ts';
import type { PatternOf } from './name-pattern.ts';
import type { ResolvedSettings } from './resolved-settings.ts';
import { SERVICE_SETTINGS, type Setting } from './setting.ts';
import { settingKey, settingsOf } from './setting-place.ts';

/** A setting that is another one than before. Values are as a settings file would give them; a secret is `***`. */
export interface SettingChange {
  /** As a settings file spells it: `databases.orders.pool.size`. */
  readonly key: string;
  /** What was in force; empty where nothing was set. */
  readonly from: string;
  readonly fromOrigin: string;
  readonly to: string;
  readonly toOrigin: string;
  /** `applied`: in force now. `needs-restart`: the process goes on with `from`. */
  readonly effect: 'applied' | 'needs-restart';
}

const NOT_THERE: { readonly value: string; readonly origin: string; readonly raw: unknown } = {
  value: '',
  origin: 'default',
  raw: undefined,
};

/** What the origin of a value that somebody has changed while the process runs begins with. */
export const BY_HAND = 'by hand';

/** What came of reading the settings again. */
export interface ReloadReport {
  /** `unchanged`: what is written is what is in force. `invalid`: nothing was changed, and `problems` says why. */
  readonly outcome: 'applied' | 'unchanged' | 'invalid';
  /** Every value that is another one than before, in the order of the settings. */
  readonly changes: readonly SettingChange[];
  /** One sentence each, beginning with where it is. Empty unless the settings are invalid. */
  readonly problems: readonly string[];
}

/**
 * What has been read and is not what is in force. What holds for all databases is said of each, but for thresholds: those
 * are said once, where a database has none of its own. What a database has from its pattern is said of the pattern alone. Pure.
 */
export function changesBetween(
  inForce: ResolvedSettings,
  read: ResolvedSettings,
  patternOf: PatternOf,
): readonly SettingChange[] {
  const [before, now] = [described(inForce, patternOf), described(read, patternOf)];
  const places = [
    ...SERVICE_SETTINGS.map((setting) => ({ setting, name: undefined })),
    ...namesIn([inForce, read]).flatMap((name) =>
      settingsOf(budgetsIn([inForce, read], name)).map((setting) => ({ setting, name })),
    ),
  ];
  const inherited = [inForce, read].map((settings) => {
    const keys = inheritedKeys(settings);
    // Of one that settings do not name everything is its pattern's.
    return (key: string, name = '') =>
      keys.has(key) || (settings.databases[name] === undefined && patternOf(name) !== undefined);
  });
  return places.flatMap(({ setting, name }) => {
    const key = settingKey(setting, name);
    // A budget is not in both where it is new, or gone.
    const [old, fresh] = [before(setting, name), now(setting, name)];
    if (old.raw === fresh.raw || inherited.every((isInherited) => isInherited(key, name))) return [];
    const effect = setting.live ? 'applied' : 'needs-restart';
    return { key, from: old.value, fromOrigin: old.origin, to: fresh.value, toOrigin: fresh.origin, effect };
  });
}

/** The budgets of a database in any of these settings. */
function budgetsIn(settings: readonly ResolvedSettings[], database: string): readonly string[] {
  return [...new Set(settings.flatMap(({ databases }) => Object.keys(databases[database]?.budgets ?? {})))];
}

/** Every value as it may be shown, and as it is: two secrets may look alike. */
function described(
  settings: ResolvedSettings,
  patternOf: PatternOf,
): (setting: Setting, database: string | undefined) => typeof NOT_THERE {
  const all = originIn(settings, patternOf);
  return (setting, database) => {
    const found = all(setting, database);
    const [shown] = describeOrigins({ origins: found === undefined ? [] : [found] });
    return shown === undefined ? NOT_THERE : { value: shown.value, origin: shown.origin, raw: found?.value };
  };
}

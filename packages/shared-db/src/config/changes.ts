import { describeOrigins, inheritedKeys } from './describe-origins.ts';
import type { ResolvedSettings } from './resolved-settings.ts';
import { SERVICE_SETTINGS } from './setting.ts';
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

const NOT_THERE = { value: '', origin: 'default', raw: undefined };

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
 * are said once, where a database has none of its own. Pure.
 */
export function changesBetween(
  inForce: ResolvedSettings,
  read: ResolvedSettings,
  databases: readonly string[],
): readonly SettingChange[] {
  const [before, now] = [described(inForce), described(read)];
  const places = [
    ...SERVICE_SETTINGS.map((setting) => ({ key: settingKey(setting), live: setting.live })),
    ...databases.flatMap((name) => {
      const settings = settingsOf(budgetsIn([inForce, read], name));
      return settings.map((one) => ({ key: settingKey(one, name), live: one.live }));
    }),
  ];
  const inherited = [inForce, read].map((settings) => inheritedKeys(settings));
  return places.flatMap(({ key, live }) => {
    // A budget is not in both where it is new, or gone.
    const [old, fresh] = [before.get(key) ?? NOT_THERE, now.get(key) ?? NOT_THERE];
    if (old.raw === fresh.raw || inherited.every((keys) => keys.has(key))) return [];
    const effect = live ? 'applied' : 'needs-restart';
    return { key, from: old.value, fromOrigin: old.origin, to: fresh.value, toOrigin: fresh.origin, effect };
  });
}

/** The budgets of a database in any of these settings. */
function budgetsIn(settings: readonly ResolvedSettings[], database: string): readonly string[] {
  return [...new Set(settings.flatMap(({ databases }) => Object.keys(databases[database]?.budgets ?? {})))];
}

/** Every value as it may be shown, and as it is: two secrets may look alike. */
function described({ origins }: ResolvedSettings): ReadonlyMap<string, ReturnType<typeof shownAs>> {
  const shown = describeOrigins({ origins });
  return new Map(origins.map(({ key, value }, index) => [key, shownAs(shown[index], value)]));
}

function shownAs(
  { value, origin }: { readonly value: string; readonly origin: string } = { value: '', origin: '' },
  raw: unknown,
): { readonly value: string; readonly origin: string; readonly raw: unknown } {
  return { value, origin, raw };
}

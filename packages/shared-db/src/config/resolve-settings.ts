import { readCode, type CodeSettings } from './code-settings.ts';
import { isDatabaseKey } from './database-name.ts';
import { settle } from './effective-settings.ts';
import { readEnvironment, type Environment } from './environment.ts';
import { inheritedKeys } from './describe-origins.ts';
import type { DatabaseThresholds } from '../health/thresholds.ts';
import { refusal, shown, type Problem } from './problem.ts';
import type { ResolvedSettings, SettingOrigin } from './resolved-settings.ts';
import { readSettingsFile, type SettingsFile } from './settings-file.ts';
import { SERVICE_SETTINGS } from './setting.ts';
import { settingKey } from './setting-place.ts';
import type { TextFile } from './text-file.ts';

/** Everything that settings are made of. */
export interface SettingsSources {
  /** What the application itself wants. Default: nothing in particular. */
  readonly code?: CodeSettings | undefined;
  /** Default: there is none. */
  readonly file?: SettingsFile | undefined;
  /** Default: nothing is set. */
  readonly env?: Environment | undefined;
  /**
   * The databases of this process. A settings file and an environment may also speak of other processes' databases, unless a name
   * looks like a slip for one of these; where two names are that much alike, list both.
   */
  readonly databases: readonly string[];
  /** Reads the file that a `_FILE` variable names. Default: no file exists. */
  readonly readText?: ((path: string) => TextFile) | undefined;
}

/**
 * Makes one complete, frozen set of settings: environment over settings file over code over defaults; within one source, what is
 * said of one database over what is said of all. So `DB_POOL_SIZE` also beats a database's own `pool.size` in the file.
 *
 * Pure. Throws `CONFIG` when anything is wrong in any source, even if another source overrides it: the sentence of the first
 * problem; with several, `cause` is an `AggregateError` with one error for each.
 */
export function resolveSettings(sources: SettingsSources): ResolvedSettings {
  const { code = {}, file, env = {}, readText = noFile } = sources;
  const databases = [...new Set(sources.databases)];
  refuse(databases.filter((name) => !isDatabaseKey(name)).map(badName));
  const readings = [
    readEnvironment(env, databases, readText),
    ...(file === undefined ? [] : [readSettingsFile(file, databases)]),
    readCode(code, databases),
  ];
  refuse(readings.flatMap(({ problems }) => problems));
  const settings = settle(
    readings.map(({ layer }) => layer),
    databases,
  );
  refuse(contradictions(settings));
  return settings;
}

function refuse([first, ...others]: readonly Problem[]): void {
  if (first !== undefined) throw refusal(first, ...others);
}

function badName(name: unknown): Problem {
  return { where: 'code', what: `databases must be names such as orders or orders-2, not ${shown(name)}` };
}

/** What is right by itself and wrong together, of the process and of each database that has something of its own. */
function contradictions(settings: ResolvedSettings): readonly Problem[] {
  const inherited = inheritedKeys(settings);
  return [undefined, ...Object.keys(settings.databases)].flatMap((database) => {
    const warn = found(settings, 'utilisationWarn', database);
    const critical = found(settings, 'utilisationCritical', database);
    if (Number(warn.value) <= Number(critical.value)) return [];
    if (inherited.has(warn.key) && inherited.has(critical.key)) return [];
    // The blame is on what somebody set for it, not on a default or on what holds for all.
    const isGiven = warn.origin === 'default' || inherited.has(warn.key);
    return [isGiven ? misfit(critical, 'at least', warn) : misfit(warn, 'at most', critical)];
  });
}

function misfit(wrong: Found, relation: string, other: Found): Problem {
  const expected = `${relation} ${other.name}, which is ${other.value} (${other.origin})`;
  return { where: wrong.origin, what: `${wrong.name} must be ${expected}, not ${wrong.value}` };
}

/** An effective value, with the name that it has where it comes from. */
interface Found extends SettingOrigin {
  readonly name: string;
}

function found({ origins }: ResolvedSettings, threshold: keyof DatabaseThresholds, database?: string): Found {
  const setting = SERVICE_SETTINGS.find(({ field }) => field === `thresholds.${threshold}`);
  const origin = origins.find(({ key }) => setting !== undefined && key === settingKey(setting, database));
  if (setting === undefined || origin === undefined) throw new Error(`BUG: nobody knows ${threshold}`);
  const inCode = database === undefined ? setting.field : `databases.${database}.${setting.field}`;
  return { ...origin, name: origin.origin === 'code' ? inCode : origin.key };
}

function noFile(): TextFile {
  return { missing: true };
}

import { readCode, type CodeSettings } from './code-settings.ts';
import { contradictions, neverRequired } from './contradictions.ts';
import { isDatabaseKey } from './database-name.ts';
import { settle } from './effective-settings.ts';
import { readEnvironment, type Environment } from './environment.ts';
import { refusal, shown, type Problem } from './problem.ts';
import { patternAmong } from './name-pattern.ts';
import { misnamedProfile, missingProfile, type ChosenProfile } from './profile.ts';
import type { ResolvedSettings } from './resolved-settings.ts';
import { NO_FILE, readSettingsFile, type SettingsFile } from './settings-file.ts';
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
  /** Whether the databases that the file or the environment names are resolved as well, as for somebody who only looks. Default false. */
  readonly mentioned?: boolean | undefined;
  /** Which of the profiles of the file is in force; `HIVE_PROFILE` in the environment beats it. Default: none. */
  readonly profile?: string | undefined;
  /** A profile that somebody asks for who looks, and that beats both. Default: none. */
  readonly asked?: ChosenProfile | undefined;
  /**
   * Databases of other processes, of which the environment may speak beside those of this process and those that the file names: a
   * variable for any other is refused. `any` where nobody knows which there are. Default: none.
   */
  readonly otherDatabases?: readonly string[] | 'any' | undefined;
  /** Reads the file that a `_FILE` variable names. Default: no file exists. */
  readonly readText?: ((path: string) => TextFile) | undefined;
}

/**
 * Makes one complete, frozen set of settings: environment over profile over the rest of the settings file over code over defaults;
 * within one of these, what is said of one database over what is said of the pattern that it is by, and that over what is said of all. So
 * `DB_POOL_SIZE` also beats a database's own `pool.size` in the file. A database that the code names beside a pattern is not by that.
 *
 * Pure. Throws `CONFIG` when anything is wrong in any source, even if another source overrides it, and in any profile, even if it is not
 * chosen: the sentence of the first problem; with several, `cause` is an `AggregateError` with one error for each.
 */
export function resolveSettings(sources: SettingsSources): ResolvedSettings {
  const { code = {}, file, env = {}, readText = noFile, otherDatabases = [], mentioned = false } = sources;
  refuse(sources.databases.filter((name) => !isDatabaseKey(name)).map(badName));
  const inFile = file === undefined ? NO_FILE : readSettingsFile(file, sources.databases);
  const named = [...new Set([...sources.databases, ...inFile.databases])];
  // Who only looks does not know which of them have a definition of their own.
  const patternOf = patternAmong(mentioned ? named.filter((name) => name.includes('*')) : sources.databases);
  const own = mentioned
    ? named
    : named.filter((name) => sources.databases.includes(name) || patternOf(name) !== undefined);
  // What a file that is wrong would name is not known.
  const isKnown = otherDatabases !== 'any' && inFile.problems.length === 0;
  const others = isKnown ? [...otherDatabases, ...inFile.databases] : 'any';
  const inEnvironment = readEnvironment(env, { own, others, mentioned }, readText);
  const { databases } = inEnvironment;
  const inCode = readCode(code, databases);
  const misnamed = misnamedProfile(sources.profile);
  refuse([...inEnvironment.problems, ...inFile.problems, ...misnamed, ...inCode.problems]);
  const ofCode = sources.profile === undefined ? undefined : { name: sources.profile, origin: 'code' };
  // Without a file there is nothing to choose from: a variable for other processes of the host does no harm.
  const profile = file && (sources.asked ?? inEnvironment.profile ?? ofCode);
  if (file && profile) refuse(missingProfile(profile, file, [...inFile.profiles.keys()]));
  const layers = [inEnvironment.layer, inFile.profiles.get(profile?.name ?? ''), inFile.base, inCode.layer];
  const settings = settle(
    layers.filter((layer) => layer !== undefined),
    { databases, patternOf, profile, isRequirable: mentioned },
  );
  refuse([...contradictions(settings), ...neverRequired(settings)]);
  return settings;
}

function refuse([first, ...others]: readonly Problem[]): void {
  if (first !== undefined) throw refusal(first, ...others);
}

function badName(name: unknown): Problem {
  return { where: 'code', what: `databases must be names such as orders or orders-2, not ${shown(name)}` };
}

function noFile(): TextFile {
  return { missing: true };
}

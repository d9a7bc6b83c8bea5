import { isDatabaseName } from './database-name.ts';
import { nearestKey } from './nearest-key.ts';
import { shown, type Problem } from './problem.ts';
import type { SettingsFile } from './settings-file.ts';

/** Which of the profiles of a settings file is in force, and who says so. */
export interface ChosenProfile {
  readonly name: string;
  /** `code`, `environment HIVE_PROFILE`, `file /run/x (HIVE_PROFILE_FILE)`, or an option of a command: `--profile`. */
  readonly origin: string;
}

/** The variable that chooses a profile, and beats the one that code names. */
export const PROFILE_VARIABLE = 'HIVE_PROFILE';

/** What is wrong with the choice of a profile; nothing where the file has it. Pure. */
export function missingProfile(
  { name, origin }: ChosenProfile,
  { path, absent = false }: SettingsFile,
  profiles: readonly string[],
): readonly Problem[] {
  if (profiles.includes(name)) return [];
  const [where, what] = placeOf(origin);
  const fault = absent ? ', which does not exist' : ', which has none';
  const nearest = nearestKey(name, profiles);
  const advice = nearest === undefined ? undefined : `the nearest valid key is profiles.${nearest}`;
  return [
    {
      where,
      what: `${what} must be a profile of ${path}${profiles.length === 0 ? fault : ''}, not ${shown(name)}`,
      advice,
    },
  ];
}

/** What is wrong with what code says: types do not reach plain JavaScript. */
export function misnamedProfile(given: unknown): readonly Problem[] {
  if (given === undefined || isDatabaseName(given)) return [];
  return [{ where: 'code', what: `profile must be the name of a profile, such as production, not ${shown(given)}` }];
}

/** Where a choice was made, and what that place calls it. */
function placeOf(origin: string): readonly [string, string] {
  if (origin === 'code') return ['code', 'profile'];
  return origin.startsWith('-') ? ['command line', origin] : ['environment', PROFILE_VARIABLE];
}

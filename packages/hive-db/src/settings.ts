import { DATABASE_NAME_IN_WORDS, isDatabaseKey, loadSettings } from '@hive/shared-db/config';
import { lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Io } from './io.ts';
import { isDatabaseError } from './database-error.ts';
import { WrongUse } from './wrong-use.ts';

/** Where a process looks when nobody says otherwise. */
const USUAL_FILE = 'settings.yaml';

/** Which settings are meant. */
export interface SettingsRequest {
  /** A file that must be there. Undefined means `settings.yaml` in the working directory, which may be missing. */
  readonly file: string | undefined;
  /** Databases whose own settings are of interest, beside what holds for all and those that the file names. */
  readonly databases: readonly string[];
  /** Which profile of the file; undefined is the one that the environment says, or none. */
  readonly profile: string | undefined;
}

/**
 * What the settings file and the environment come to; what an application sets in its code is not known here. Throws `WrongUse` for a
 * file that was named and is not there, and a `DatabaseError` for settings that are wrong.
 */
export function settingsHere(io: Pick<Io, 'env' | 'cwd'>, request: SettingsRequest): ReturnType<typeof loadSettings> {
  const { file, databases, profile } = request;
  const path = resolve(io.cwd, file ?? USUAL_FILE);
  if (file !== undefined && (file === '' || !isThere(path)))
    throw new WrongUse(`settings file ${file === '' ? '""' : file} does not exist`);
  const misnamed = databases.find((name) => !isDatabaseKey(name));
  if (misnamed !== undefined)
    throw new WrongUse(`--database must be ${DATABASE_NAME_IN_WORDS}, not ${JSON.stringify(misnamed)}`);
  const asked = profile === undefined ? undefined : { name: profile, origin: '--profile' };
  return loadSettings({ file: path, env: io.env, databases, asked, mentioned: true, otherDatabases: 'any' });
}

/** Also a link that leads nowhere, and what may not be looked at: whoever reads it says why. No name that is too long or has a NUL. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return !['ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE'].includes(code);
  }
}

/** The sentences of an error that refuses settings, one for each problem. Throws anything else on. */
export function problemsOf(error: unknown): readonly string[] {
  if (error instanceof WrongUse) return [error.message];
  if (!isDatabaseError(error)) throw error;
  return error.cause instanceof AggregateError
    ? error.cause.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one)))
    : [error.message];
}

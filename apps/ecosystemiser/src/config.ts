import { likelyKey } from '@hive/shared-db/config';
import { resolve } from 'node:path';
import { DEFAULT_DATA_DIRECTORY } from './db/adapter.ts';
import type { Io } from './io.ts';
import { WrongUse } from './wrong-use.ts';

const DATA_DIRECTORY = 'ECOSYSTEMISER_DATA_DIR';
const VARIABLES = [DATA_DIRECTORY];
const SETTINGS_FILE = 'settings.yaml';

/** What a command needs to know before it begins. */
export interface Config {
  /** Where the databases are, absolute. */
  readonly dataDirectory: string;
  /** Who asked for it: an option, a variable, or nobody. */
  readonly dataDirectoryFrom: string | undefined;
  /** The settings file of the database service, absolute; it need not exist. */
  readonly settingsFile: string;
  /** For the database service, which has its own variables. */
  readonly env: Io['env'];
}

/** The configuration from the command line and then the environment, frozen. Throws `WrongUse` for what is wrong with either. */
export function readConfig(options: { readonly dataDir?: string }, { env, cwd }: Pick<Io, 'env' | 'cwd'>): Config {
  refuseUnknownVariables(env);
  const given = directoryIn(options.dataDir, '--data-dir');
  // A variable that is wrong is no less so because the option beats it.
  const configured = directoryIn(env[DATA_DIRECTORY], DATA_DIRECTORY);
  const chosen = given ?? configured;
  return Object.freeze({
    dataDirectory: resolve(cwd, chosen ?? DEFAULT_DATA_DIRECTORY),
    dataDirectoryFrom: chosen === undefined ? undefined : given === undefined ? DATA_DIRECTORY : '--data-dir',
    settingsFile: resolve(cwd, SETTINGS_FILE),
    env,
  });
}

/** What somebody has named, as it is. Throws `WrongUse` for what is no path. */
function directoryIn(given: string | undefined, from: string): string | undefined {
  if (given !== undefined && (given.trim() === '' || given.includes('\0')))
    throw new WrongUse(`${from}: expected the path of a directory, found ${JSON.stringify(given)}`);
  return given;
}

/** Ours by its beginning, and not known: whoever set it believes that it works. */
function refuseUnknownVariables(env: Io['env']): void {
  const unknown = Object.keys(env).find((name) => name.startsWith('ECOSYSTEMISER_') && !VARIABLES.includes(name));
  if (unknown === undefined) return;
  const meant = likelyKey(unknown, VARIABLES);
  throw new WrongUse(
    `environment: ${unknown} is not a setting; ${meant === undefined ? `there is ${VARIABLES.join(', ')}` : `did you mean ${meant}?`}`,
  );
}

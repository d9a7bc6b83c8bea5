import { systemClock } from '@hive/pool';
import { DATABASE_NAME } from './config/database-name.ts';
import { loadSettings } from './config/load-settings.ts';
import { getDatabaseService } from './configured-service.ts';
import { DEFAULT_DATABASE_SETTINGS, type DatabaseSettings } from './database-settings.ts';
import type { ManagedDatabase } from './database.ts';
import { DatabaseError, isKind } from './errors.ts';
import { Labels } from './labels.ts';
import { silentLogger, type Logger } from './logger.ts';
import { checkRuntimeDirectory, runtimeDirectory } from './presence/runtime-directory.ts';
import { processRegistry } from './process-registry.ts';
import type { Migration } from './sqlite/migrations.ts';
import { absolutePath } from './sqlite/path.ts';
import { SqliteFileDatabase, type SqliteDatabase } from './sqlite/sqlite-database.ts';

export { OldConnectionPool, type OldPoolStats } from './old-pool.ts';

/** A database that an adapter opens by itself. */
export interface DirectOptions extends Partial<Omit<DatabaseSettings, 'required'>> {
  readonly name: string;
  readonly path: string;
  readonly migrations?: readonly Migration[];
  readonly logger?: Logger;
  /** Where processes leave word for each other of files that must not be written. Default: derived from the user. */
  readonly runtimeDirectory?: string;
}

/** A database without a service. */
export type DirectDatabase = SqliteDatabase & AsyncDisposable;

/**
 * Opens a SQLite file without the service: no settings file, no presence, no sharing with other components. It is what adapters
 * fall back to; applications use the service. The same checks, pragmas and waiting apply.
 */
export async function openDirect(options: DirectOptions): Promise<DirectDatabase> {
  const { name, path, migrations = [], logger = silentLogger, runtimeDirectory: configured, ...code } = options;
  const context = {
    name,
    settings: settingsOf(name, code),
    clock: systemClock,
    random: Math.random,
    logger,
    labels: new Labels(),
    dataDirectory: undefined,
    runtimeDirectory: meetingPlace(configured),
    warn: (text: string) => {
      logger.warn({ database: name }, text);
    },
  };
  const file = { path: absolutePath(name, path, undefined), migrations, integers: 'safe' } as const;
  const database = new SqliteFileDatabase(context, file);
  await openOrClose(database);
  return Object.assign(database, {
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await database.close(0);
    },
  });
}

/**
 * The database that an adapter should use: the service's, or a direct one when no service is configured in this process or it has
 * been closed. A service that refuses (a wrong path, a fence, a newer schema) is never gone around: its error comes through.
 * A fallback is logged once a database and shown in health.
 */
export async function databaseOrDirect(options: DirectOptions): Promise<SqliteDatabase> {
  const { name, logger = silentLogger } = options;
  try {
    const service = await getDatabaseService();
    return service.database(name) as unknown as SqliteDatabase;
  } catch (error) {
    const reason = whyDirect(error);
    if (reason === undefined) throw error;
    const { fallbacks, direct } = processRegistry();
    if (!fallbacks.has(name))
      logger.warn({ database: name, reason }, `database ${name} is used on a direct connection: ${reason}`);
    fallbacks.set(name, reason);
    const existing = direct.get(name) ?? openDirect(options);
    direct.set(name, existing);
    try {
      return await (existing as Promise<SqliteDatabase>);
    } catch (failure) {
      direct.delete(name);
      throw failure;
    }
  }
}

/** Closes what `databaseOrDirect` has opened directly, so that a process can end cleanly. */
export async function closeDirect(): Promise<void> {
  const { direct, fallbacks } = processRegistry();
  const databases = await Promise.allSettled(direct.values() as Iterable<Promise<DirectDatabase>>);
  direct.clear();
  fallbacks.clear();
  for (const database of databases) if (database.status === 'fulfilled') await database.value[Symbol.asyncDispose]();
}

function whyDirect(error: unknown): string | undefined {
  if (isKind(error, 'POOL_CLOSED')) return 'the database service of this process has been closed';
  const registry = processRegistry();
  return isKind(error, 'CONFIG') && registry.configured === undefined
    ? 'no database service is configured in this process'
    : undefined;
}

function settingsOf(name: string, code: Partial<DatabaseSettings>): DatabaseSettings {
  if (!DATABASE_NAME.test(name))
    throw new DatabaseError('NAME', `${JSON.stringify(name)} is no name of a database`, {
      advice: 'use a lower-case letter, then up to 62 lower-case letters, digits, - or _',
    });
  const { databases } = loadSettings({ code: { databases: { [name]: code } }, env: {}, databases: [name] });
  return databases[name] ?? DEFAULT_DATABASE_SETTINGS;
}

/** Only named: whoever has no word to leave makes no directory. */
function meetingPlace(configured: string | undefined): string | undefined {
  try {
    const directory = runtimeDirectory(configured);
    checkRuntimeDirectory(directory);
    return directory;
  } catch {
    return undefined;
  }
}

async function openOrClose(database: ManagedDatabase): Promise<void> {
  try {
    await database.open();
  } catch (error) {
    await database.close(0);
    throw error;
  }
}

import { Holdings } from './nesting/holdings.ts';
import { Offloader } from './offload/offloader.ts';
import { systemClock } from '@hive/pool/clock';
import { Activity } from './activity.ts';
import { DATABASE_NAME_IN_WORDS, isDatabaseName } from './config/database-name.ts';
import { loadSettings } from './config/load-settings.ts';
import { shown } from './config/problem.ts';
import { getDatabaseService, servedPath, whyNoService } from './service/configured-service.ts';
import { DEFAULT_DATABASE_SETTINGS, type DatabaseOptions, type DatabaseSettings } from './database-settings.ts';
import type { ManagedDatabase, TransactionOptions } from './database.ts';
import type { DirectLocation } from './direct-location.ts';
import { checkAdapterOptions } from './driver/call-options.ts';
import type { SessionOptions } from './driver/session.ts';
import { DatabaseError, isKind } from './errors.ts';
import { DEFAULT_THRESHOLDS } from './health/thresholds.ts';
import { assertLabel, Labels, shownLabel } from './labels.ts';
import { processWarnings, silentLogger, unfailing, type Logger } from './logger.ts';
import { checkRuntimeDirectory, runtimeDirectory } from './presence/runtime-directory.ts';
import { processRegistry } from './process-registry.ts';
import { assertRuntime } from './runtime-version.ts';
import { checkLogger } from './service/service-config.ts';
import type { Migration } from './sqlite/migrations.ts';
import { NoTurns } from './turns/no-turns.ts';
import { ForeignEngines } from './sqlite/foreign-engines.ts';
import { absolutePath } from './sqlite/path.ts';
import type { SqliteDatabase } from './sqlite/sqlite-database.ts';
import { SqliteFileDatabase } from './sqlite/sqlite-file-database.ts';

export { copyDatabase, type CopyOptions } from './backup/copy-database.ts';
export type { CopyFailure, CopyFault, CopyOrder, CopyProgress, CopyReport } from './backup/copy-message.ts';
export type { TableDigest } from './backup/table-digest.ts';
export { pathAt, type DirectLocation } from './direct-location.ts';
export { oldConnection, type OldConnection, type OldStatement } from './old-connection.ts';
export { OldConnectionPool, type OldPoolStats } from './old-pool.ts';

/** A database that an adapter opens by itself. */
export interface DirectOptions extends Omit<DatabaseOptions, 'required'> {
  /** As the service would call it. */
  readonly name: string;
  /** Relative to the working directory. */
  readonly path: string;
  /** The schema, step by step. Default: none. */
  readonly migrations?: readonly Migration[];
  /** Default: silent; of a fallback, a warning of the process. */
  readonly logger?: Logger;
  /** Where processes leave word for each other of files that must not be written. Default: derived from the user. */
  readonly runtimeDirectory?: string;
}

/** How long work on a direct connection may go on when there is a service again: as long as a service's own work when it closes. */
const FALLBACK_GRACE_MS = 5_000;

/** A database without a service. */
export type DirectDatabase = SqliteDatabase & AsyncDisposable;

/**
 * Opens a SQLite file without the service: no settings file, no presence, no sharing with other components. It is what adapters
 * fall back to; applications use the service. The same checks, pragmas and waiting apply.
 */
export async function openDirect(options: DirectOptions): Promise<DirectDatabase> {
  assertRuntime(process.versions.node);
  checkOptions(options);
  const { name, path, migrations = [], logger: given = silentLogger, runtimeDirectory: configured, ...code } = options;
  const logger = unfailing(given);
  const activity = new Activity();
  const context = {
    name,
    app: undefined,
    settings: settingsOf(name, code, configured),
    clock: systemClock,
    random: Math.random,
    logger,
    labels: new Labels(activity, systemClock),
    activity,
    turns: () => new NoTurns('it is used without the service', systemClock),
    holdings: new Holdings(systemClock, logger),
    offloader: new Offloader(systemClock),
    thresholds: DEFAULT_THRESHOLDS,
    dataDirectory: undefined,
    runtimeDirectory: meetingPlace(configured),
    checkpointer: undefined,
    warn: (text: string) => {
      logger.warn({ database: name }, text);
    },
  };
  const engines = new ForeignEngines();
  const file = { path: absolutePath(name, path, undefined), migrations, integers: 'safe', engines } as const;
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
 *
 * A fallback is logged once a database and shown in health, and ends as soon as there is a service. After a service was closed it
 * uses the file that the service had; `path` is for when none has said where the file is.
 */
export async function databaseOrDirect(options: DirectOptions): Promise<SqliteDatabase> {
  checkOptions(options);
  const { name } = options;
  const reason = whyNoService();
  if (reason !== undefined) return fallBack(options, reason);
  // Before the service opens: it would refuse a file that is open a second time.
  await endFallback(name);
  try {
    const service = await getDatabaseService();
    return service.database(name) as unknown as SqliteDatabase;
  } catch (error) {
    // It was closed while it was being opened.
    const closed = isKind(error, 'POOL_CLOSED') ? whyNoService() : undefined;
    if (closed === undefined) throw error;
    return fallBack(options, closed);
  }
}

/**
 * Checks what the caller of an adapter gives beside its function, before anything is opened for it. Throws `WRONG_USE` for a label that
 * is none, `CONFIG` for an option that is none.
 */
export function checkAdapterCall(
  kind: 'sessions' | 'transactions',
  database: string,
  label: string,
  options: (SessionOptions | TransactionOptions) & DirectLocation,
): void {
  assertLabel(label);
  checkAdapterOptions(options, kind, { database, label: shownLabel(label) });
}

/** Closes what `databaseOrDirect` has opened directly, so that a process can end cleanly. */
export async function closeDirect(): Promise<void> {
  const { direct, fallbacks } = processRegistry();
  await Promise.all([...new Set([...direct.keys(), ...fallbacks.keys()])].map(endFallback));
}

async function fallBack(options: DirectOptions, reason: string): Promise<SqliteDatabase> {
  // Whoever was given no logger must hear of it, too: nobody looks for what was never said.
  const { name, logger = processWarnings } = options;
  const { fallbacks, direct } = processRegistry();
  if (!fallbacks.has(name))
    unfailing(logger).warn({ database: name, reason }, `database ${name} is used on a direct connection: ${reason}`);
  fallbacks.set(name, reason);
  const existing = direct.get(name) ?? openDirect({ ...options, logger, path: servedPath(name) ?? options.path });
  direct.set(name, existing);
  try {
    return await (existing as Promise<SqliteDatabase>);
  } catch (failure) {
    direct.delete(name);
    throw failure;
  }
}

async function endFallback(name: string): Promise<void> {
  const { fallbacks, direct } = processRegistry();
  const database = direct.get(name) as Promise<ManagedDatabase> | undefined;
  fallbacks.delete(name);
  if (database === undefined) return;
  const [opened] = await Promise.allSettled([database]);
  if (opened.status === 'fulfilled') await opened.value.close(FALLBACK_GRACE_MS);
  // Forgotten only now: whoever else asks meanwhile waits for it too.
  if (direct.get(name) === database) direct.delete(name);
}

function checkOptions(options: DirectOptions): void {
  if (typeof options !== 'object' || options === null)
    throw new DatabaseError(
      'CONFIG',
      `a direct database was asked for with ${shown(options)}; expected { name, path }`,
    );
  const { name, logger, migrations = [] } = options;
  checkLogger(logger);
  if (!Array.isArray(migrations))
    throw new DatabaseError(
      'CONFIG',
      `the option migrations of a direct database is ${shown(migrations, 'an object')}; expected a list of { id, name, sql | up }`,
    );
  if (isDatabaseName(name)) return;
  throw new DatabaseError('NAME', `${shown(name, 'an object')} is no name of a database`, {
    advice: `use ${DATABASE_NAME_IN_WORDS}`,
  });
}

function settingsOf(name: string, options: DatabaseOptions, runtime: string | undefined): DatabaseSettings {
  const code = { runtimeDirectory: runtime, databases: { [name]: options } };
  const { databases } = loadSettings({ code, env: {}, databases: [name] });
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

import type { Clock } from '@hive/pool';
import { DATABASE_NAME_IN_WORDS, isDatabaseKey, isDatabaseName } from '../config/database-name.ts';
import { nearestKey } from '../config/nearest-key.ts';
import { shown } from '../config/problem.ts';
import type { HttpSettings, SharedDatabaseSettings } from '../config/resolved-settings.ts';
import type { DatabaseDefinition } from '../database.ts';
import type { DatabaseOptions } from '../database-settings.ts';
import { DatabaseError } from '../errors.ts';
import type { Thresholds } from '../health/thresholds.ts';
import { LOGGER_METHODS, type Logger, type LogLevel } from '../logger.ts';
import type { NamesOf } from '../config/name-pattern.ts';

/** The databases of a service by name, each with what it was defined as. */
export type Definitions = Readonly<Record<string, DatabaseDefinition>>;

/** What `database(name)` gives for a definition. */
export type DatabaseOf<D> = D extends DatabaseDefinition<infer T> ? T : never;

/** What `database(name)` gives, by name; for a pattern `tenant-*`, by each that begins like it. */
export type DatabasesOf<D extends Definitions> = {
  readonly [K in keyof D & string as NamesOf<K>]: DatabaseOf<D[K]>;
};

/** Everything that `openDatabaseService` takes. `app` and `databases` are required. */
export interface ServiceConfig<D extends Definitions = Definitions> {
  /** How other processes call this one: a name like those of databases, shown by `hive-db`, in metrics and in errors. */
  readonly app: string;
  /**
   * At least one, by the names that the application asks for. A name with a `*` is a pattern for many, such as one file for each tenant:
   * `'tenant-*': sqlite({ path: 'tenants/*.db' })`. Those are opened when they are used, and closed when nobody uses them.
   */
  readonly databases: D;
  /** What paths are relative to, and what none may leave. Default: the working directory, and they may. */
  readonly dataDirectory?: string;
  /** Where processes find each other: absolute. Default: derived from the user alone, so that all processes of one user meet. */
  readonly runtimeDirectory?: string;
  /** Whether `hive-db` can see this process. Default true: what cannot be seen cannot be asked who holds the lock. */
  readonly presence?: boolean;
  /** How many statements `offload` runs at once. Default: one less than there are processors, and at least one. */
  readonly offloadWorkers?: number;
  /** From which level on the service logs. Default: as `logger` does by itself. */
  readonly logLevel?: LogLevel;
  /** Health and metrics on a port of their own, answered by a thread that does not wait for the main one. Default: no port is opened. */
  readonly http?: Partial<HttpSettings>;
  /** Defaults for all databases, in milliseconds. What a database is defined with beats them. */
  readonly database?: Omit<Partial<SharedDatabaseSettings>, 'autoSize'> & Pick<DatabaseOptions, 'autoSize'>;
  /** When health warns and fails. */
  readonly thresholds?: Partial<Thresholds>;
  /** A settings file; it overrides what stands here. A missing one is fine; one that cannot be read or is wrong is not. */
  readonly settingsFile?: string;
  /** Which of the profiles of that file is in force; `HIVE_PROFILE` in the environment beats it. Default: none. */
  readonly profile?: string;
  /**
   * Databases of other processes, of which the environment may speak as well. A variable for one that is neither here, nor of this service,
   * nor in the settings file is refused. Default: none.
   */
  readonly otherDatabases?: readonly string[];
  /** Whether that file is read again, as `reload` does it, when it has changed and then stayed so for a second. Default false. */
  readonly watchSettings?: boolean;
  /** The environment, `process.env` as a rule; it overrides the file. Default: none is read, so that a test depends on none. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** A pino logger, or anything like it. Default: silent. What it throws is dropped: a log must not undo what was committed. */
  readonly logger?: Logger;
  /** Where time comes from. Default: the system's clock. */
  readonly clock?: Clock;
  /** Numbers from 0 up to 1, for the jitter of waits. Default: `Math.random`. */
  readonly random?: () => number;
}

const KEYS = [
  'app',
  'databases',
  'dataDirectory',
  'runtimeDirectory',
  'presence',
  'offloadWorkers',
  'http',
  'database',
  'thresholds',
  'logLevel',
  'settingsFile',
  'profile',
  'otherDatabases',
  'watchSettings',
  'env',
  'logger',
  'clock',
  'random',
];

/**
 * Throws `CONFIG` or `NAME`, naming the option, for what can be seen to be wrong without resolving anything. Settings are checked
 * where they are resolved, with their origins.
 */
export function checkConfig(config: ServiceConfig): void {
  if (typeof config !== 'object' || config === null)
    throw new DatabaseError('CONFIG', `openDatabaseService was given ${shown(config)}; expected { app, databases }`);
  for (const key of Object.keys(config)) if (!KEYS.includes(key)) throw unknownOption(key);
  if (!isDatabaseName(config.app))
    throw new DatabaseError(
      'NAME',
      `code: app is ${shown(config.app, 'an object')}; expected a name like "orchestrator"`,
    );
  checkDatabases(config.databases);
  const { settingsFile, profile, otherDatabases = [], watchSettings, env, clock, random } = config;
  checkLogger(config.logger);
  if (clock !== undefined) checkMethods('clock', clock, ['now', 'wallTime', 'after', 'nextTurn', 'turns']);
  if (random !== undefined && typeof random !== 'function') throw wrong('random', random, 'a function');
  if (env !== undefined && (typeof env !== 'object' || env === null)) throw wrong('env', env, 'an object of variables');
  if (settingsFile !== undefined && typeof settingsFile !== 'string')
    throw wrong('settingsFile', settingsFile, 'the path of a file');
  if (profile !== undefined && settingsFile === undefined)
    throw new DatabaseError('CONFIG', `code: profile is ${shown(profile)}, and there is no settingsFile that has it`);
  if (!Array.isArray(otherDatabases) || !otherDatabases.every(isDatabaseName))
    throw wrong('otherDatabases', otherDatabases, 'a list of names of databases');
  if (watchSettings !== undefined && typeof watchSettings !== 'boolean')
    throw wrong('watchSettings', watchSettings, 'true or false');
  if (watchSettings === true && settingsFile === undefined)
    throw new DatabaseError('CONFIG', 'code: watchSettings is true, and there is no settingsFile to watch');
}

/** Throws `CONFIG` for what is neither a logger nor absent. */
export function checkLogger(logger: Logger | undefined): void {
  if (logger !== undefined) checkMethods('logger', logger, LOGGER_METHODS);
}

function checkDatabases(databases: Definitions): void {
  const all = typeof databases === 'object' && databases !== null ? Object.entries<unknown>(databases) : [];
  if (all.length === 0)
    throw new DatabaseError(
      'CONFIG',
      'code: databases is empty; expected at least one, such as { orders: sqlite({ path }) }',
    );
  for (const [name, definition] of all) {
    if (!isDatabaseKey(name))
      throw new DatabaseError('NAME', `code: ${JSON.stringify(name)} is no name of a database`, {
        advice: `use ${DATABASE_NAME_IN_WORDS}`,
      });
    if (!isDefinition(definition)) throw wrong(`databases.${name}`, definition, 'sqlite({ path }) or the like');
  }
}

function isDefinition(value: unknown): value is DatabaseDefinition {
  const { settings, identity, create } = (value ?? {}) as Partial<DatabaseDefinition>;
  return typeof settings === 'object' && typeof identity === 'function' && typeof create === 'function';
}

function checkMethods(option: string, value: unknown, methods: readonly string[]): void {
  const missing = methods.find((method) => typeof (value as Record<string, unknown> | null)?.[method] !== 'function');
  if (missing === undefined) return;
  throw new DatabaseError('CONFIG', `code: ${option} has no function ${missing}`, {
    advice: `expected an object with ${methods.join(', ')}`,
  });
}

function unknownOption(key: string): DatabaseError {
  return new DatabaseError('CONFIG', `code: openDatabaseService has no option ${key}`, {
    advice: `did you mean ${nearestKey(key, KEYS)}`,
  });
}

function wrong(option: string, value: unknown, expected: string): DatabaseError {
  return new DatabaseError('CONFIG', `code: ${option} is ${shown(value, 'an object')}; expected ${expected}`);
}

import { nearestKey } from './config/nearest-key.ts';
import { shown } from './config/problem.ts';
import type { Database, DatabaseContext, DatabaseDefinition, DatabasePlace } from './database.ts';
import type { DatabaseOptions } from './database-settings.ts';
import { checkBudgetNames } from './driver/budget-names.ts';
import { DatabaseError } from './errors.ts';
import type { OpenDatabases } from './on-demand/open-databases.ts';
import { checkTerms, type OnDemandTerms } from './on-demand/terms.ts';
import type { IntegerMode } from './sqlite/integers.ts';
import type { Migration } from './sqlite/migrations.ts';
import { ForeignEngines } from './sqlite/foreign-engines.ts';
import { OnDemandSqliteDatabase } from './sqlite/on-demand-sqlite-database.ts';
import { absolutePath, placeOf } from './sqlite/path.ts';
import type { SqliteDatabase } from './sqlite/sqlite-database.ts';
import { SqliteFileDatabase } from './sqlite/sqlite-file-database.ts';

/** A database in one SQLite file. Only `path` is required. */
export interface SqliteOptions extends DatabaseOptions, Partial<OnDemandTerms> {
  /**
   * Relative to `dataDirectory`, or to the working directory. The file and its directory are made when they are not there. For a pattern, a
   * `*` in it stands for what the `*` in the name stands for.
   */
  readonly path: string;
  /** The schema, step by step. Default: none. */
  readonly migrations?: readonly Migration[];
  /** How integers come out. Default `safe`: numbers, and what a number cannot hold throws. */
  readonly integers?: IntegerMode;
}

const OPTION_NAMES = [
  'path',
  'migrations',
  'integers',
  'mostOpen',
  'idleMs',
  'poolSize',
  'maxOverflow',
  'initialSize',
  'autoSize',
  'budgets',
  'acquireTimeoutMs',
  'recycleMs',
  'leakAfterMs',
  'captureEvery',
  'captureApartMs',
  'echo',
  'echoStatements',
  'durability',
  'required',
  'thresholds',
];

/** Defines a database in a SQLite file, for `openDatabaseService`. Nothing is opened yet. Throws `CONFIG` for an unknown option. */
export function sqlite(options: SqliteOptions): DatabaseDefinition<SqliteDatabase> {
  if (typeof options !== 'object' || options === null)
    throw new DatabaseError('CONFIG', `sqlite() was given ${shown(options)}; expected { path }`);
  for (const key of Object.keys(options))
    if (!OPTION_NAMES.includes(key))
      throw new DatabaseError('CONFIG', `sqlite() has no option ${key}; there are ${OPTION_NAMES.join(', ')}`, {
        advice: `did you mean ${nearestKey(key, OPTION_NAMES)}`,
      });
  const { migrations = [], integers = 'safe', mostOpen, idleMs, ...settings } = options;
  const terms = checkTerms({ mostOpen, idleMs }, 'sqlite()');
  checkBudgetNames(settings.budgets);
  if (!Array.isArray(migrations))
    throw new DatabaseError(
      'CONFIG',
      `sqlite() option migrations is ${shown(migrations, 'an object')}; expected a list of { id, name, sql | up }`,
    );
  if (!['safe', 'bigint', 'number'].includes(integers))
    throw new DatabaseError(
      'CONFIG',
      `sqlite() option integers is ${shown(integers, 'an object')}; expected safe, bigint or number`,
    );
  const engines = new ForeignEngines();
  const pathFor = ({ name, part, dataDirectory, pathOrigin }: DatabasePlace, path = options.path): string =>
    absolutePath(name, part === undefined ? path : path.replaceAll('*', part), dataDirectory, pathOrigin);
  return Object.freeze({
    driver: 'sqlite',
    settings: Object.freeze(settings),
    identity: (place: DatabasePlace, path: string | undefined) => placeOf(pathFor(place, path)),
    onDemand: {
      terms,
      handle: (name: string, databases: OpenDatabases<Database>) =>
        new OnDemandSqliteDatabase(name, databases as unknown as OpenDatabases<SqliteDatabase>),
    },
    create: (context: DatabaseContext, path: string | undefined) =>
      new SqliteFileDatabase(context, { path: pathFor(context, path), migrations, integers, engines }),
  });
}

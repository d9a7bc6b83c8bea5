import type { Budgets } from '@hive/pool';
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nearestKey } from './config/nearest-key.ts';
import { shown } from './config/problem.ts';
import type { DatabaseContext, DatabaseDefinition, DatabasePlace } from './database.ts';
import type { GivenDatabaseSettings } from './database-settings.ts';
import { checkBudgetNames } from './driver/budget-names.ts';
import { DatabaseError } from './errors.ts';
import type { IntegerMode } from './sqlite/integers.ts';
import type { Migration } from './sqlite/migrations.ts';
import { absolutePath, identityOf } from './sqlite/path.ts';
import type { SqliteDatabase } from './sqlite/sqlite-database.ts';
import { SqliteFileDatabase } from './sqlite/sqlite-file-database.ts';

/** A database in one SQLite file. Only `path` is required. */
export interface SqliteOptions extends GivenDatabaseSettings {
  /** Relative to `dataDirectory`, or to the working directory. The file and its directory are made when they are not there. */
  readonly path: string;
  /** The schema, step by step. Default: none. */
  readonly migrations?: readonly Migration[];
  /** How integers come out. Default `safe`: numbers, and what a number cannot hold throws. */
  readonly integers?: IntegerMode;
  /**
   * Who may have how many of the connections that read, by names that calls give (`read(label, fn, { budget })`): what each has reserved,
   * its most and its weight. Default: none, all are equal. What is asked for without a connection of the pool, such as `write`,
   * `readSync` and `offload`, has none.
   */
  readonly budgets?: Budgets;
}

const OPTION_NAMES = [
  'path',
  'migrations',
  'integers',
  'budgets',
  'poolSize',
  'maxOverflow',
  'acquireTimeoutMs',
  'recycleMs',
  'leakAfterMs',
  'captureEvery',
  'echo',
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
  const { migrations = [], integers = 'safe', budgets, ...settings } = options;
  checkBudgetNames(budgets);
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
  const pathFor = ({ name, dataDirectory, pathOrigin }: DatabasePlace, path = options.path): string =>
    absolutePath(name, path, dataDirectory, pathOrigin);
  return Object.freeze({
    driver: 'sqlite',
    settings: Object.freeze(settings),
    identity: (place: DatabasePlace, path: string | undefined) => placeOf(pathFor(place, path)),
    create: (context: DatabaseContext, path: string | undefined) =>
      new SqliteFileDatabase(context, { path: pathFor(context, path), migrations, integers, budgets }),
  });
}

/** Two paths are one file when they have one inode; before the file exists, when they end in one name in one directory. */
function placeOf(path: string): string {
  const file = identityOf(path);
  if (file !== undefined) return file.key;
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}

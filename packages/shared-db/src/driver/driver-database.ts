import type { SharedLimit } from '@hive/pool';
import { shown } from '../config/problem.ts';
import type { DatabaseContext, DatabaseDefinition } from '../database.ts';
import type { DatabaseOptions } from '../database-settings.ts';
import { DatabaseError } from '../errors.ts';
import type { Driver } from './driver.ts';
import { PooledDatabase } from './pooled-database.ts';

/** A database on a driver that somebody else provides. */
export interface DriverDatabaseOptions extends Omit<DatabaseOptions, 'durability'> {
  readonly driver: Driver;
  /** What tells two databases that they are one: an address and a name. */
  readonly identity: string;
  /**
   * What all databases to which it is given may have open together, where they are on one server: `createLimit(20)`. What is idle in one is closed when
   * somebody waits in another. Its `resize` changes it while the process runs. Default: each has as many as its own settings say.
   */
  readonly sharedLimit?: SharedLimit;
}

/** Defines a database on any driver, for `openDatabaseService`. Nothing is opened yet. Throws `CONFIG` for what is no driver. */
export function driverDatabase(options: DriverDatabaseOptions): DatabaseDefinition {
  if (typeof options !== 'object' || options === null)
    throw new DatabaseError('CONFIG', `driverDatabase() was given ${shown(options)}; expected { driver, identity }`);
  const { driver, identity, sharedLimit, ...settings } = options;
  if (typeof driver?.connect !== 'function' || typeof driver.classify !== 'function' || typeof driver.name !== 'string')
    throw new DatabaseError('CONFIG', 'driverDatabase() option driver has not all of name, connect and classify');
  if (typeof identity !== 'string')
    throw new DatabaseError(
      'CONFIG',
      `driverDatabase() option identity is ${shown(identity, 'an object')}; expected a text such as an address and a name`,
    );
  return Object.freeze({
    driver: driver.name,
    settings: Object.freeze(settings),
    identity: () => identity,
    create: (context: DatabaseContext) => new PooledDatabase(context, driver, { sharedLimit }),
  });
}

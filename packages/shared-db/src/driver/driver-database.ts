import type { DatabaseContext, DatabaseDefinition } from '../database.ts';
import type { DatabaseSettings } from '../database-settings.ts';
import type { Driver } from './driver.ts';
import { PooledDatabase } from './pooled-database.ts';

/** A database on a driver that somebody else provides. */
export interface DriverDatabaseOptions extends Partial<Omit<DatabaseSettings, 'durability'>> {
  readonly driver: Driver;
  /** What tells two databases that they are one: an address and a name. */
  readonly identity: string;
}

/** Defines a database on any driver. */
export function driverDatabase({ driver, identity, ...settings }: DriverDatabaseOptions): DatabaseDefinition {
  return Object.freeze({
    driver: driver.name,
    settings: Object.freeze(settings),
    identity: () => identity,
    create: (context: DatabaseContext) => new PooledDatabase(context, driver),
  });
}

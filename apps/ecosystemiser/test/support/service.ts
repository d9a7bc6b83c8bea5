import {
  configureDatabaseService,
  getDatabaseService,
  sqlite,
  type DatabaseService,
  type Logger,
} from '@hive/shared-db';
import { busMigrations } from '@hive/hive-bus';
import { schema } from '../../src/db/schema.ts';

export const databasesIn = (directory: string) => ({
  ecosystemiser: sqlite({ path: `${directory}/ecosystemiser.db`, migrations: schema, durability: 'normal' }),
  bus: sqlite({ path: `${directory}/bus.db`, migrations: busMigrations, durability: 'normal' }),
});

/** The one service of this process, on databases of its own that nobody else sees. */
export function serviceIn(
  directory: string,
  logger?: Logger,
): Promise<DatabaseService<ReturnType<typeof databasesIn>>> {
  configureDatabaseService({
    app: 'ecosystemiser',
    presence: false,
    databases: databasesIn(directory),
    ...(logger === undefined ? {} : { logger }),
  });
  return getDatabaseService();
}

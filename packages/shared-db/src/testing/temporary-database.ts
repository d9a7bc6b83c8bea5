import type { DatabaseService } from '../service/database-service.ts';
import { openDatabaseService } from '../service/open-database-service.ts';
import type { ServiceConfig } from '../service/service-config.ts';
import { sqlite, type SqliteOptions } from '../sqlite.ts';
import type { DatabaseDefinition } from '../database.ts';
import type { SqliteDatabase } from '../sqlite/sqlite-database.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** What a test wants to be special about its database, and about the service that holds it. */
export interface TemporaryDatabaseOptions
  extends
    Omit<SqliteOptions, 'path' | 'thresholds'>,
    Pick<ServiceConfig, 'clock' | 'logger' | 'offloadWorkers' | 'random' | 'runtimeDirectory' | 'thresholds'> {}

/** One real SQLite file with a service of its own. */
export interface TemporaryDatabase extends AsyncDisposable {
  /** The one database of the service. */
  readonly database: SqliteDatabase;
  readonly service: DatabaseService<{ readonly test: DatabaseDefinition<SqliteDatabase> }>;
  readonly path: string;
}

/**
 * Opens a database, named `test`, in a temporary directory. Made for `await using`: the service is closed and the file removed when
 * the scope ends. It must be usable, or this rejects; it is seen by no other process unless `runtimeDirectory` is given; and it is
 * not synced to the disk unless `durability` is `full`, because nothing of it has to last.
 */
export async function temporaryDatabase(options: TemporaryDatabaseOptions = {}): Promise<TemporaryDatabase> {
  const { clock, logger, offloadWorkers, random, runtimeDirectory, thresholds, ...database } = options;
  const directory = temporaryDirectory();
  const path = directory.file('test.db');
  try {
    const service = await openDatabaseService({
      app: 'test',
      presence: runtimeDirectory !== undefined,
      databases: { test: sqlite({ durability: 'normal', required: true, ...database, path }) },
      ...(clock === undefined ? {} : { clock }),
      ...(logger === undefined ? {} : { logger }),
      ...(offloadWorkers === undefined ? {} : { offloadWorkers }),
      ...(random === undefined ? {} : { random }),
      ...(runtimeDirectory === undefined ? {} : { runtimeDirectory }),
      ...(thresholds === undefined ? {} : { thresholds }),
    });
    return {
      database: service.database('test'),
      service,
      path,
      [Symbol.asyncDispose]: async () => {
        await service.close({ graceMs: 0 });
        directory[Symbol.dispose]();
      },
    };
  } catch (error) {
    directory[Symbol.dispose]();
    throw error;
  }
}

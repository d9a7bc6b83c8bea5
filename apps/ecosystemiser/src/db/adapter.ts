import type { Session, SessionOptions, SqliteDatabase, Transaction, TransactionOptions } from '@hive/shared-db';
import { checkAdapterCall, databaseOrDirect, pathAt, type DirectLocation } from '@hive/shared-db/direct';
import { schema } from './schema.ts';

/** The name of the database in the service, in settings and in health. */
export const ECOSYSTEMISER = 'ecosystemiser';
/** Its file in the data directory. */
export const ECOSYSTEMISER_FILE = 'ecosystemiser.db';
/** Where databases are when nobody says otherwise: below the working directory. */
export const DEFAULT_DATA_DIRECTORY = '.hive';

/**
 * The ecosystemiser's database: that of the process's service; on a direct connection when no service is configured or it has
 * been closed, which is said once in the log and shown in health. A service that refuses is not gone around: its error comes
 * through.
 */
export async function getEcosystemiserDatabase(location: DirectLocation = {}): Promise<SqliteDatabase> {
  const path = pathAt(location, ECOSYSTEMISER_FILE, DEFAULT_DATA_DIRECTORY);
  const { logger } = location;
  return databaseOrDirect({
    name: ECOSYSTEMISER,
    path,
    migrations: schema,
    ...(logger === undefined ? {} : { logger }),
  });
}

/** A connection of one's own, made for `await using`: it reads, and writes in `session.transaction`. */
export async function getEcosystemiserConnection(
  label: string,
  given: SessionOptions & DirectLocation = {},
): Promise<Session> {
  checkAdapterCall('sessions', ECOSYSTEMISER, label, given);
  const { dataDirectory, logger, ...options } = given;
  const database = await getEcosystemiserDatabase({ dataDirectory, logger });
  return database.session(label, options);
}

/** Runs the function in a transaction: committed when it resolves, rolled back when it rejects. */
export async function ecosystemiserTransaction<T>(
  label: string,
  fn: (tx: Transaction) => Promise<T>,
  given: TransactionOptions & DirectLocation = {},
): Promise<T> {
  checkAdapterCall('transactions', ECOSYSTEMISER, label, given);
  const { dataDirectory, logger, ...options } = given;
  const database = await getEcosystemiserDatabase({ dataDirectory, logger });
  return database.transaction(label, fn, options);
}

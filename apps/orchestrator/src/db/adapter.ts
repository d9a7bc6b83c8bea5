import type { Session, SessionOptions, SqliteDatabase, Transaction, TransactionOptions } from '@hive/shared-db';
import { checkAdapterCall, databaseOrDirect, pathAt, type DirectLocation } from '@hive/shared-db/direct';
import { orchestratorMigrations } from './schema.ts';

/** The name of the database in the service, in settings and in health. */
export const ORCHESTRATOR = 'orchestrator';
/** Its file in the data directory. */
export const ORCHESTRATOR_FILE = 'orchestrator.db';
/** Where databases are when nobody says otherwise: below the working directory, beside what uses them. */
export const DEFAULT_DATA_DIRECTORY = '.hive';

/**
 * The orchestrator's database: that of the process's service; on a connection of its own when no service is configured or it has
 * been closed, which is logged once and shown in health. A service that refuses is not gone around: its error comes through.
 */
export async function getOrchestratorDatabase(location: DirectLocation = {}): Promise<SqliteDatabase> {
  const path = pathAt(location, ORCHESTRATOR_FILE, DEFAULT_DATA_DIRECTORY);
  const { logger } = location;
  return databaseOrDirect({
    name: ORCHESTRATOR,
    path,
    migrations: orchestratorMigrations,
    ...(logger === undefined ? {} : { logger }),
  });
}

/** A connection of one's own, made for `await using`: it reads, and writes in `session.transaction`. */
export async function getOrchestratorConnection(
  label: string,
  given: SessionOptions & DirectLocation = {},
): Promise<Session> {
  checkAdapterCall('sessions', ORCHESTRATOR, label, given);
  const { dataDirectory, logger, ...options } = given;
  const database = await getOrchestratorDatabase({ dataDirectory, logger });
  return database.session(label, options);
}

/** Runs the function in a transaction: committed when it resolves, rolled back when it rejects. */
export async function orchestratorTransaction<T>(
  label: string,
  fn: (tx: Transaction) => Promise<T>,
  given: TransactionOptions & DirectLocation = {},
): Promise<T> {
  checkAdapterCall('transactions', ORCHESTRATOR, label, given);
  const { dataDirectory, logger, ...options } = given;
  const database = await getOrchestratorDatabase({ dataDirectory, logger });
  return database.transaction(label, fn, options);
}

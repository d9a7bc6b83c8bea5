import type { Connection, Session, SqliteDatabase, Transaction, TransactionOptions } from '@hive/shared-db';
import { databaseOrDirect } from '@hive/shared-db/direct';
import { schema } from './schema.ts';

export type { Connection, Session, Transaction };

/** Where the database is when no service is configured in this process. */
const DIRECT_PATH = '.hive/ecosystemiser.db';

/**
 * The ecosystemiser's database: the shared service's, or a direct connection while no service is configured in this process or
 * after it was closed, which is said once in the log and shown in health. What the service refuses is never gone around.
 */
export function getEcosystemiserDatabase(): Promise<SqliteDatabase> {
  return databaseOrDirect({ name: 'ecosystemiser', path: DIRECT_PATH, migrations: schema });
}

/** A connection of one's own, for `await using`. It reads; its `transaction` writes. */
export async function getEcosystemiserConnection(label: string): Promise<Session> {
  const database = await getEcosystemiserDatabase();
  return database.session(label);
}

/** Runs the function in a transaction: committed when it resolves, undone when it rejects. */
export async function ecosystemiserTransaction<T>(
  label: string,
  fn: (tx: Transaction) => Promise<T>,
  options?: TransactionOptions,
): Promise<T> {
  const database = await getEcosystemiserDatabase();
  return database.transaction(label, fn, options);
}

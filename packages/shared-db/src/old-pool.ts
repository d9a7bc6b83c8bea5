import { noteDeprecated, type Deprecation } from './deprecations.ts';
import { oldConnection, type OldConnection } from './old-connection.ts';
import { DatabaseError } from './errors.ts';
import type { SqliteDatabase } from './sqlite/sqlite-database.ts';

/** What an old pool said of itself. */
export interface OldPoolStats {
  /** Connections that were lent and not given back. */
  readonly inUse: number;
  readonly databaseName: string;
}

/**
 * The shape of the connection pools that components used to bring along, over the shared service. Making one warns once per call
 * site and is counted; it works. It holds no connection. Extend it with the name and the replacement that your users know.
 */
export class OldConnectionPool {
  readonly #database: () => Promise<SqliteDatabase>;
  readonly #out = new Set<OldConnection>();
  #closed = false;

  constructor(database: () => Promise<SqliteDatabase>, deprecation: Deprecation) {
    noteDeprecated(deprecation, new.target);
    this.#database = database;
  }

  /** Lends a connection, to be given back by `returnConnection` or by itself. Rejects when the pool has been closed. */
  async getConnection(): Promise<OldConnection> {
    this.#assertOpen();
    const connection = await oldConnection(this.#database, 'old ConnectionPool', (one) => this.#out.delete(one));
    // It may have been closed while its database was opened.
    this.#assertOpen();
    this.#out.add(connection);
    return connection;
  }

  #assertOpen(): void {
    if (this.#closed) throw new DatabaseError('POOL_CLOSED', 'this ConnectionPool has been closed');
  }

  async returnConnection(connection: OldConnection): Promise<void> {
    await connection.close();
  }

  /** Ends what is still out and lends nothing any more. The database itself belongs to the service and stays open. */
  async closeAll(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#out].map((connection) => connection.close()));
  }

  async getStats(): Promise<OldPoolStats> {
    const { name } = await this.#database();
    return { inUse: this.#out.size, databaseName: name };
  }
}

import { noteDeprecated, type Deprecation } from './deprecations.ts';
import type { Session } from './driver/session.ts';
import type { SqliteDatabase } from './sqlite/sqlite-database.ts';

/** What an old pool said of itself. */
export interface OldPoolStats {
  readonly inUse: number;
  readonly databaseName: string;
}

/**
 * The shape of the connection pools that components used to bring along, over the shared service. Making one warns once per call
 * site and is counted; it works. Extend it with the name and the replacement that your users know.
 */
export class OldConnectionPool {
  readonly #database: () => Promise<SqliteDatabase>;
  readonly #out = new Set<Session>();
  #closed = false;

  constructor(database: () => Promise<SqliteDatabase>, deprecation: Deprecation) {
    noteDeprecated(deprecation, new.target);
    this.#database = database;
  }

  /** Borrows a connection, which must be given back with `returnConnection`. Rejects when the pool has been closed. */
  async getConnection(): Promise<Session> {
    if (this.#closed) throw new Error('this ConnectionPool has been closed');
    const database = await this.#database();
    const session = await database.session('old ConnectionPool');
    this.#out.add(session);
    return session;
  }

  async returnConnection(connection: Session): Promise<void> {
    this.#out.delete(connection);
    await connection.close();
  }

  /** Takes back what is still out and hands out nothing any more. The database itself belongs to the service and stays open. */
  async closeAll(): Promise<void> {
    this.#closed = true;
    const out = [...this.#out];
    this.#out.clear();
    await Promise.all(out.map((session) => session.close()));
  }

  async getStats(): Promise<OldPoolStats> {
    const { name } = await this.#database();
    return { inUse: this.#out.size, databaseName: name };
  }
}

import type { SqliteConnection } from '../sqlite/connection.ts';

/**
 * One read transaction for several short reads of one message: SQLite takes and lets go of its lock once for all of them, which is a fifth
 * of what a row by its key costs here. They see the file as it was at the first of them, when all of them had been asked for.
 */
export class JointReads {
  readonly #begun: SqliteConnection[] = [];

  /** What is read by this connection from now on is read in one transaction. */
  join(connection: SqliteConnection): void {
    if (connection.inTransaction) return;
    connection.control('BEGIN');
    this.#begun.push(connection);
  }

  /** Whoever reads next sees what is there then. */
  end(): void {
    for (const connection of this.#begun) if (connection.inTransaction) connection.control('ROLLBACK');
    this.#begun.length = 0;
  }
}

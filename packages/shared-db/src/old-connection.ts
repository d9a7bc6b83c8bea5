import type { Bindable, Row, RunResult } from './driver/driver.ts';
import type { Transaction } from './driver/scope.ts';
import { DatabaseError, isKind } from './errors.ts';
import type { SqliteDatabase } from './sqlite/sqlite-database.ts';

/** A statement of an old connection: its text, nothing more. */
export interface OldStatement {
  all<T = Row>(...params: readonly Bindable[]): Promise<T[]>;
  get<T = Row>(...params: readonly Bindable[]): Promise<T | undefined>;
  run(...params: readonly Bindable[]): Promise<RunResult>;
}

/**
 * What the callers of an old `getDbConnection()` or pool hold: they read and write statement by statement, each on its own and
 * committed when its promise resolves, and several at once in `transaction`.
 *
 * It borrows a real connection for one call at a time. So one that is kept in a variable for days, or never given back, costs nothing,
 * blocks nobody and does not end by itself; what it cannot do is remember anything between two calls, such as a temporary table.
 */
export class OldConnection implements AsyncDisposable {
  readonly #database: () => Promise<SqliteDatabase>;
  readonly #label: string;
  readonly #onClose: (connection: OldConnection) => void;
  #closed = false;

  constructor(database: () => Promise<SqliteDatabase>, label: string, onClose: (connection: OldConnection) => void) {
    this.#database = database;
    this.#label = label;
    this.#onClose = onClose;
  }

  all<T = Row>(sql: string, ...params: readonly Bindable[]): Promise<T[]> {
    return this.#query((connection) => connection.all<T>(sql, ...params));
  }

  get<T = Row>(sql: string, ...params: readonly Bindable[]): Promise<T | undefined> {
    return this.#query((connection) => connection.get<T>(sql, ...params));
  }

  async run(sql: string, ...params: readonly Bindable[]): Promise<RunResult> {
    const database = await this.#usable();
    return database.write(this.#label, (tx) => tx.run(sql, ...params));
  }

  /** Statements without parameters, all or none. */
  async exec(sql: string): Promise<void> {
    const database = await this.#usable();
    return database.write(this.#label, (tx) => {
      tx.exec(sql);
    });
  }

  prepare(sql: string): OldStatement {
    return {
      all: (...params) => this.all(sql, ...params),
      get: (...params) => this.get(sql, ...params),
      run: (...params) => this.run(sql, ...params),
    };
  }

  /** Committed when the function resolves, undone when it rejects. It takes the place of `BEGIN` and `COMMIT` as statements. */
  async transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    const database = await this.#usable();
    return database.transaction(this.#label, fn);
  }

  /** Ends it: every later call rejects with `LEASE_STALE`. A second time does nothing. */
  close(): Promise<void> {
    if (!this.#closed) this.#onClose(this);
    this.#closed = true;
    return Promise.resolve();
  }

  /** The same as `close`, for callers of pools that named it so. */
  release(): Promise<void> {
    return this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Reads, or, where the statement also writes (`INSERT ... RETURNING`), writes. */
  async #query<T>(fn: (connection: Pick<Transaction, 'all' | 'get'>) => Promise<T>): Promise<T> {
    const database = await this.#usable();
    try {
      return await database.read(this.#label, fn);
    } catch (error) {
      // A reader has refused it before it changed anything.
      if (!isKind(error, 'READ_ONLY')) throw error;
      return database.transaction(this.#label, fn);
    }
  }

  #usable(): Promise<SqliteDatabase> {
    if (!this.#closed) return this.#database();
    return Promise.reject(
      new DatabaseError('LEASE_STALE', 'this old connection has been given back', {
        label: this.#label,
        advice: 'get another one, or use the shared service, which needs none',
      }),
    );
  }
}

/** An old connection, once its database can be had. Rejects as the database does. */
export async function oldConnection(
  database: () => Promise<SqliteDatabase>,
  label: string,
  onClose: (connection: OldConnection) => void = () => undefined,
): Promise<OldConnection> {
  await database();
  return new OldConnection(database, label, onClose);
}

import type { Access, Bindable, Driver, DriverConnection, Failure, Phase, Row, RunResult } from '../driver/driver.ts';
import type { Statements } from '../statements.ts';
import type { LogSync } from '../lane/log-sync.ts';
import { classifySqlite } from './classify.ts';
import { SqliteConnection } from './connection.ts';
import type { IntegerMode } from './integers.ts';

/** Makes connections to one file. */
export interface SqliteDriverOptions {
  /** Absolute. */
  readonly path: string;
  readonly integers: IntegerMode;
  readonly statements: Statements;
  open(access: Access): ConstructorParameters<typeof SqliteConnection>[0];
  /** What makes the commits of a connection last; undefined where they need not survive the loss of power. */
  syncOfLog(): LogSync | undefined;
}

/** SQLite behind the driver port. Every method does its work before it returns: the promises are for the port's sake. */
export class SqliteDriver implements Driver {
  readonly name = 'sqlite';
  readonly singleWriter = true;
  readonly #options: SqliteDriverOptions;

  constructor(options: SqliteDriverOptions) {
    this.#options = options;
  }

  // Async, so that what the engine throws becomes a rejection.
  // oxlint-disable-next-line typescript/require-await -- the port is asynchronous, the engine is not
  async connect(access: Access): Promise<SqliteDriverConnection> {
    const { integers, statements } = this.#options;
    const connection = new SqliteConnection(this.#options.open(access), integers, statements);
    return new SqliteDriverConnection(connection, access === 'write' ? this.#options.syncOfLog() : undefined);
  }

  classify(error: unknown, during: Phase): Failure | undefined {
    return classifySqlite(error, during, this.#options.path);
  }
}

/** One SQLite connection behind the port. `sync` is for the paths that must not pay for promises. */
export class SqliteDriverConnection implements DriverConnection {
  readonly sync: SqliteConnection;
  readonly log: LogSync | undefined;

  constructor(sync: SqliteConnection, log: LogSync | undefined) {
    this.sync = sync;
    this.log = log;
  }

  get inTransaction(): boolean {
    return this.sync.inTransaction;
  }

  get dirty(): boolean {
    return this.sync.inTransaction || this.sync.iterating;
  }

  /** A statement is over before anybody can ask. */
  get uses(): number {
    return this.sync.uses;
  }

  lend(assertLent: () => void): unknown {
    return this.sync.lend(assertLent);
  }

  all(sql: string, params: readonly Bindable[]): Promise<Row[]> {
    return this.#now(() => this.sync.all(sql, params));
  }

  get(sql: string, params: readonly Bindable[]): Promise<Row | undefined> {
    return this.#now(() => this.sync.get(sql, params));
  }

  run(sql: string, params: readonly Bindable[]): Promise<RunResult> {
    return this.#now(() => this.sync.run(sql, params));
  }

  iterate(sql: string, params: readonly Bindable[]): AsyncIterableIterator<Row> {
    const rows = this.sync.iterate(sql, params);
    const iterator: AsyncIterableIterator<Row> = {
      next: () => this.#now(() => rows.next()),
      return: () => this.#now(() => rows.return?.() ?? { done: true, value: undefined }),
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  exec(sql: string): Promise<void> {
    return this.#now(() => {
      this.sync.exec(sql);
    });
  }

  begin(access: Access): Promise<void> {
    return this.#now(() => {
      if (access === 'write') {
        this.sync.control('BEGIN IMMEDIATE');
        return;
      }
      // A deferred transaction has no snapshot before its first read; taking it here shows a busy file while it can be waited for.
      this.sync.control('BEGIN');
      try {
        this.sync.get('SELECT 1 FROM sqlite_schema LIMIT 1', []);
      } catch (error) {
        this.sync.control('ROLLBACK');
        throw error;
      }
    });
  }

  /** The log is synced from the moment of COMMIT on: whoever closes the connection meanwhile waits for it. */
  commit(unlocked?: () => void): Promise<void> {
    return this.#now(() => {
      this.sync.closeIterators();
      // A statement may have ended it, and the lock with it.
      if (this.sync.inTransaction) this.log?.makeRoom();
      this.sync.control('COMMIT');
      if (this.log === undefined) return undefined;
      // Begun before anybody may close the connection: what has the log alone would take it away.
      const lasts = lasting(this.log);
      unlocked?.();
      return lasts;
    });
  }

  rollback(): Promise<void> {
    return this.#now(() => {
      this.sync.closeIterators();
      if (this.sync.inTransaction) this.sync.control('ROLLBACK');
    });
  }

  savepoint(depth: number): Promise<void> {
    return this.#now(() => {
      this.sync.control(`SAVEPOINT hive_${depth}`);
    });
  }

  releaseSavepoint(depth: number): Promise<void> {
    return this.#now(() => {
      this.sync.control(`RELEASE hive_${depth}`);
    });
  }

  rollbackToSavepoint(depth: number): Promise<void> {
    return this.#now(() => {
      this.sync.closeIterators();
      this.sync.control(`ROLLBACK TO hive_${depth}`);
    });
  }

  /** Costs nothing: `SELECT 1` reads no file and proves nothing (docs/decisions/0005). Files are checked where writes are acknowledged. */
  validate(): Promise<boolean> {
    return Promise.resolve(this.sync.raw.open);
  }

  reset(): Promise<void> {
    return this.rollback();
  }

  close(): Promise<void> {
    return this.#now(() => {
      this.sync.close();
      return this.log?.close();
    });
  }

  /** What the engine throws becomes a rejection, without the values that it quotes. */
  #now<T>(run: () => T | Promise<T>): Promise<T> {
    try {
      return Promise.resolve(run());
    } catch (error) {
      return Promise.reject(this.sync.failed(error));
    }
  }
}

function lasting(log: LogSync): Promise<void> {
  return new Promise((resolve, reject) => {
    log.sync((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

/** What is special about a connection of a database that is known to be on SQLite. */
export function sqliteConnectionOf(connection: DriverConnection): SqliteDriverConnection {
  if (connection instanceof SqliteDriverConnection) return connection;
  throw new Error('BUG: a SQLite database holds a connection of another driver');
}

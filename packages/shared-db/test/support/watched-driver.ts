import type { Access, Bindable, Driver, DriverConnection, Failure, Phase, Row, RunResult } from '@hive/shared-db';
import type { FakeConnection, FakeDriver } from '@hive/shared-db/testing';

/** Who wants to know what is done with a driver. */
export interface DriverWatch {
  /** A connection is being opened; `existing` counts it, all others of its kind that are not closed yet, and those being opened. */
  connects(access: Access, existing: number): void;
  /** A statement reaches a connection. */
  uses(connection: WatchedConnection, sql: string): void;
}

/** A fake driver that tells of every connect and every statement, and counts what exists. */
export class WatchedDriver implements Driver {
  readonly name = 'fake';
  readonly fake: FakeDriver;
  readonly singleWriter: boolean;
  readonly existing: Record<Access, number> = { read: 0, write: 0 };
  /** Those that are not closed yet. */
  readonly connections = new Set<WatchedConnection>();
  readonly #watch: DriverWatch;

  constructor(fake: FakeDriver, watch: DriverWatch) {
    this.fake = fake;
    this.singleWriter = fake.singleWriter;
    this.#watch = watch;
  }

  async connect(access: Access, context: { readonly signal: AbortSignal }): Promise<DriverConnection> {
    this.existing[access]++;
    this.#watch.connects(access, this.existing[access]);
    try {
      const connection = new WatchedConnection(await this.fake.connect(access, context), this);
      this.connections.add(connection);
      return connection;
    } catch (error) {
      this.existing[access]--;
      throw error;
    }
  }

  classify(error: unknown, during: Phase): Failure | undefined {
    return this.fake.classify(error, during);
  }

  uses(connection: WatchedConnection, sql: string): void {
    this.#watch.uses(connection, sql);
  }

  closed(connection: WatchedConnection): void {
    this.existing[connection.access]--;
    this.connections.delete(connection);
  }
}

/** One of its connections. */
export class WatchedConnection implements DriverConnection {
  readonly #inner: FakeConnection;
  readonly #driver: WatchedDriver;
  /** Who has used it last: the number that his statements consist of. */
  tenant: number | undefined;
  /** Nobody from this number on is to be given it: it was to go before he asked. */
  notFrom = Infinity;

  constructor(inner: FakeConnection, driver: WatchedDriver) {
    this.#inner = inner;
    this.#driver = driver;
  }

  get id(): number {
    return this.#inner.id;
  }

  get access(): Access {
    return this.#inner.access;
  }

  get inTransaction(): boolean {
    return this.#inner.inTransaction;
  }

  get dirty(): boolean {
    return this.#inner.dirty;
  }

  get uses(): number | undefined {
    return this.#inner.uses;
  }

  lend(): unknown {
    return this.#inner.lend();
  }

  all(sql: string, params: readonly Bindable[]): Promise<Row[]> {
    this.#driver.uses(this, sql);
    return this.#inner.all(sql, params);
  }

  get(sql: string, params: readonly Bindable[]): Promise<Row | undefined> {
    this.#driver.uses(this, sql);
    return this.#inner.get(sql, params);
  }

  run(sql: string, params: readonly Bindable[]): Promise<RunResult> {
    this.#driver.uses(this, sql);
    return this.#inner.run(sql, params);
  }

  iterate(sql: string, params: readonly Bindable[]): AsyncIterableIterator<Row> {
    this.#driver.uses(this, sql);
    return this.#inner.iterate(sql, params);
  }

  exec(sql: string): Promise<void> {
    this.#driver.uses(this, sql);
    return this.#inner.exec(sql);
  }

  begin(access: Access): Promise<void> {
    return this.#inner.begin(access);
  }

  commit(): Promise<void> {
    return this.#inner.commit();
  }

  rollback(): Promise<void> {
    return this.#inner.rollback();
  }

  savepoint(depth: number): Promise<void> {
    return this.#inner.savepoint(depth);
  }

  releaseSavepoint(depth: number): Promise<void> {
    return this.#inner.releaseSavepoint(depth);
  }

  rollbackToSavepoint(depth: number): Promise<void> {
    return this.#inner.rollbackToSavepoint(depth);
  }

  validate(): Promise<boolean> {
    return this.#inner.validate();
  }

  reset(): Promise<void> {
    return this.#inner.reset();
  }

  async close(): Promise<void> {
    try {
      await this.#inner.close();
    } finally {
      this.#driver.closed(this);
    }
  }
}

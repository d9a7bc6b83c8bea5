import { DatabaseError } from '../errors.ts';
import type { Bindable, DriverConnection, Row, RunResult } from './driver.ts';

/** What can be done with a connection while it is lent. After that every method throws. */
export interface Connection {
  all<T = Row>(sql: string, ...params: readonly Bindable[]): Promise<T[]>;
  get<T = Row>(sql: string, ...params: readonly Bindable[]): Promise<T | undefined>;
  run(sql: string, ...params: readonly Bindable[]): Promise<RunResult>;
  /** Rows one by one; the connection does nothing else until the loop is left. */
  iterate<T = Row>(sql: string, ...params: readonly Bindable[]): AsyncIterableIterator<T>;
  /** Statements without parameters. */
  exec(sql: string): Promise<void>;
}

/** The same inside a transaction. */
export interface Transaction extends Connection {
  /** A part that is undone alone when its function throws (a savepoint). One at a time; use its handle until it ends. */
  transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Calls back after the outermost COMMIT; never when this part was undone. What it throws is logged. */
  afterCommit(callback: () => void): void;
}

/** A connection as long as it is lent; afterwards reading it throws. A lease of a pool is one. */
export interface Loan {
  readonly resource: DriverConnection;
}

/** What a scope asks and tells while statements run. */
export interface ScopeHost {
  /** Makes a `DatabaseError` of what a statement threw. */
  readonly explain: (error: unknown) => unknown;
  readonly started?: () => void;
  readonly finished?: () => void;
}

/** The handle that a caller gets. It outlives nothing: `end` makes it throw. */
export class Scope implements Transaction {
  readonly #lease: Loan;
  readonly #host: ScopeHost;
  readonly #depth: number;
  #ended: (() => Error) | undefined;
  #nested: Scope | undefined;
  readonly #callbacks: (() => void)[] = [];

  constructor(lease: Loan, host: ScopeHost, depth = 0) {
    this.#lease = lease;
    this.#host = host;
    this.#depth = depth;
  }

  async all<T = Row>(sql: string, ...params: readonly Bindable[]): Promise<T[]> {
    return (await this.#statement(() => this.#lease.resource.all(sql, params))) as T[];
  }

  async get<T = Row>(sql: string, ...params: readonly Bindable[]): Promise<T | undefined> {
    return (await this.#statement(() => this.#lease.resource.get(sql, params))) as T | undefined;
  }

  run(sql: string, ...params: readonly Bindable[]): Promise<RunResult> {
    return this.#statement(() => this.#lease.resource.run(sql, params));
  }

  exec(sql: string): Promise<void> {
    return this.#statement(() => this.#lease.resource.exec(sql));
  }

  async *iterate<T = Row>(sql: string, ...params: readonly Bindable[]): AsyncGenerator<T, undefined> {
    this.#assertUsable();
    const rows = this.#lease.resource.iterate(sql, params);
    try {
      for (;;) {
        const next = await this.#statement(() => rows.next());
        if (next.done === true) return undefined;
        yield next.value as T;
      }
    } finally {
      await rows.return?.();
    }
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    const depth = this.#depth + 1;
    await this.#statement(() => this.#lease.resource.savepoint(depth));
    const part = new Scope(this.#lease, this.#host, depth);
    this.#nested = part;
    try {
      const result = await fn(part);
      part.#assertUsable();
      this.#nested = undefined;
      await this.#statement(() => this.#lease.resource.releaseSavepoint(depth));
      this.#callbacks.push(...part.#callbacks);
      return result;
    } catch (error) {
      this.#nested = undefined;
      if (this.#ended === undefined && this.#lease.resource.inTransaction) {
        await this.#lease.resource.rollbackToSavepoint(depth);
        await this.#lease.resource.releaseSavepoint(depth);
      }
      throw error;
    } finally {
      part.end(() => new DatabaseError('LEASE_STALE', 'this nested transaction has ended'));
    }
  }

  afterCommit(callback: () => void): void {
    this.#assertUsable();
    this.#callbacks.push(callback);
  }

  /** What is to be called after COMMIT. */
  get callbacks(): readonly (() => void)[] {
    return this.#callbacks;
  }

  /** From now on every method throws what `why` makes. The first call counts. */
  end(why: () => Error): void {
    this.#ended ??= why;
    this.#nested?.end(why);
  }

  async #statement<T>(run: () => Promise<T>): Promise<T> {
    this.#assertUsable();
    this.#host.started?.();
    try {
      const result = await run();
      if (this.#ended !== undefined) throw this.#ended();
      return result;
    } catch (error) {
      throw this.#host.explain(error);
    } finally {
      this.#host.finished?.();
    }
  }

  #assertUsable(): void {
    if (this.#ended !== undefined) throw this.#ended();
    if (this.#nested !== undefined)
      throw new DatabaseError('WRONG_USE', 'a nested transaction is open on this handle', {
        advice: 'use the handle that the nested function was given, and await one nested transaction before the next',
      });
  }
}

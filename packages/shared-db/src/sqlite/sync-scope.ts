import { AsyncLocalStorage } from 'node:async_hooks';
import type { Bindable, Row, RunResult } from '../driver/driver.ts';
import { assertCallback, assertFunction, isIterator, iteratorReturned } from '../driver/given-function.ts';
import { transactionEnded } from '../driver/transaction-ended.ts';
import { DatabaseError } from '../errors.ts';
import type { SqliteConnection } from './connection.ts';

/** What can be done with a connection inside a synchronous function. Afterwards every method throws. */
export interface SyncConnection {
  /**
   * The same for two handles of one connection. What SQLite counts or keeps for each connection, such as `PRAGMA data_version` or a
   * temporary table, means nothing to another one, and a connection may be opened again between two calls.
   */
  readonly connectionKey: symbol;
  /** All rows. `T` is what the caller knows of them; nothing checks it. */
  all<T = Row>(sql: string, ...params: readonly Bindable[]): T[];
  /** The first row, or undefined. */
  get<T = Row>(sql: string, ...params: readonly Bindable[]): T | undefined;
  /** Runs one statement for its effect; rows of `RETURNING` are dropped. */
  run(sql: string, ...params: readonly Bindable[]): RunResult;
  /** Rows one by one; the connection does nothing else until the loop is left. */
  iterate<T = Row>(sql: string, ...params: readonly Bindable[]): IterableIterator<T>;
  /** Statements without parameters. */
  exec(sql: string): void;
}

/** The same inside a write. */
export interface SyncTransaction extends SyncConnection {
  /** A part that is undone alone when its function throws (a savepoint). */
  transaction<T>(fn: (tx: SyncTransaction) => T): T;
  /** Calls back after COMMIT; never when this part was undone. What it throws is logged. */
  afterCommit(callback: () => void): void;
}

/** What a scope is on: one transaction, or statement by statement. */
export type Atomicity = 'transaction' | 'statement';

/** The handle of a synchronous function. Opened and ended by whoever lends the connection. */
export class SyncScope implements SyncTransaction {
  readonly #connection: SqliteConnection;
  readonly #explain: (error: unknown) => unknown;
  readonly #atomicity: Atomicity;
  readonly #depth: number;
  /** The handle of the whole transaction. */
  readonly #root: SyncScope;
  #open = true;
  /** Of the root: the transaction has been ended, for it and for all parts. */
  #lost = false;
  #callbacks: (() => void)[] | undefined;

  constructor(
    connection: SqliteConnection,
    explain: (error: unknown) => unknown,
    atomicity: Atomicity,
    whole?: SyncScope,
  ) {
    this.#connection = connection;
    this.#explain = explain;
    this.#atomicity = atomicity;
    this.#depth = whole === undefined ? 0 : whole.#depth + 1;
    this.#root = whole === undefined ? this : whole.#root;
  }

  get connectionKey(): symbol {
    return this.#connection.key;
  }

  #isUsable(): boolean {
    return this.#open && !this.#root.#lost;
  }

  all<T = Row>(sql: string, ...params: readonly Bindable[]): T[] {
    if (!this.#isUsable()) throw this.#ended();
    try {
      return this.#connection.all(sql, params) as T[];
    } catch (error) {
      throw this.#failed(error);
    }
  }

  get<T = Row>(sql: string, ...params: readonly Bindable[]): T | undefined {
    if (!this.#isUsable()) throw this.#ended();
    try {
      return this.#connection.get(sql, params) as T | undefined;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  run(sql: string, ...params: readonly Bindable[]): RunResult {
    if (!this.#isUsable()) throw this.#ended();
    try {
      return this.#connection.run(sql, params);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  *iterate<T = Row>(sql: string, ...params: readonly Bindable[]): IterableIterator<T> {
    if (!this.#isUsable()) throw this.#ended();
    try {
      for (const row of this.#connection.iterate(sql, params)) {
        yield row as T;
        if (!this.#isUsable()) throw this.#ended();
      }
    } catch (error) {
      throw this.#failed(error);
    }
  }

  exec(sql: string): void {
    if (!this.#isUsable()) throw this.#ended();
    try {
      this.#connection.exec(sql);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  transaction<T>(fn: (tx: SyncTransaction) => T): T {
    if (!this.#isUsable()) throw this.#ended();
    assertFunction(fn, 'tx.transaction', this.#explain);
    const name = `hive_${this.#depth + 1}`;
    this.#begin(name);
    const part = new SyncScope(this.#connection, this.#explain, this.#atomicity, this);
    try {
      const result = synchronous(fn(part), 'tx.transaction', this.#explain);
      if (!this.#connection.inTransaction) throw this.#explain(transactionEnded());
      // All are its own: beside one from before, nothing could have been begun.
      this.#connection.closeIterators();
      this.#connection.control(`RELEASE ${name}`);
      this.#keep(part.callbacks);
      return result;
    } catch (error) {
      this.#connection.closeIterators();
      this.#undo(name);
      throw error;
    } finally {
      part.end();
    }
  }

  #begin(savepoint: string): void {
    try {
      this.#connection.control(`SAVEPOINT ${savepoint}`);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** What a part has done; where that cannot be, all of the transaction, for none of the rest may be committed with it then. */
  #undo(savepoint: string): void {
    try {
      if (!this.#connection.inTransaction) return;
      this.#connection.control(`ROLLBACK TO ${savepoint}`);
      this.#connection.control(`RELEASE ${savepoint}`);
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.control('ROLLBACK');
      throw this.#explain(error);
    } finally {
      this.#endWithTransaction();
    }
  }

  afterCommit(callback: () => void): void {
    if (!this.#isUsable()) throw this.#ended();
    assertCallback(callback, this.#explain);
    // Whoever syncs the log for several tells all of them, in a context that is nobody's but his.
    this.#keep([AsyncLocalStorage.bind(callback)]);
  }

  #keep(callbacks: readonly (() => void)[]): void {
    if (callbacks.length === 0) return;
    this.#callbacks ??= [];
    this.#callbacks.push(...callbacks);
  }

  /** What is to be called after COMMIT. */
  get callbacks(): readonly (() => void)[] {
    return this.#callbacks ?? [];
  }

  end(): void {
    this.#open = false;
  }

  #failed(error: unknown): unknown {
    const failure = this.#connection.failed(error);
    this.#endWithTransaction();
    return this.#explain(failure);
  }

  /** RAISE(ROLLBACK), a full disk and the like end the transaction: what came after would be written by itself, at once. */
  #endWithTransaction(): void {
    if (this.#atomicity === 'transaction' && !this.#connection.inTransaction) this.#root.#lost = true;
  }

  #ended(): unknown {
    return this.#explain(this.#root.#lost ? transactionEnded() : handleEnded());
  }
}

/**
 * The result itself, or `WRONG_USE` when the function was asynchronous or a generator: its work would go on after the COMMIT, or never
 * begin.
 */
export function synchronous<T>(result: T, where: string, explain: (error: DatabaseError) => unknown): T {
  if (typeof result !== 'object' || result === null) return result;
  // Loads, not `in`: among rows of many shapes that takes half the time.
  const { then, next } = result as { readonly then?: unknown; readonly next?: unknown };
  if (then === undefined && next === undefined) return result;
  if (isIterator(result)) throw explain(iteratorReturned(`the function given to ${where}()`));
  if (typeof then !== 'function') return result;
  // The promise will fail on its first statement; nobody else is going to listen to it.
  Promise.resolve(result as unknown as PromiseLike<unknown>).catch(() => undefined);
  const advice = 'give it a synchronous function, or use transaction(), which may await';
  throw explain(new DatabaseError('WRONG_USE', `the function given to ${where}() returned a promise`, { advice }));
}

function handleEnded(): DatabaseError {
  return new DatabaseError('LEASE_STALE', 'this handle was lent to a function that has returned', {
    advice: 'use the handle only inside the function that it was given to',
  });
}

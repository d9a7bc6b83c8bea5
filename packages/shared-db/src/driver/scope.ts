import { DatabaseError } from '../errors.ts';
import type { Bindable, DriverConnection, Row, RunResult } from './driver.ts';
import { assertCallback, assertFunction, isIterator, iteratorReturned } from './given-function.ts';
import { StatementQueue } from './statement-queue.ts';
import { transactionEnded } from './transaction-ended.ts';

/** What can be done with a connection while it is lent. After that every method throws. */
export interface Connection {
  /** All rows. `T` is what the caller knows of them; nothing checks it. */
  all<T = Row>(sql: string, ...params: readonly Bindable[]): Promise<T[]>;
  /** The first row, or undefined. */
  get<T = Row>(sql: string, ...params: readonly Bindable[]): Promise<T | undefined>;
  /** Runs one statement for its effect; rows of `RETURNING` are dropped. */
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
  readonly active: boolean;
}

/** What a scope asks and tells while statements run. */
export interface ScopeHost {
  /** Whether all statements belong to one transaction. */
  readonly atomic: boolean;
  /** Makes a `DatabaseError` of what a statement threw. */
  readonly explain: (error: unknown) => unknown;
  /** Whether what a statement threw says that the connection is of no more use. */
  readonly isLost: (error: unknown) => boolean;
  /** Makes one call of a driver, on behalf of whoever the scope was lent to. */
  readonly doing: <T>(call: () => T) => T;
  /** Told when a statement has changed something, as far as its kind tells. */
  readonly changed?: () => void;
  readonly started?: () => void;
  readonly finished?: () => void;
}

/** The handle that a caller gets. It outlives nothing: `end` makes it throw. */
export class Scope implements Transaction {
  readonly #lease: Loan;
  readonly #host: ScopeHost;
  readonly #queue: StatementQueue;
  readonly #depth: number;
  #ended: (() => Error) | undefined;
  #nested: Scope | undefined;
  readonly #callbacks: (() => void)[] = [];

  constructor(lease: Loan, host: ScopeHost, queue = new StatementQueue(), depth = 0) {
    this.#lease = lease;
    this.#host = host;
    this.#queue = queue;
    this.#depth = depth;
  }

  async all<T = Row>(sql: string, ...params: readonly Bindable[]): Promise<T[]> {
    return (await this.#statement((connection) => connection.all(sql, params))) as T[];
  }

  async get<T = Row>(sql: string, ...params: readonly Bindable[]): Promise<T | undefined> {
    return (await this.#statement((connection) => connection.get(sql, params))) as T | undefined;
  }

  async run(sql: string, ...params: readonly Bindable[]): Promise<RunResult> {
    const result = await this.#statement((connection) => connection.run(sql, params));
    if (result.changes > 0) this.#host.changed?.();
    return result;
  }

  async exec(sql: string): Promise<void> {
    await this.#statement((connection) => connection.exec(sql));
    this.#host.changed?.();
  }

  async *iterate<T = Row>(sql: string, ...params: readonly Bindable[]): AsyncGenerator<T, undefined> {
    this.#assertUsable();
    const rows = this.#rows(sql, params);
    try {
      for (;;) {
        const next = await this.#statement(() => rows.next());
        if (next.done === true) return undefined;
        yield next.value as T;
      }
    } finally {
      // Whoever takes the connection back closes what is open on it.
      if (this.#ended === undefined) await this.#queue.run(async () => rows.return?.());
    }
  }

  #rows(sql: string, params: readonly Bindable[]): AsyncIterableIterator<Row> {
    try {
      return this.#lease.resource.iterate(sql, params);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    this.#assertUsable();
    assertFunction(fn, 'tx.transaction', (error) => this.#error(error));
    const depth = this.#depth + 1;
    const part = new Scope(this.#lease, this.#host, this.#queue, depth);
    this.#nested = part;
    try {
      await this.#run((connection) => connection.savepoint(depth));
      return await this.#part(part, depth, fn);
    } finally {
      part.end(() => this.#error(new DatabaseError('LEASE_STALE', 'this nested transaction has ended')));
      this.#nested = undefined;
    }
  }

  async #part<T>(part: Scope, depth: number, fn: (tx: Transaction) => Promise<T>): Promise<T> {
    try {
      const result = await fn(part);
      part.assertFinished(result);
      await this.#run((connection) => connection.releaseSavepoint(depth));
      this.#callbacks.push(...part.#callbacks);
      return result;
    } catch (error) {
      if (this.#ended === undefined) await this.#undo(depth);
      throw error;
    }
  }

  async #undo(depth: number): Promise<void> {
    try {
      await this.#queue.run(async () => {
        const connection = this.#lease.resource;
        if (!connection.inTransaction) throw transactionEnded();
        await connection.rollbackToSavepoint(depth);
        await connection.releaseSavepoint(depth);
      });
    } catch (error) {
      // What the part has done is still there, or nothing is: in neither case may the rest be committed.
      const explained = this.#failed(error);
      this.end(() => explained as Error);
    }
  }

  afterCommit(callback: () => void): void {
    this.#assertUsable();
    assertCallback(callback, (error) => this.#error(error));
    this.#callbacks.push(callback);
  }

  /** What is to be called after COMMIT. */
  get callbacks(): readonly (() => void)[] {
    return this.#callbacks;
  }

  /** Whether the connection may go to somebody else: no statement is running on it, and none has found it broken. */
  get reusable(): boolean {
    return !this.#queue.busy && !this.#queue.broken;
  }

  /** Throws unless all that was begun on this handle has come to its end, and well, and the result leaves nothing to be run. */
  assertFinished(result: unknown): void {
    if (this.#ended !== undefined) throw this.#ended();
    if (isIterator(result)) throw this.#error(iteratorReturned('the function'));
    if (this.#nested === undefined && !this.#queue.busy) return;
    const advice = 'await every statement and every nested transaction';
    throw this.#error(
      new DatabaseError('WRONG_USE', 'the function has returned before everything that it began had ended', { advice }),
    );
  }

  /** From now on every method throws what `why` makes. The first call counts. */
  end(why: () => Error): void {
    this.#ended ??= why;
    this.#nested?.end(why);
  }

  async #statement<T>(work: (connection: DriverConnection) => Promise<T>): Promise<T> {
    this.#assertUsable();
    return this.#run(work);
  }

  async #run<T>(work: (connection: DriverConnection) => Promise<T>): Promise<T> {
    this.#host.started?.();
    try {
      const result = await this.#queue.run(() => {
        if (this.#ended !== undefined) throw this.#ended();
        const connection = this.#lease.resource;
        // One that was asked for beside it has failed, and may have ended the transaction: this one would be written by itself, at once.
        if (this.#queue.failed && this.#host.atomic && !connection.inTransaction) throw transactionEnded();
        return this.#host.doing(() => work(connection));
      });
      if (this.#ended !== undefined) throw this.#ended();
      return result;
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#host.finished?.();
    }
  }

  #failed(error: unknown): unknown {
    if (this.#host.isLost(error)) this.#queue.broken = true;
    if (this.#ended !== undefined) return this.#ended();
    if (this.#host.atomic && this.#lease.active && !this.#lease.resource.inTransaction)
      this.end(() => this.#error(transactionEnded()));
    return this.#host.explain(whyStale(this.#lease) ?? error);
  }

  #assertUsable(): void {
    if (this.#ended !== undefined) throw this.#ended();
    if (this.#nested === undefined) return;
    const advice =
      'use the handle that the nested function was given, and await one nested transaction before the next';
    throw this.#error(new DatabaseError('WRONG_USE', 'a nested transaction is open on this handle', { advice }));
  }

  /** The error with where it happened. */
  #error(error: DatabaseError): Error {
    return this.#host.explain(error) as Error;
  }
}

/** Why a connection is lent no more, undefined while it is: what a call on it throws has that reason, whatever the driver makes of it. */
export function whyStale(lease: Loan): unknown {
  try {
    void lease.resource;
    return undefined;
  } catch (error) {
    return error;
  }
}

import type { Clock, Lease, Timer } from '@hive/pool';
import type { TransactionOptions } from '../database.ts';
import { DatabaseError, type ErrorKind } from '../errors.ts';
import type { DriverConnection } from './driver.ts';
import { Scope, type Connection, type ScopeHost, type Transaction } from './scope.ts';

/** How a session is held. */
export interface SessionOptions {
  /** After this it is revoked, whatever it is doing, and says `SESSION_EXPIRED`. Default 5 min: what is forgotten comes back. */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait for a connection, and the session. */
  readonly signal?: AbortSignal | undefined;
}

/** The connection of a session. */
export interface SessionConnection extends Connection {
  /** The driver's own handle, for a query builder. A connection whose handle was taken is closed afterwards, not reused. */
  readonly raw: unknown;
}

/** A connection of one's own, with a deadline, that may span awaits. */
export interface Session extends AsyncDisposable {
  /** Why it was opened. */
  readonly label: string;
  /** Reads; writing needs `transaction`. */
  readonly connection: SessionConnection;
  /** As the `transaction` of the database, under the label of the session. On SQLite it runs on the connection that writes. */
  transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Gives the connection back. A second call does nothing; never rejects. */
  close(): Promise<void>;
}

/** What a session needs from its database. */
export interface SessionHost {
  readonly database: string;
  readonly clock: Clock;
  readonly scope: ScopeHost;
  transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Told once when it has ended, however that came. One that is forgotten ends at its deadline. */
  ended(): void;
  /** Told when the deadline took it. */
  expired(label: string): void;
}

/** A lease with a deadline. When time is up the connection is closed and every use throws where the session came from. */
export class LeasedSession implements Session {
  readonly label: string;
  readonly connection: SessionConnection;
  readonly #lease: Lease<DriverConnection>;
  readonly #host: SessionHost;
  readonly #scope: Scope;
  readonly #timer: Timer;
  readonly #openedAt: Error;
  readonly #stopListening: () => void;
  #why: (() => DatabaseError) | undefined;
  #rawTaken = false;

  constructor(
    label: string,
    lease: Lease<DriverConnection>,
    host: SessionHost,
    timeoutMs: number,
    signal?: AbortSignal,
  ) {
    this.label = label;
    this.#lease = lease;
    this.#host = host;
    this.#openedAt = new Error(`session "${label}" was opened here`);
    this.#scope = new Scope(lease, host.scope);
    this.connection = this.#lend();
    this.#timer = host.clock.after(timeoutMs, () => {
      host.expired(label);
      const advice = 'open a session with a longer timeoutMs, or several short ones';
      this.#revoke('SESSION_EXPIRED', `the session was over its limit of ${timeoutMs} ms and has been ended`, advice);
    });
    this.#timer.unref();
    const abort = (): void => {
      this.#revoke('ABORTED', 'the session was aborted by its own signal');
    };
    signal?.addEventListener('abort', abort, { once: true });
    this.#stopListening = () => signal?.removeEventListener('abort', abort);
    if (signal?.aborted === true) abort();
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    if (this.#why !== undefined) throw this.#why();
    return this.#host.transaction(fn, options);
  }

  close(): Promise<void> {
    const advice = 'await everything that uses the session before it is closed';
    this.#end(() => this.#error('LEASE_STALE', 'the session has been closed', advice));
    if (!this.#lease.active) return Promise.resolve();
    if (this.#rawTaken || !this.#scope.reusable) this.#lease.destroy();
    else this.#lease.release();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #lend(): SessionConnection {
    const scope = this.#scope;
    const takeRaw = (): unknown => {
      if (this.#why !== undefined) throw this.#why();
      this.#rawTaken = true;
      try {
        return this.#lease.resource.raw;
      } catch (error) {
        throw this.#host.scope.explain(error);
      }
    };
    return {
      all: (sql, ...params) => scope.all(sql, ...params),
      get: (sql, ...params) => scope.get(sql, ...params),
      run: (sql, ...params) => scope.run(sql, ...params),
      iterate: (sql, ...params) => scope.iterate(sql, ...params),
      exec: (sql) => scope.exec(sql),
      get raw() {
        return takeRaw();
      },
    };
  }

  #revoke(kind: ErrorKind, what: string, advice?: string): void {
    this.#end(() => this.#error(kind, what, advice));
    this.#lease.destroy();
  }

  #end(why: () => DatabaseError): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    this.#host.ended();
    this.#scope.end(why);
    this.#timer.cancel();
    this.#stopListening();
  }

  #error(kind: ErrorKind, what: string, advice?: string): DatabaseError {
    return new DatabaseError(kind, what, {
      database: this.#host.database,
      label: this.label,
      advice,
      cause: this.#openedAt,
    });
  }
}

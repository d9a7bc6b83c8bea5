import type { Clock, Lease, Timer } from '@hive/pool';
import { callSiteOf, textOfStack } from '../call-site.ts';
import type { TransactionOptions } from '../database.ts';
import { DatabaseError, type ErrorKind } from '../errors.ts';
import type { DriverConnection } from './driver.ts';
import { HandleGuard } from './handle-guard.ts';
import { Revocation } from './revocation.ts';
import { Scope, whyStale, type Connection, type ScopeHost, type Transaction } from './scope.ts';

/** How a session is held. */
export interface SessionOptions {
  /**
   * After this it is revoked, whatever it is doing, and says `SESSION_EXPIRED`. Default 5 min: what is forgotten comes back. From 0, which
   * is the next turn of the event loop, to 2^31 - 1; a fraction of a millisecond is a whole one.
   */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait for a connection, and the session, with `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Whether its transactions are refused, with `READ_ONLY`. Default false. */
  readonly readOnly?: boolean | undefined;
  /**
   * After how long without a use its connection looks like a leak, which is said in the log and in health, and what `flush('leaked')` takes.
   * Default: what the database has (30 s), however long `timeoutMs` is: what works runs statements, and what is to wait for long says so here.
   */
  readonly leakAfterMs?: number | undefined;
  /** Which of the database's budgets its connection counts in. Default: `default`. One that does not exist is refused with `CONFIG`. */
  readonly budget?: string | undefined;
}

/** The options of a session that has no transactions. */
export type ReadOnlySessionOptions = SessionOptions & { readonly readOnly: true };

/** The connection of a session. */
export interface SessionConnection extends Connection {
  /** The driver's own handle, for a query builder. A connection whose handle was taken is closed afterwards, not reused. */
  readonly raw: unknown;
}

/** A connection of one's own, with a deadline, that may span awaits. */
export interface ReadOnlySession extends AsyncDisposable {
  /** Why it was opened: the label as it is shown, without what could move a cursor, 120 characters at most. */
  readonly label: string;
  /** Reads; writing needs `transaction`. */
  readonly connection: SessionConnection;
  /**
   * Gives the connection back. A transaction that is still under way is undone and rejects with `LEASE_STALE`; one that has begun to
   * commit is committed. A second call does nothing; never rejects.
   */
  close(): Promise<void>;
}

/** The same with transactions. */
export interface Session extends ReadOnlySession {
  /**
   * As the `transaction` of the database, under the label of the session and no longer than it. On SQLite it runs on the connection that
   * writes. Rejects with `READ_ONLY` in a session that was opened with `readOnly`.
   */
  transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
}

/**
 * The ways to open a session, behind what comes before its label. Without a function it is the caller's to close, best with `await using`.
 * A function has it until it settles: then it is closed, whatever the function did, and its outcome is passed on. It is not waited for when
 * the session is over its limit or aborted: that is the outcome then. `WRONG_USE` where it returns before all that it began has ended.
 */
export interface OpenSession<Before extends readonly unknown[] = []> {
  (...given: [...Before, label: string, options: ReadOnlySessionOptions]): Promise<ReadOnlySession>;
  (...given: [...Before, label: string, options?: SessionOptions]): Promise<Session>;
  <T>(...given: [...Before, label: string, fn: (session: Session) => Promise<T>]): Promise<T>;
  <T>(
    ...given: [...Before, label: string, options: ReadOnlySessionOptions, fn: (session: ReadOnlySession) => Promise<T>]
  ): Promise<T>;
  <T>(
    ...given: [...Before, label: string, options: SessionOptions | undefined, fn: (session: Session) => Promise<T>]
  ): Promise<T>;
}

/** What is given a session, as far as is known before it is looked at. */
export type SessionUse = (session: Session) => unknown;

/** How a session has ended that did not end well. */
export interface SessionEnd {
  readonly label: string;
  /** Where it was opened. */
  readonly acquiredAt: string;
  /** How many transactions it had under way; they are undone. */
  readonly leftOpen: number;
}

/** What a session needs from its database. */
export interface SessionHost {
  readonly database: string;
  readonly clock: Clock;
  readonly scope: ScopeHost;
  transaction<T>(
    fn: (tx: Transaction) => Promise<T>,
    options: TransactionOptions | undefined,
    revocation: Revocation,
  ): Promise<T>;
  /** Runs a function that has the connection in its hands until it returns. */
  holding<T>(fn: SessionUse, run: () => Promise<T>): Promise<T>;
  /** Told once when it has ended, however that came. One that is forgotten ends at its deadline. */
  ended(): void;
  /** Told when the deadline took it. */
  expired(end: SessionEnd, limitMs: number): void;
  /** Told when it was given back with transactions under way. */
  leftOpen(end: SessionEnd): void;
}

/** How one session is held. */
export interface SessionTerms {
  readonly label: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly readOnly: boolean;
  /** Made where it was asked for. */
  readonly openedAt: Error;
}

/**
 * A session lives as long as the handle of its lease, which the pool keeps until it has it watched: were it gone before, its time would be
 * up and nobody there to end it.
 */
const sessionOf = new WeakMap<Lease<DriverConnection>, LeasedSession>();

const DROPPED = 'nobody has the session any more, and its connection was closed';

/** A lease with a deadline. When time is up the connection is closed and every use throws where the session came from. */
export class LeasedSession implements Session {
  readonly label: string;
  readonly connection: SessionConnection;
  readonly #lease: Lease<DriverConnection>;
  readonly #host: SessionHost;
  readonly #terms: SessionTerms;
  readonly #scope: Scope;
  readonly #guard: HandleGuard;
  readonly #timer: Timer;
  readonly #stopListening: () => void;
  readonly #underWay = new Map<Revocation, Promise<unknown>>();
  #revoked: ((error: DatabaseError) => void) | undefined;
  #why: (() => DatabaseError) | undefined;
  #rawTaken = false;

  constructor(lease: Lease<DriverConnection>, host: SessionHost, terms: SessionTerms) {
    const { label, timeoutMs, signal } = terms;
    this.label = label;
    this.#lease = lease;
    sessionOf.set(lease, this);
    this.#host = host;
    this.#terms = terms;
    this.#scope = new Scope(lease, host.scope);
    const { database, scope } = host;
    const dropped = (): DatabaseError =>
      errorOf(database, terms, 'LEASE_STALE', DROPPED, 'close it, or lend it to a function');
    this.#guard = new HandleGuard({ lease, explain: scope.explain, dropped });
    this.connection = this.#lend();
    const expire = weakly(this, (session) => {
      session.#expire();
    });
    this.#timer = host.clock.after(timeoutMs, expire);
    this.#timer.unref();
    const abort = weakly(this, (session) => {
      session.#revoke('ABORTED', 'the session was aborted by its own signal');
    });
    signal?.addEventListener('abort', abort, { once: true });
    this.#stopListening = () => signal?.removeEventListener('abort', abort);
    if (signal?.aborted === true) abort();
  }

  transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T> {
    const ended = this.#why?.() ?? this.#takenAway();
    if (ended !== undefined) return Promise.reject(ended);
    if (this.#terms.readOnly) return Promise.reject(this.#readOnly());
    const revocation = new Revocation(() => this.#takenAway());
    const work = this.#transaction(fn, options, revocation);
    this.#underWay.set(revocation, work);
    return work;
  }

  /** Why its connection is no longer its own, where somebody has taken it; undefined where nobody has. */
  #takenAway(): unknown {
    const why = whyStale(this.#lease);
    return why === undefined ? undefined : this.#host.scope.explain(why);
  }

  async #transaction<T>(
    fn: (tx: Transaction) => Promise<T>,
    options: TransactionOptions | undefined,
    revocation: Revocation,
  ): Promise<T> {
    try {
      return await this.#host.transaction(fn, options, revocation);
    } finally {
      this.#underWay.delete(revocation);
    }
  }

  /** Runs the function that has it until it settles. Whoever calls this closes it afterwards. */
  async lendTo(fn: SessionUse): Promise<unknown> {
    const revoked = Promise.withResolvers<never>();
    this.#revoked = revoked.reject;
    if (this.#why !== undefined) throw this.#why();
    const used = this.#host.holding(fn, async () => {
      const outcome = await fn(this);
      return outcome;
    });
    const result = await Promise.race([used, revoked.promise]);
    if (this.#why === undefined) this.#assertFinished(result);
    return result;
  }

  #assertFinished(result: unknown): void {
    this.#scope.assertFinished(result);
    if (this.#underWay.size === 0) return;
    const advice = 'await session.transaction() before the function returns';
    throw this.#error('WRONG_USE', 'the function has returned before its transaction had ended; it is undone', advice);
  }

  close(): Promise<void> {
    const leftOpen = this.#end(
      () =>
        this.#error(
          'LEASE_STALE',
          'the session has been closed',
          'await everything that uses the session before it is closed',
        ),
      () =>
        this.#error(
          'LEASE_STALE',
          'the session was closed before this transaction had ended; nothing of it was written',
          'await session.transaction() before the session is closed',
        ),
    );
    if (leftOpen > 0) this.#host.leftOpen(this.#ending(leftOpen));
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
    // Whoever has the connection has the session: it must not be collected while it can be used.
    const takeRaw = (): unknown => {
      if (this.#why !== undefined) throw this.#why();
      this.#rawTaken = true;
      try {
        return this.#lease.resource.lend(this.#guard.assertLent);
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

  #expire(): void {
    const { timeoutMs } = this.#terms;
    // Somebody may have taken the connection before, and said so.
    const wasHeld = this.#lease.active;
    const advice = 'open a session with a longer timeoutMs, or several short ones';
    const what = `the session was over its limit of ${timeoutMs} ms and has been ended`;
    const leftOpen = this.#revoke('SESSION_EXPIRED', what, advice);
    if (wasHeld) this.#host.expired(this.#ending(leftOpen), timeoutMs);
  }

  /** Takes it from its holder, who may be in the middle of something: the connection goes to nobody else. */
  #revoke(kind: ErrorKind, what: string, advice?: string): number {
    const why = (): DatabaseError => this.#error(kind, what, advice);
    const leftOpen = this.#end(why, why);
    this.#revoked?.(why());
    if (this.#lease.active) this.#lease.takeAway();
    return leftOpen;
  }

  /** Ends it once. Returns how many transactions were under way. */
  #end(why: () => DatabaseError, whyOfTransactions: () => DatabaseError): number {
    if (this.#why !== undefined) return 0;
    this.#why = why;
    sessionOf.delete(this.#lease);
    this.#host.ended();
    this.#scope.end(why);
    this.#guard.end(why);
    this.#timer.cancel();
    this.#stopListening();
    let leftOpen = this.#lease.active && this.#lease.resource.inTransaction ? 1 : 0;
    for (const [revocation, work] of this.#underWay) {
      if (!revocation.revoke(whyOfTransactions)) continue;
      leftOpen++;
      // It is said in the log, or the caller's own wish. That nobody waits for it must not end the process.
      work.catch(() => undefined);
    }
    return leftOpen;
  }

  #ending(leftOpen: number): SessionEnd {
    return { label: this.label, acquiredAt: this.#callSite, leftOpen };
  }

  get #callSite(): string {
    return callSiteOf(textOfStack(this.#terms.openedAt));
  }

  #readOnly(): DatabaseError {
    const advice = 'open it without readOnly, or use write() or transaction() of the database';
    return this.#error('READ_ONLY', 'the session was opened with readOnly and has no transactions', advice);
  }

  #error(kind: ErrorKind, what: string, advice?: string): DatabaseError {
    return errorOf(this.#host.database, this.#terms, kind, what, advice);
  }
}

function errorOf(
  database: string,
  { label, openedAt }: SessionTerms,
  kind: ErrorKind,
  what: string,
  advice: string | undefined,
): DatabaseError {
  const place = callSiteOf(textOfStack(openedAt));
  return new DatabaseError(kind, `${what}; it was opened at ${place}`, { database, label, advice, cause: openedAt });
}

/** Neither a timer nor somebody's signal keeps a session that was forgotten: the garbage collector finds it before its time is up. */
function weakly<T extends object>(target: T, run: (target: T) => void): () => void {
  const self = new WeakRef(target);
  return () => {
    const found = self.deref();
    if (found !== undefined) run(found);
  };
}

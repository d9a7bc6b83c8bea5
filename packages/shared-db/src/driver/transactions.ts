import type { Lease } from '@hive/pool';
import type { DatabaseContext } from '../database.ts';
import { DatabaseError } from '../errors.ts';
import type { Label } from '../labels.ts';
import type { WriterSnapshot } from '../snapshot.ts';
import type { Call } from './call.ts';
import type { Counters } from './counters.ts';
import type { Access, DriverConnection } from './driver.ts';
import type { Engine } from './engine.ts';
import type { Failures } from './failures.ts';
import { whenFree } from './patience.ts';
import type { Holdable } from '../nesting/holding.ts';
import { Scope, whyStale, type ScopeHost } from './scope.ts';
import { ReadWatch, type WatchedRead } from './read-watch.ts';
import type { Revocation } from './revocation.ts';
import { TransactionWatch, type TransactionLimits } from './transaction-watch.ts';

/** The database that they run on. */
export interface TransactionsHost {
  readonly context: DatabaseContext;
  readonly failures: Failures;
  readonly counters: Counters;
  readonly engine: Pick<Engine, 'assertWritable' | 'committed' | 'patience' | 'wrote'>;
}

/** One that is to be run. */
export interface TransactionOrder<T> {
  readonly lease: Lease<DriverConnection>;
  /** What the lease is one of. */
  readonly held: Holdable;
  readonly access: Access;
  readonly call: Call;
  readonly fn: (scope: Scope) => Promise<T>;
  /** How long it may take; undefined for one that holds no lock. */
  readonly limits: TransactionLimits | undefined;
  /** How long one that only reads may take. */
  readonly readLimitMs?: number;
  /** What takes it away before its time: that of the session that it belongs to. */
  readonly revocation?: Revocation | undefined;
}

/** A transaction that has the right to change things. */
interface Locked {
  /** Since when, on the clock. */
  readonly at: number;
  /** When it first did. */
  changedAt: number | undefined;
}

/** Runs callers' functions between BEGIN and COMMIT or ROLLBACK, on connections that it gives back in either case. */
export class Transactions {
  readonly #context: DatabaseContext;
  readonly #failures: Failures;
  readonly #counters: Counters;
  readonly #engine: TransactionsHost['engine'];
  readonly #watches = new Set<TransactionWatch>();
  readonly #locked = new Set<Locked>();
  readonly #reads: ReadWatch;
  #wasForced: (lease: Lease<DriverConnection>) => boolean = () => true;
  constructor({ context, failures, counters, engine }: TransactionsHost) {
    this.#context = context;
    this.#failures = failures;
    this.#counters = counters;
    this.#engine = engine;
    this.#reads = new ReadWatch(context.clock);
  }

  /** Begins, runs, ends: commits what resolves, undoes what rejects. */
  async run<T>(order: TransactionOrder<T>): Promise<T> {
    const { lease, access, call, revocation } = order;
    const { label } = call;
    let watch: TransactionWatch | undefined;
    let begun = false;
    let locked: Locked | undefined;
    let read: WatchedRead | undefined;
    let mayWrite = access === 'write';
    const letGo = (): void => {
      watch?.stop();
      if (watch !== undefined) this.#watches.delete(watch);
      if (locked !== undefined) this.#locked.delete(locked);
      if (mayWrite) this.#engine.wrote();
      mayWrite = false;
    };
    const scope = new Scope(lease, {
      ...this.scopeHost(label, true),
      changed: () => {
        if (locked !== undefined) locked.changedAt ??= this.#context.clock.now();
      },
      started: () => watch?.started(),
      finished: () => watch?.finished(),
    });
    const expired = Promise.withResolvers<never>();
    // Whoever takes it away before anybody waits for that is told of by what comes next.
    expired.promise.catch(() => undefined);
    try {
      await this.#begin(order, scope, expired.reject);
      begun = true;
      if (access === 'write') {
        locked = { at: this.#context.clock.now(), changedAt: undefined };
        this.#locked.add(locked);
        this.#engine.assertWritable(label);
      }
      if (order.readLimitMs !== undefined) read = this.#watchRead(order.readLimitMs, lease, scope, label);
      if (order.limits !== undefined) watch = this.#watch(order, order.limits, scope, expired.reject);
      revocation?.assertStands();
      const result = await (watch === undefined
        ? this.#given(order, scope)
        : Promise.race([this.#given(order, scope), expired.promise]));
      scope.assertFinished(result);
      revocation?.settle();
      scope.end(() => this.#ended(label));
      await this.#commit(lease.resource, access, label, () => {
        letGo();
        lease.release();
        // What somebody else has now is not in its way.
        call.served?.();
      });
      this.runCallbacks(scope.callbacks, label);
      if (lease.active) lease.release();
      return result;
    } catch (error) {
      revocation?.settle();
      scope.end(() => this.#ended(label));
      if (begun && access === 'write') this.#counters.rolledBack++;
      await this.#giveBack(lease, scope, error);
      throw error;
    } finally {
      if (read !== undefined) this.#reads.end(read);
      letGo();
    }
  }

  /** Waits for the lock, and gives up as soon as the transaction is taken away. */
  async #begin(order: TransactionOrder<unknown>, scope: Scope, reject: (error: DatabaseError) => void): Promise<void> {
    const { lease, access, call, revocation } = order;
    // Asked of the lease at every try: it may be revoked while the lock is waited for.
    const begin = (): Promise<void> => this.#beginOn(lease, access, call.label);
    if (revocation === undefined) {
      await whenFree(begin, this.#engine.patience(call, access));
      return;
    }
    const stuck = Promise.withResolvers<never>();
    let trying = false;
    const attempt = async (): Promise<void> => {
      revocation.assertStands();
      trying = true;
      try {
        await begin();
      } finally {
        trying = false;
      }
    };
    revocation.attend((why) => {
      scope.end(why);
      reject(why());
      if (!trying) return;
      // Nobody knows how far the driver is: its connection cannot be used again, and nobody waits for what it says.
      lease.destroy();
      stuck.reject(why());
    });
    try {
      await Promise.race([whenFree(attempt, this.#engine.patience(call, access)), stuck.promise]);
    } catch (error) {
      throw revocation.explain(error);
    }
  }

  async #beginOn(lease: Lease<DriverConnection>, access: Access, label: Label): Promise<void> {
    try {
      await this.#doing(label, () => lease.resource.begin(access));
    } catch (error) {
      throw whyStale(lease) ?? error;
    }
  }

  /** Runs the caller's function, and remembers what it has thrown. */
  #given<T>({ fn, call, held, lease }: TransactionOrder<T>, scope: Scope): Promise<T> {
    const { holdings, name: database } = this.#context;
    return holdings.run(
      { held, lease, database, label: call.label.text, fn },
      () => fn(scope),
      (error) => {
        call.thrown = { error };
      },
    );
  }

  /** For how long the oldest that runs has had the lock, and for how long it has changed things. */
  ages(): Pick<WriterSnapshot, 'lockedMs' | 'changedMs'> {
    const [oldest] = this.#locked;
    const now = this.#context.clock.now();
    const { changedAt } = oldest ?? {};
    return {
      lockedMs: oldest && now - oldest.at,
      changedMs: changedAt === undefined ? undefined : now - changedAt,
    };
  }

  /** Ends those that are still running: their connections are gone. `wasForced` says whether closing took them: others were taken before. */
  cutShort(wasForced: (lease: Lease<DriverConnection>) => boolean): void {
    this.#wasForced = wasForced;
    for (const watch of this.#watches) watch.cutShort();
  }

  /** What the statements on a lent connection ask and tell. */
  scopeHost(label: Label, atomic: boolean): ScopeHost {
    return {
      atomic,
      explain: (error) => this.#failures.explain(error, 'statement', label),
      isLost: (error) => this.#failures.isLost(error),
      doing: (made) => this.#doing(label, made),
    };
  }

  /** Calls what was to be called after COMMIT. What it throws is logged: the rows are there, whatever it says. */
  runCallbacks(callbacks: readonly (() => void)[], label: Label): void {
    const failed = (error: unknown): void => {
      this.#context.logger.error({ ...this.#where(label), err: error }, 'an afterCommit callback threw');
    };
    for (const callback of callbacks)
      try {
        // One that is asynchronous, though it should not be, fails later.
        const result: unknown = callback();
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
  }

  #watch<T>(
    { held, lease, call: { label } }: TransactionOrder<T>,
    limits: TransactionLimits,
    scope: Scope,
    reject: (error: DatabaseError) => void,
  ): TransactionWatch {
    const { clock, holdings, logger } = this.#context;
    const expire = (what: string | undefined): void => {
      const awaited = holdings.awaitedWith(held, lease);
      const why = what === undefined || awaited === undefined ? what : `${what} and waited for ${awaited}`;
      const error = (): DatabaseError => (why === undefined ? this.#cutShort(lease, label) : this.#expired(why, label));
      scope.end(error);
      reject(error());
    };
    const slow = (idleMs: number): void => {
      const awaited = holdings.awaitedWith(held, lease);
      const forWhat = awaited === undefined ? '' : `, waiting for ${awaited}`;
      logger.warn(
        { ...this.#where(label), idleMs, callSite: held.askedAt(lease.id) },
        `"${label.text}" has held the right to write for ${Math.round(idleMs)} ms without a statement${forWhat}`,
      );
    };
    const watch = new TransactionWatch(clock, limits, expire, slow);
    this.#watches.add(watch);
    return watch;
  }

  /** Its connection is closed, and with it the snapshot. Whoever waits for something else meanwhile finds out when he comes back. */
  #watchRead(limitMs: number, lease: Lease<DriverConnection>, scope: Scope, label: Label): WatchedRead {
    const read: WatchedRead = {
      limitMs,
      seenAt: undefined,
      expire: () => {
        scope.end(() => this.#readExpired(limitMs, label));
        if (lease.active) lease.takeAway();
      },
    };
    this.#reads.begin(read);
    return read;
  }

  #readExpired(limitMs: number, label: Label): DatabaseError {
    return new DatabaseError(
      'TRANSACTION_EXPIRED',
      `the read took longer than its limit of ${limitMs} ms; its connection was taken away`,
      {
        ...this.#where(label),
        advice: 'read in smaller pieces, do slow work afterwards, or give it longer with limitMs',
      },
    );
  }

  /** @param unlocked called when somebody else may write, where that is before what was written will last. */
  async #commit(connection: DriverConnection, access: Access, label: Label, unlocked: () => void): Promise<void> {
    // Somebody may have met meanwhile what says that the file is not to be trusted.
    if (access === 'write') this.#engine.assertWritable(label);
    const startedAt = this.#context.clock.now();
    try {
      await this.#doing(label, () => connection.commit(unlocked));
    } catch (error) {
      throw this.#failures.explain(error, 'commit', label);
    }
    if (access === 'read') return;
    this.#failures.committed();
    this.#engine.committed(label, this.#context.clock.now() - startedAt);
  }

  /** A statement of a transaction that has run out of time may still be running: its connection cannot be used again. */
  async #giveBack(lease: Lease<DriverConnection>, scope: Scope, error: unknown): Promise<void> {
    // What could not be made to last was let go of when it was committed.
    if (!lease.active) return;
    const reusable = scope.reusable && !this.#failures.isLost(error) && (await rolledBack(lease));
    // One that was revoked is somebody else's business by now.
    if (!lease.active) return;
    if (reusable) lease.release();
    else lease.destroy();
  }

  /** Makes one call of the driver; whatever of it blocks this thread is blamed on the label. */
  #doing<T>(label: Label, made: () => T): T {
    const { activity } = this.#context;
    const outer = activity.label(label.id);
    try {
      return made();
    } finally {
      activity.label(outer);
    }
  }

  #expired(what: string, label: Label): DatabaseError {
    return new DatabaseError('TRANSACTION_EXPIRED', `the transaction ${what}; it has been rolled back`, {
      ...this.#where(label),
      advice: 'do slow work before or after it, or give it longer with limitMs and idleLimitMs',
    });
  }

  #cutShort(lease: Lease<DriverConnection>, label: Label): DatabaseError {
    const taken = this.#wasForced(lease) ? undefined : whyStale(lease);
    // What the pool says is explained as one of ours.
    if (taken !== undefined) return this.#failures.explain(taken, 'statement', label) as DatabaseError;
    const what = 'the service was closed before the transaction had ended; it is rolled back';
    return new DatabaseError('POOL_CLOSED', what, { ...this.#where(label), advice: 'close with a longer graceMs' });
  }

  #ended(label: Label): DatabaseError {
    return new DatabaseError('LEASE_STALE', 'this handle was lent to a function that has returned', {
      ...this.#where(label),
      advice: 'await everything that uses the handle inside the function',
    });
  }

  #where({ text }: Label): { readonly database: string; readonly label: string } {
    return { database: this.#context.name, label: text };
  }
}

async function rolledBack(lease: Lease<DriverConnection>): Promise<boolean> {
  try {
    const connection = lease.resource;
    if (connection.inTransaction) await connection.rollback();
    return true;
  } catch {
    return false;
  }
}

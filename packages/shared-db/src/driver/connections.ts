import type {
  Budgets,
  FlushMode,
  FlushReport,
  Lease,
  LeaseInfo,
  LeaseOptions,
  Pool,
  Resize,
  SharedLimit,
} from '@hive/pool';
import type { DatabaseContext } from '../database.ts';
import type { DatabaseSettings } from '../database-settings.ts';
import { duration } from '../health/figures.ts';
import type { Holdable } from '../nesting/holding.ts';
import type { LentConnections } from '../nesting/kept-session.ts';
import type { ConnectionUse } from '../snapshot.ts';
import { checkBudgetNames } from './budget-names.ts';
import type { Call } from './call.ts';
import { checkLimits } from './call-options.ts';
import { connectionPool, tuningOf, type ConnectionPoolOptions } from './connection-pool.ts';
import type { Access, Driver, DriverConnection } from './driver.ts';
import type { Failures } from './failures.ts';
import { holdableOf, lentOf } from './holdable-pool.ts';
import type { LockWaits } from './lock-waits.ts';
import { whenFree } from './patience.ts';
import { adoptLimits, limitsOf } from './pool-limits.ts';
import type { SessionUses } from './session-uses.ts';

/** A file with one writer is on this machine: what keeps that from being opened is the lock of somebody, which may be gone at any moment. */
const WRITER_BACKOFF_MS = 100;

/** Whose connections they are. */
export interface ConnectionsHost {
  readonly context: DatabaseContext;
  readonly driver: Driver;
  readonly failures: Failures;
  readonly lockWaits: LockWaits;
  readonly uses: SessionUses;
  /** What it may have open together with other databases. Default: it shares nothing. */
  readonly sharedLimit?: SharedLimit | undefined;
}

/** One of the pools. */
export interface UsedPool {
  readonly pool: Pool<DriverConnection>;
  readonly use: ConnectionUse;
}

/**
 * The connections of one database, in a pool of readers and one of the only writer, or, on a driver with many writers, in a single pool;
 * operated as one. What a pool refuses is told as the refusal of the database.
 */
export class Connections {
  readonly readers: Pool<DriverConnection>;
  /** Where the right to write is queued for. On a driver with many writers this is the pool of readers itself. */
  readonly writers: Pool<DriverConnection>;
  /** What those wait for who read, and those who write. */
  readonly readable: Holdable;
  readonly writable: Holdable;
  /** Those who read, as who keeps sessions has them. */
  readonly lent: LentConnections;
  /** All of them, each once. */
  readonly pools: readonly UsedPool[];
  readonly #host: ConnectionsHost;
  /** The writer that closing holds back, so that it is the last to close. Not even a flush takes it away. */
  #last: Lease<DriverConnection> | undefined;
  /** The numbers of those leases on what writes that closing took away. */
  #forced: ReadonlySet<number> = new Set();

  /** Opens nothing. Throws `CONFIG` where the budgets of the settings are none. */
  constructor(host: ConnectionsHost) {
    this.#host = host;
    const { labels } = host.context;
    const { singleWriter } = host.driver;
    this.readers = this.#newReaders(singleWriter ? 'read' : 'write');
    this.writers = singleWriter ? this.#newWriter() : this.readers;
    this.readable = holdableOf('a connection', this.readers, labels, () => host.context.settings.autoSize.max);
    this.writable = singleWriter ? holdableOf('the right to write', this.writers, labels) : this.readable;
    this.lent = lentOf(host.context.name, this.readers, this.readable);
    this.pools = singleWriter
      ? [
          { pool: this.readers, use: 'read' },
          { pool: this.writers, use: 'write' },
        ]
      : [{ pool: this.readers, use: 'any' }];
  }

  #newReaders(access: Access): Pool<DriverConnection> {
    const { settings } = this.#host.context;
    const { poolSize: size, maxOverflow } = settings;
    return this.#refusing(() => this.#newPool(access, { what: 'readers', size, maxOverflow, ...limitsOf(settings) }));
  }

  #newWriter(): Pool<DriverConnection> {
    return this.#refusing(() =>
      this.#newPool('write', { what: 'writer', size: 1, maxOverflow: 0, maxBackoffMs: WRITER_BACKOFF_MS }),
    );
  }

  #newPool(access: Access, options: Omit<ConnectionPoolOptions, 'connect' | 'uses'>): Pool<DriverConnection> {
    const { context, driver, failures, uses, sharedLimit } = this.#host;
    return connectionPool(context, {
      ...options,
      ...(sharedLimit === undefined ? {} : { sharedLimit }),
      connect: async (wish) => {
        try {
          return await driver.connect(access, wish);
        } catch (error) {
          throw failures.explain(error, 'connect', undefined);
        }
      },
      uses: (connection) => uses.of(connection),
    });
  }

  /** Whether the one that writes is apart from those that read. */
  get hasOneWriter(): boolean {
    return this.readers !== this.writers;
  }

  // Borrowing

  /**
   * Borrows a connection. What keeps one from being opened may be the lock of somebody, who has the file for himself or recovers it: that
   * is waited for like every other lock.
   */
  borrow(pool: Pool<DriverConnection>, call: Call, lease?: LeaseOptions): Promise<Lease<DriverConnection>> {
    const { context, lockWaits } = this.#host;
    const { label, deadline, options } = call;
    const acquire = (): Promise<Lease<DriverConnection>> => {
      const timeoutMs = Math.max(0, deadline - context.clock.now());
      return pool.acquire({ ...lease, owner: label.text, signal: options.signal, timeoutMs });
    };
    const { kept } = context.holdings;
    const acquired =
      kept.isHere && pool === this.readers
        ? kept.watch(this.lent, { label, budget: lease?.budget }, acquire())
        : acquire();
    return acquired.catch((error: unknown) => {
      if (!this.#isConnectBusy(error)) throw error;
      return whenFree(acquire, { ...lockWaits.patience(call), isBusy: (again) => this.#isConnectBusy(again) });
    });
  }

  /** The pool says that no connection could be made, because of what the engine said, which has been explained. */
  #isConnectBusy(error: unknown): boolean {
    return this.#host.failures.isBusy(causeOf(causeOf(error)));
  }

  /**
   * Opens as many of those that read as the settings want from the beginning. One that cannot be opened now is opened when it is needed.
   */
  async openFirst(): Promise<void> {
    const { initialSize, acquireTimeoutMs: timeoutMs } = this.#host.context.settings;
    if (initialSize === 0 || this.readers.stats().status !== 'open') return;
    // All are borrowed before the first is given back: else one would serve for all.
    const borrowed = await Promise.allSettled(
      Array.from({ length: initialSize }, () => this.readers.acquire({ owner: 'open', timeoutMs })),
    );
    for (const one of borrowed) if (one.status === 'fulfilled') one.value.release();
  }

  // Operating

  resize(limits: Resize): Promise<void> {
    return this.#refusingLater(() => {
      const { context } = this.#host;
      checkLimits(limits, context.name);
      const resized = this.readers.resize(limits);
      const { size, maxOverflow } = this.readers.stats();
      // What is refused is not in force; what is too many and idle is still to be closed.
      context.resized?.({
        size: limits.size === size ? size : undefined,
        maxOverflow: limits.maxOverflow === maxOverflow ? maxOverflow : undefined,
      });
      return resized;
    });
  }

  /** Takes what the settings say now, which have said something else `before`. */
  async adopt(before: DatabaseSettings): Promise<void> {
    const { context } = this.#host;
    for (const { pool } of this.pools) pool.retune(tuningOf(context));
    await this.#refusingLater(() => adoptLimits(this.readers, before, context.settings));
  }

  setBudgets(budgets: Budgets): void {
    this.#refusing(() => {
      checkBudgetNames(budgets, this.#host.context.name);
      this.readers.setBudgets(budgets);
    });
  }

  suspend(): void {
    for (const { pool } of this.pools) pool.suspend();
  }

  resume(): void {
    for (const { pool } of this.pools) pool.resume();
  }

  flush(mode: FlushMode): Promise<FlushReport> {
    return this.#refusingLater(async () => {
      // Both before anything is waited for: in an emergency nobody waits for a reader that does not close.
      const reading = this.#flush(this.readers, mode);
      const writing = this.hasOneWriter && this.#last === undefined ? this.#flush(this.writers, mode) : undefined;
      const reports = await Promise.all([reading, ...(writing === undefined ? [] : [writing])]);
      const revoked = reports.flatMap((report) => report.revoked);
      return { destroyed: reports.reduce((sum, { destroyed }) => sum + destroyed, 0), revoked };
    });
  }

  async #flush(pool: Pool<DriverConnection>, mode: FlushMode): Promise<FlushReport> {
    const report = await pool.flush(mode);
    this.#sayTaken(report.revoked, mode);
    return report;
  }

  #sayTaken(revoked: readonly LeaseInfo[], mode: FlushMode): void {
    const { name: database, logger, labels } = this.#host.context;
    for (const lease of revoked) {
      const { owner: label, ageMs: heldMs, acquiredAt: stack } = lease;
      logger.warn(
        { database, label, heldMs, acquiredAt: labels.placeOf(lease), stack },
        `flush('${mode}') has taken a connection from ${JSON.stringify(label)}, which had it for ${duration(heldMs)}`,
      );
    }
  }

  /** Tells what a pool refuses as the refusal of the database. */
  #refusing<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw this.#host.failures.explain(error, 'begin', undefined);
    }
  }

  /** The same of what takes its time. */
  async #refusingLater<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw this.#host.failures.explain(error, 'begin', undefined);
    }
  }

  // Closing

  /**
   * Closes them, readers before the writer: the last connection that closes tidies up, and it must be one that can write. Both pools turn
   * their callers away at once, so until the readers are gone, and what `closeOthers` closes beside them, an idle writer is held back.
   * Resolves with the leases that were forced.
   */
  async close(graceMs: number, closeOthers: () => Promise<void>): Promise<readonly LeaseInfo[]> {
    const reading = this.readers.close({ graceMs });
    const others = closeOthers();
    const last = await this.#holdBackWriter();
    const writing = this.writers.close({ graceMs });
    const readers = await reading;
    await others;
    last?.release();
    const writers = await writing;
    this.#forced = new Set(writers.forced.map(({ id }) => id));
    if (!this.hasOneWriter) return readers.forced;
    return [...readers.forced, ...writers.forced.filter(({ id }) => id !== last?.id)];
  }

  /** Whether it was closing that took away this lease on what writes. */
  wasForced({ id }: Lease<DriverConnection>): boolean {
    return this.#forced.has(id);
  }

  /**
   * The writer, where there is one that nobody has or waits for: those are told at once that the database is closing. One that has been idle
   * for long is tested first, and is not to be had at once.
   */
  async #holdBackWriter(): Promise<Lease<DriverConnection> | undefined> {
    const { idle, resetting, waiting } = this.writers.stats();
    if (!this.hasOneWriter || waiting > 0 || idle + resetting === 0) return undefined;
    try {
      // At once: whoever flushes in the same moment would take it for somebody's.
      this.#last = this.writers.tryAcquire();
      this.#last ??= await this.writers.acquire({ owner: 'close', timeoutMs: 100 });
    } catch {
      // Then readers and the writer close as they come back.
    }
    return this.#last;
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

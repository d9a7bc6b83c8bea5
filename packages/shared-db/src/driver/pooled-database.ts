import {
  createPool,
  PoolError,
  type FlushMode,
  type FlushReport,
  type Lease,
  type LeaseInfo,
  type Pool,
  type Resize,
} from '@hive/pool';
import type { CallOptions, Database, DatabaseContext, ManagedDatabase, TransactionOptions } from '../database.ts';
import { DatabaseError, type Culprit, type DatabaseErrorCode, type ErrorKind } from '../errors.ts';
import type { Label } from '../labels.ts';
import type { DatabaseSnapshot, DatabaseStatus, LaneSnapshot, LeaseSnapshot } from '../snapshot.ts';
import type { Access, Driver, DriverConnection, Phase } from './driver.ts';
import { described, introduced } from './introduction.ts';
import { whenFree, type Patience } from './patience.ts';
import { Scope, type Connection, type ScopeHost, type Transaction } from './scope.ts';
import { LeasedSession, type Session, type SessionOptions } from './session.ts';
import { TransactionWatch, type TransactionLimits } from './transaction-watch.ts';

const TRANSACTION_LIMIT_MS = 5_000;
const TRANSACTION_IDLE_MS = 1_000;
const SESSION_LIMIT_MS = 300_000;
/** A database that failed to open is tried again by the first caller after this. */
const REOPEN_AFTER_MS = 1_000;
const LONGEST_MS = 2_147_483_647;

/** One call while it runs. */
export interface Call {
  readonly label: Label;
  readonly deadline: number;
  readonly options: CallOptions;
}

export type CallKind = 'reads' | 'writes' | 'transactions' | 'sessions';

type State =
  | { readonly status: 'opening' }
  | { readonly status: 'open' }
  | { readonly status: 'fenced'; readonly failure: DatabaseError }
  | { readonly status: 'failed'; readonly failure: DatabaseError; readonly retryAt: number }
  | { readonly status: 'closed' };

/** A named database over a driver: pools, deadlines, guards and counting. What is special about an engine is its subclass's. */
export class PooledDatabase implements Database, ManagedDatabase {
  readonly name: string;
  protected readonly context: DatabaseContext;
  protected readonly driver: Driver;
  protected readonly readers: Pool<DriverConnection>;
  /** Where the right to write is queued for. On a driver with many writers this is the pool of readers itself. */
  protected readonly writers: Pool<DriverConnection>;
  #state: State = { status: 'opening' };
  #opening: Promise<void> | undefined;
  readonly #counters = {
    reads: 0,
    synchronousReads: 0,
    writes: 0,
    transactions: 0,
    sessions: 0,
    rolledBack: 0,
    busy: 0,
  };
  readonly #errors: Partial<Record<DatabaseErrorCode, number>> = {};

  constructor(context: DatabaseContext, driver: Driver) {
    this.name = context.name;
    this.context = context;
    this.driver = driver;
    const { poolSize, maxOverflow } = context.settings;
    this.readers = this.#pool('readers', driver.singleWriter ? 'read' : 'write', poolSize, maxOverflow);
    this.writers = driver.singleWriter ? this.#pool('writer', 'write', 1, 0) : this.readers;
  }

  // Opening and closing

  look(): 'exists' | 'new' {
    return 'exists';
  }

  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    if (this.#state.status === 'closed') throw this.#closedError();
    try {
      await this.prepare();
      if (this.status === 'closed') throw this.#closedError();
      this.#state = { status: 'open' };
      const { poolSize, maxOverflow } = this.context.settings;
      const live = this.readers.stats().live;
      this.context.logger.info(
        { database: this.name, driver: this.driver.name },
        `pool initialised ${live}/${poolSize + maxOverflow}`,
      );
    } catch (error) {
      const failure = this.#asDatabaseError(this.explain(error, 'connect', undefined));
      if (this.status !== 'closed')
        this.#state = { status: 'failed', failure, retryAt: this.context.clock.now() + REOPEN_AFTER_MS };
      throw failure;
    }
  }

  /** What an engine does before anybody may use the database. Rejects with why it cannot be used. */
  protected async prepare(): Promise<void> {
    const lease = await this.readers.acquire({ owner: 'open' });
    lease.release();
  }

  async close(graceMs: number): Promise<readonly LeaseInfo[]> {
    this.#state = { status: 'closed' };
    // Readers before the writer: the last connection that closes tidies up, and it must be one that can write. Both pools turn their
    // callers away at once, so until the readers are gone an idle writer is held back.
    const last = this.readers === this.writers ? undefined : this.writers.tryAcquire();
    const reading = this.readers.close({ graceMs });
    const writing = this.writers.close({ graceMs });
    const readers = await reading;
    last?.release();
    const writers = await writing;
    await this.closed();
    return readers === writers
      ? readers.forced
      : [...readers.forced, ...writers.forced.filter(({ id }) => id !== last?.id)];
  }

  /** What an engine lets go of at the end. */
  protected closed(): Promise<void> {
    return Promise.resolve();
  }

  get status(): DatabaseStatus {
    return this.#state.status;
  }

  /** Waits until the database is open; a failed one is opened again when its pause is over. */
  protected async ready(): Promise<void> {
    const state = this.#state;
    switch (state.status) {
      case 'open':
      case 'fenced':
        return;
      case 'closed':
        throw this.#closedError();
      case 'failed':
        if (this.context.clock.now() < state.retryAt) throw state.failure;
        await this.open();
        return;
      case 'opening':
        await this.open();
    }
  }

  /** The same for callers that cannot wait: throws unless the database is open. A failed one is opened again meanwhile. */
  protected assertReady(): void {
    if (this.isReady) return;
    const opening = this.ready();
    opening.catch(() => undefined);
    if (this.#state.status === 'closed') throw this.#closedError();
    if (this.#state.status === 'failed') throw this.#state.failure;
    throw new DatabaseError('POOL_CLOSED', 'the database is still being opened', {
      database: this.name,
      advice: 'wait for openDatabaseService, or use read(), which waits',
    });
  }

  /** Whether it can be used without waiting for it. */
  protected get isReady(): boolean {
    return this.status === 'open' || this.status === 'fenced';
  }

  /** Stops writes until the database has been closed, reopened and verified. */
  protected fence(failure: DatabaseError): void {
    if (this.#state.status !== 'open') return;
    this.#state = { status: 'fenced', failure };
    this.context.logger.error({ database: this.name, code: failure.code }, `writes are stopped: ${failure.message}`);
  }

  protected assertWritable(label: Label): void {
    if (this.#state.status !== 'fenced') return;
    throw new DatabaseError('FENCED', `writes have been stopped since ${this.#state.failure.message}`, {
      database: this.name,
      label: label.text,
      cause: this.#state.failure,
      advice: 'repair what caused it and start the process again; reads go on meanwhile',
    });
  }

  // Using

  read<T>(label: string, fn: (connection: Connection) => Promise<T>, options: CallOptions = {}): Promise<T> {
    return this.call(label, options, 'reads', async (call) => {
      const lease = await this.readers.acquire(this.#acquireOptions(call));
      return this.#within(lease, 'read', call, fn);
    });
  }

  transaction<T>(label: string, fn: (tx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return this.call(label, options, 'transactions', (call) => this.#transaction(call, fn, options));
  }

  async #transaction<T>(call: Call, fn: (tx: Transaction) => Promise<T>, options: TransactionOptions): Promise<T> {
    const limits = {
      limitMs: this.#duration('limitMs', options.limitMs ?? TRANSACTION_LIMIT_MS),
      idleMs: this.#duration('idleLimitMs', options.idleLimitMs ?? TRANSACTION_IDLE_MS),
    };
    this.assertWritable(call.label);
    // What nobody asked for is no reason to hold the writer for long.
    const asked = { ...this.#acquireOptions(call), allowedMs: options.limitMs, capture: true };
    const lease = await this.writers.acquire(asked);
    return this.#within(lease, 'write', call, fn, limits);
  }

  session(label: string, options: SessionOptions = {}): Promise<Session> {
    const { signal, timeoutMs = SESSION_LIMIT_MS } = options;
    return this.call(label, { signal }, 'sessions', async (call) => {
      this.#duration('timeoutMs', timeoutMs);
      // What nobody asked for is no reason to hold a connection for long.
      const asked = { ...this.#acquireOptions(call), allowedMs: options.timeoutMs, capture: true };
      const lease = await this.readers.acquire(asked);
      const host = {
        database: this.name,
        clock: this.context.clock,
        scope: this.#scopeHost(call.label, false),
        transaction: <T>(fn: (tx: Transaction) => Promise<T>, given: TransactionOptions = {}): Promise<T> =>
          this.call(label, given, 'transactions', (inner) => this.#transaction(inner, fn, given)),
        expired: (of: string) => {
          this.context.logger.warn(
            { database: this.name, label: of },
            `session "${of}" was over its limit and was ended`,
          );
        },
      };
      return new LeasedSession(call.label.text, lease, host, timeoutMs, signal);
    });
  }

  /** Runs one call: counts it, checks what every call must obey, waits for the database, and explains what went wrong. */
  protected async call<T>(
    text: string,
    options: CallOptions,
    kind: CallKind,
    run: (call: Call) => Promise<T>,
  ): Promise<T> {
    const call = this.begin(text, options, kind);
    try {
      // Whoever called first is in the queue first: nothing is awaited without need.
      if (!this.isReady) await this.ready();
      return await run(call);
    } catch (error) {
      throw this.failed(error, call.label);
    }
  }

  /** Counts a call and checks what every call must obey. Throws when it does not. */
  protected begin(text: string, options: CallOptions, kind: CallKind): Call {
    const label = this.context.labels.use(text);
    try {
      this.assertOutside(label);
      const timeoutMs = this.#duration('timeoutMs', options.timeoutMs ?? this.context.settings.acquireTimeoutMs);
      this.#counters[kind]++;
      return { label, deadline: this.context.clock.now() + timeoutMs, options };
    } catch (error) {
      throw this.failed(error, label);
    }
  }

  /** Throws when the call comes from inside a function that must use its own handle. */
  protected assertOutside(_label: Label): void {}

  /** Begins, runs, ends: commits what resolves, undoes what rejects, and gives the connection back in either case. */
  async #within<T>(
    lease: Lease<DriverConnection>,
    access: Access,
    call: Call,
    fn: (scope: Scope) => Promise<T>,
    limits?: TransactionLimits,
  ): Promise<T> {
    let watch: TransactionWatch | undefined;
    let begun = false;
    const scope = new Scope(lease, {
      ...this.#scopeHost(call.label, true),
      started: () => watch?.started(),
      finished: () => watch?.finished(),
    });
    try {
      // Asked of the lease at every try: it may be revoked while the lock is waited for.
      await whenFree(() => lease.resource.begin(access), this.patience(call));
      begun = true;
      if (access === 'write') this.assertWritable(call.label);
      const work =
        limits === undefined ? fn(scope) : this.#limited(scope, call.label, limits, fn, (made) => (watch = made));
      const result = await work;
      scope.assertFinished();
      scope.end(() => this.#ended(call.label));
      await this.#commit(lease.resource, access, call.label);
      this.#runCallbacks(scope.callbacks, call.label);
      lease.release();
      return result;
    } catch (error) {
      scope.end(() => this.#ended(call.label));
      if (begun && access === 'write') this.countRollback();
      // A statement of a transaction that has run out of time may still be running: its connection cannot be used again.
      const reusable = scope.reusable && !this.#isLost(error) && (await this.#rolledBack(lease));
      // One that was revoked is somebody else's business by now.
      if (!lease.active) throw error;
      if (reusable) lease.release();
      else lease.destroy();
      throw error;
    } finally {
      watch?.stop();
    }
  }

  /** The function's own promise, or the moment at which its time is up. */
  #limited<T>(
    scope: Scope,
    label: Label,
    limits: TransactionLimits,
    fn: (scope: Scope) => Promise<T>,
    watched: (watch: TransactionWatch) => void,
  ): Promise<T> {
    const expired = new Promise<never>((_, reject) => {
      watched(
        new TransactionWatch(this.context.clock, limits, (what) => {
          const error = (): DatabaseError =>
            new DatabaseError('TRANSACTION_EXPIRED', `the transaction ${what}; it has been rolled back`, {
              database: this.name,
              label: label.text,
              advice: 'do slow work before or after it, or give it longer with limitMs and idleLimitMs',
            });
          scope.end(error);
          reject(error());
        }),
      );
    });
    return Promise.race([fn(scope), expired]);
  }

  async #commit(connection: DriverConnection, access: Access, label: Label): Promise<void> {
    try {
      await connection.commit();
    } catch (error) {
      throw this.explain(error, 'commit', label);
    }
    if (access === 'write') this.committed(label);
  }

  /** What an engine checks after a COMMIT and before anybody is told of it. */
  protected committed(_label: Label): void {}

  async #rolledBack(lease: Lease<DriverConnection>): Promise<boolean> {
    try {
      const connection = lease.resource;
      if (connection.inTransaction) await connection.rollback();
      return true;
    } catch {
      return false;
    }
  }

  #runCallbacks(callbacks: readonly (() => void)[], label: Label): void {
    const failed = (error: unknown): void => {
      this.context.logger.error(
        { database: this.name, label: label.text, err: error },
        'an afterCommit callback threw',
      );
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

  protected runCallbacks(callbacks: readonly (() => void)[], label: Label): void {
    this.#runCallbacks(callbacks, label);
  }

  /** How a call waits for a lock. */
  protected patience({ label, deadline, options }: Call): Patience {
    const { clock, random } = this.context;
    return {
      clock,
      random,
      deadline,
      signal: options.signal,
      isBusy: (error) => this.driver.classify(error, 'begin')?.busy === true,
      onBusy: () => {
        this.#counters.busy++;
      },
      giveUp: (cause) => this.busyError(cause, label),
      aborted: () =>
        new DatabaseError('ABORTED', 'the caller aborted its wait for the lock', {
          database: this.name,
          label: label.text,
        }),
    };
  }

  /** The lock was not had in time. */
  protected async busyError(cause: unknown, label: Label): Promise<DatabaseError> {
    const culprits = await introduced(this.culprits(), this.context.runtimeDirectory, this.files().path);
    const who = culprits.map(described).join(', ');
    const what = who === '' ? 'somebody else holds the write lock' : `${who} holds the write lock`;
    return new DatabaseError('BUSY_TIMEOUT', `the write lock was not had in time: ${what}`, {
      database: this.name,
      label: label.text,
      cause,
      culprits,
      advice: `run: hive-db status`,
    });
  }

  /** Who is in the way, as far as an engine can tell. */
  protected culprits(): readonly Culprit[] {
    return [];
  }

  // Errors

  #scopeHost(label: Label, atomic: boolean): ScopeHost {
    return {
      atomic,
      explain: (error) => this.explain(error, 'statement', label),
      isLost: (error) => this.#isLost(error),
    };
  }

  /** Whether an error, explained or not, says that its connection is of no more use. */
  #isLost(error: unknown): boolean {
    const cause = error instanceof DatabaseError ? error.cause : error;
    return this.driver.classify(cause, 'statement')?.lost === true;
  }

  /** Turns what a pool or a driver threw into a `DatabaseError`; leaves everything else as it is. */
  protected explain(error: unknown, during: Phase, label: Label | undefined): unknown {
    const details = { database: this.name, label: label?.text, cause: error };
    if (error instanceof PoolError)
      return new DatabaseError(error.code, error.message, {
        ...details,
        cause: error.cause ?? error,
        culprits: holdersOf(error),
      });
    if (error instanceof DatabaseError) return during === 'statement' ? error.at(this.name, label?.text) : error;
    const failure = this.driver.classify(error, during);
    if (failure === undefined) return error;
    const explained = new DatabaseError(failure.kind, failure.message, { ...details, advice: ADVICE[failure.kind] });
    if (failure.fences) this.fence(explained);
    return explained;
  }

  protected failed(error: unknown, label: Label): unknown {
    label.failures++;
    const explained = this.explain(error, 'begin', label);
    if (explained instanceof DatabaseError) this.#errors[explained.code] = (this.#errors[explained.code] ?? 0) + 1;
    return explained;
  }

  protected countRollback(): void {
    this.#counters.rolledBack++;
  }

  protected countSynchronousRead(): void {
    this.#counters.synchronousReads++;
  }

  #asDatabaseError(error: unknown): DatabaseError {
    if (error instanceof DatabaseError) {
      // A connection that could not be made says what SQLite said; the pool only says that it failed.
      const { cause } = error;
      return error.kind === 'CREATE_FAILED' && cause instanceof DatabaseError ? cause : error;
    }
    return new DatabaseError('CREATE_FAILED', error instanceof Error ? error.message : String(error), {
      database: this.name,
      cause: error,
    });
  }

  #closedError(): DatabaseError {
    return new DatabaseError('POOL_CLOSED', 'the service has been closed', { database: this.name });
  }

  #ended(label: Label): DatabaseError {
    return new DatabaseError('LEASE_STALE', 'this handle was lent to a function that has returned', {
      database: this.name,
      label: label.text,
      advice: 'await everything that uses the handle inside the function',
    });
  }

  #duration(option: string, value: unknown): number {
    if (typeof value === 'number' && value >= 0 && value <= LONGEST_MS) return value;
    const given = typeof value === 'string' ? JSON.stringify(value) : String(value);
    throw new DatabaseError('CONFIG', `${option} is ${given}; expected milliseconds from 0 to ${LONGEST_MS}`, {
      database: this.name,
    });
  }

  #acquireOptions({ label, deadline, options }: Call): {
    owner: string;
    signal: AbortSignal | undefined;
    timeoutMs: number;
  } {
    return { owner: label.text, signal: options.signal, timeoutMs: Math.max(0, deadline - this.context.clock.now()) };
  }

  protected acquireOptions(call: Call): { owner: string; signal: AbortSignal | undefined; timeoutMs: number } {
    return this.#acquireOptions(call);
  }

  // Operating

  #pool(what: string, access: Access, size: number, maxOverflow: number): Pool<DriverConnection> {
    const { clock, random, settings, logger, name } = this.context;
    const echo = settings.echo
      ? {
          acquired: (lease: LeaseInfo, waitMs: number) => {
            logger.info({ database: name, pool: what, label: lease.owner, waitMs }, 'checkout');
          },
          released: (lease: LeaseInfo) => {
            logger.info({ database: name, pool: what, label: lease.owner, heldMs: lease.ageMs }, 'checkin');
          },
        }
      : {};
    return createPool<DriverConnection>({
      name: `${name} ${what}`,
      create: ({ signal }) => this.#connect(access, signal),
      destroy: (connection) => connection.close(),
      validate: (connection) => connection.validate(),
      reset: (connection) => (connection.dirty ? connection.reset() : undefined),
      size,
      maxOverflow,
      acquireTimeoutMs: settings.acquireTimeoutMs,
      maxLifetimeMs: settings.recycleMs,
      idleTimeoutMs: 0,
      timeEvery: 1,
      clock,
      random,
      observer: {
        ...echo,
        invalidated: (id, generation) => {
          logger.warn(
            { database: name, pool: what, connection: id, generation },
            'invalidate: a connection no longer works',
          );
        },
        collected: (lease) => {
          logger.warn(
            { database: name, pool: what, label: lease.owner, acquiredAt: lease.acquiredAt },
            'a lease was dropped without release',
          );
        },
      },
    });
  }

  async #connect(access: Access, signal: AbortSignal): Promise<DriverConnection> {
    try {
      return await this.driver.connect(access, { signal });
    } catch (error) {
      throw this.explain(error, 'connect', undefined);
    }
  }

  leases(): readonly LeaseSnapshot[] {
    return this.readers === this.writers ? this.readers.leases() : [...this.readers.leases(), ...this.writers.leases()];
  }

  async resize(limits: Resize): Promise<void> {
    try {
      await this.readers.resize(limits);
    } catch (error) {
      throw this.explain(error, 'begin', undefined);
    }
  }

  suspend(): void {
    this.readers.suspend();
    this.writers.suspend();
  }

  resume(): void {
    this.readers.resume();
    this.writers.resume();
  }

  async flush(mode: FlushMode): Promise<FlushReport> {
    const readers = await this.readers.flush(mode);
    if (this.readers === this.writers) return readers;
    const writers = await this.writers.flush(mode);
    return {
      destroyed: readers.destroyed + writers.destroyed,
      revoked: [...readers.revoked, ...writers.revoked],
    };
  }

  snapshot(): DatabaseSnapshot {
    const state = this.#state;
    const failure = state.status === 'failed' || state.status === 'fenced' ? state.failure : undefined;
    const own = this.readers === this.writers;
    return Object.freeze({
      name: this.name,
      driver: this.driver.name,
      status: state.status,
      required: this.context.settings.required,
      failure: failure && Object.freeze({ code: failure.code, message: failure.message }),
      durability: this.context.settings.durability,
      pool: this.readers.stats(),
      lane: own ? NO_LANE : this.#lane(),
      counters: Object.freeze({ ...this.#counters, errors: Object.freeze({ ...this.#errors }) }),
      leases: Object.freeze(this.leases()),
      waiters: Object.freeze((own ? [this.readers] : [this.readers, this.writers]).flatMap((pool) => pool.waiters())),
      ...this.files(),
    });
  }

  #lane(): LaneSnapshot {
    const { waiting, leased, oldestWaitMs } = this.writers.stats();
    const [lease] = this.writers.leases();
    const writer = lease?.owner === undefined ? undefined : Object.freeze({ label: lease.owner, heldMs: lease.ageMs });
    return Object.freeze({ waiting, running: leased, oldestWaitMs, writer });
  }

  /** The files of an engine that has some. */
  protected files(): Pick<DatabaseSnapshot, 'path' | 'fileBytes' | 'walBytes'> {
    return { path: undefined, fileBytes: undefined, walBytes: undefined };
  }
}

const NO_LANE: LaneSnapshot = Object.freeze({ waiting: 0, running: 0, oldestWaitMs: 0, writer: undefined });

/** What to do about a failure of a statement or a file. */
const ADVICE: Readonly<Partial<Record<ErrorKind, string>>> = {
  DISK_FULL: 'free space on the disk; the write was rolled back and reads go on',
  IO: 'look at the disk and the kernel log; writes stop until the database has been reopened and verified',
  CORRUPT: 'restore a backup, or recover what can be read with the sqlite3 shell; nothing is deleted by this service',
  NOT_A_DATABASE: 'check the path; the file was not touched',
  PERMISSION: 'give the user of this process the right to read and write the file and its directory',
  OUTCOME_UNKNOWN: 'read back whether the rows are there before writing them again',
  READ_ONLY: 'use write() or transaction() to change data',
};

function holdersOf({ holders }: PoolError): readonly Culprit[] {
  return holders.map(({ owner, ageMs, acquiredAt }) => ({
    pid: process.pid,
    heldMs: ageMs,
    ...(owner === undefined ? {} : { label: owner }),
    ...(acquiredAt === undefined ? {} : { callSite: acquiredAt }),
  }));
}

import {
  Histogram,
  type AcquireOptions,
  type Budgets,
  type FlushMode,
  type FlushReport,
  type Lease,
  type LeaseInfo,
  type LeaseOptions,
  type Pool,
  type PoolStats,
  type Resize,
  type WaiterInfo,
} from '@hive/pool';
import { callSiteOf } from '../call-site.ts';
import type {
  CallOptions,
  Database,
  DatabaseContext,
  ManagedDatabase,
  ReadOptions,
  TransactionOptions,
} from '../database.ts';
import type { DatabaseSettings } from '../database-settings.ts';
import { DatabaseError, type Culprit } from '../errors.ts';
import type { Label } from '../labels.ts';
import type {
  ConnectionUse,
  DatabaseSnapshot,
  DatabaseStatus,
  LaneSnapshot,
  LaneWork,
  LeaksSnapshot,
  LeaseSnapshot,
  RepairSnapshot,
  WaiterSnapshot,
} from '../snapshot.ts';
import type { Holdable } from '../nesting/holding.ts';
import { Statements } from '../statements.ts';
import type { Call } from './call.ts';
import { checkBudgetNames } from './budget-names.ts';
import { NO_OPTIONS, checkCallOptions, checkLimits, type CallKind } from './call-options.ts';
import { connectionPool, tuningOf, type ConnectionPoolOptions } from './connection-pool.ts';
import type { Access, Driver, DriverConnection } from './driver.ts';
import { Failures } from './failures.ts';
import { assertFunction } from './given-function.ts';
import { Lifecycle } from './lifecycle.ts';
import { LockWaits } from './lock-waits.ts';
import { whenFree, type Patience } from './patience.ts';
import { adoptLimits, limitsOf } from './pool-limits.ts';
import type { Connection, Transaction } from './scope.ts';
import { SessionUses } from './session-uses.ts';
import type { Revocation } from './revocation.ts';
import { LeasedSession, type SessionEnd, type SessionHost, type SessionOptions, type SessionUse } from './session.ts';
import { Transactions } from './transactions.ts';

const READ_LIMIT_MS = 30_000;
const TRANSACTION_LIMIT_MS = 5_000;
const TRANSACTION_IDLE_MS = 1_000;
const SESSION_LIMIT_MS = 300_000;
const LONGEST_MS = 2_147_483_647;
/** A file with one writer is on this machine: what keeps that from being opened is the lock of somebody, which may be gone at any moment. */
const WRITER_BACKOFF_MS = 100;

/** A named database over a driver: calls, their deadlines and guards. What is special about an engine is its subclass's. */
export class PooledDatabase implements Database, ManagedDatabase {
  readonly name: string;
  protected readonly context: DatabaseContext;
  protected readonly driver: Driver;
  protected readonly statements: Statements;
  protected readonly readers: Pool<DriverConnection>;
  /** Where the right to write is queued for. On a driver with many writers this is the pool of readers itself. */
  protected readonly writers: Pool<DriverConnection>;
  protected readonly lifecycle: Lifecycle;
  protected readonly failures: Failures;
  protected readonly transactions: Transactions;
  protected readonly lockWaits: LockWaits;
  /** What those wait for who read, and those who write. */
  readonly #readable: Holdable;
  protected readonly writable: Holdable;
  /** The writer that closing holds back, so that it is the last to close. Not even a flush takes it away. */
  #last: Lease<DriverConnection> | undefined;
  /** Leases of readers that are sessions, by their numbers. */
  readonly #sessions = new Set<number>();
  readonly #uses = new SessionUses();
  readonly #counters = {
    reads: 0,
    synchronousReads: 0,
    writes: 0,
    transactions: 0,
    sessions: 0,
    offloads: 0,
    rolledBack: 0,
    transactionsLeftOpen: 0,
    sessionsExpired: 0,
    busy: 0,
  };

  /** Throws `CONFIG` where the budgets of its settings are none. */
  constructor(context: DatabaseContext, driver: Driver, statements = new Statements(context)) {
    this.name = context.name;
    this.context = context;
    this.driver = driver;
    this.statements = statements;
    this.failures = new Failures(context, driver, (failure) => {
      this.fence(failure);
    });
    this.lifecycle = new Lifecycle(context, {
      prepare: () => this.prepare(),
      opened: () => {
        this.#sayOpened();
      },
      explain: (error) => this.failures.ofOpening(error),
    });
    this.transactions = new Transactions(context, this.failures, {
      patience: (call, access) => (access === 'write' ? this.writerPatience(call) : this.patience(call)),
      assertWritable: (label) => {
        this.assertWritable(label);
      },
      committed: (label) => {
        this.failures.committed();
        this.committed(label);
      },
      rolledBack: () => {
        this.countRollback();
      },
      wrote: () => {
        this.wrote();
      },
    });
    this.lockWaits = new LockWaits({
      context,
      path: () => this.files().path,
      culprits: () => this.culprits(),
      isBusy: (error) => this.failures.isBusy(error),
      met: () => {
        this.#counters.busy++;
      },
    });
    const { poolSize, maxOverflow } = context.settings;
    this.readers = this.#budgeted(() =>
      this.#pool('readers', driver.singleWriter ? 'read' : 'write', poolSize, maxOverflow, limitsOf(context.settings)),
    );
    this.writers = driver.singleWriter
      ? this.#pool('writer', 'write', 1, 0, { maxBackoffMs: WRITER_BACKOFF_MS })
      : this.readers;
    this.#readable = this.#holdable('a connection', this.readers);
    this.writable = driver.singleWriter ? this.#holdable('the right to write', this.writers) : this.#readable;
  }

  #holdable(what: string, pool: Pool<DriverConnection>): Holdable {
    return {
      what,
      holders: () => holdersOf(pool),
      askedAt: (id) => {
        const lease = pool.leases().find((one) => one.id === id);
        const { acquiredAt, owner } = lease ?? {};
        return acquiredAt === undefined ? this.context.labels.callSiteOf(owner) : callSiteOf(acquiredAt);
      },
    };
  }

  // Opening and closing

  look(): 'exists' | 'new' {
    return 'exists';
  }

  heed(): void {
    // Processes leave each other word of files only.
  }

  open(): Promise<void> {
    return this.lifecycle.open();
  }

  #sayOpened(): void {
    const { poolSize, maxOverflow } = this.context.settings;
    this.context.logger.info(
      { database: this.name, driver: this.driver.name },
      `pool initialised ${this.readers.stats().live}/${poolSize + maxOverflow}`,
    );
  }

  /** What an engine does before anybody may use the database. Rejects with why it cannot be used. */
  protected async prepare(): Promise<void> {
    const lease = await this.readers.acquire({ owner: 'open' });
    lease.release();
  }

  async close(graceMs: number): Promise<readonly LeaseInfo[]> {
    this.lifecycle.close();
    // Readers before the writer: the last connection that closes tidies up, and it must be one that can write. Both pools turn their
    // callers away at once, so until the readers are gone an idle writer is held back.
    const reading = this.readers.close({ graceMs });
    const others = this.closeOthers(graceMs);
    const last = await this.#idleWriter();
    this.#last = last;
    const writing = this.writers.close({ graceMs });
    const readers = await reading;
    await others;
    last?.release();
    const writers = await writing;
    // The connections are gone: whoever was stuck in a transaction is told, and no limit of his keeps the process alive.
    this.transactions.cutShort();
    await this.closed();
    return readers === writers
      ? readers.forced
      : [...readers.forced, ...writers.forced.filter(({ id }) => id !== last?.id)];
  }

  /** The writer, where nobody has it. One that has been idle for long is tested first, and is not to be had at once. */
  async #idleWriter(): Promise<Lease<DriverConnection> | undefined> {
    if (this.readers === this.writers || this.writers.stats().leased > 0) return undefined;
    try {
      return this.writers.tryAcquire() ?? (await this.writers.acquire({ owner: 'close', timeoutMs: 100 }));
    } catch {
      return undefined;
    }
  }

  /** Closes what an engine has open beside its pools, before the connection that writes. */
  protected closeOthers(_graceMs: number): Promise<void> {
    return Promise.resolve();
  }

  /** What an engine lets go of at the end. */
  protected closed(): Promise<void> {
    return Promise.resolve();
  }

  get status(): DatabaseStatus {
    return this.lifecycle.status;
  }

  /** Stops writes. An engine that shares its files with other processes tells them. */
  protected fence(failure: DatabaseError): void {
    this.lifecycle.fence(failure);
  }

  /** Throws while writes are stopped. `now` spares whoever has just read the clock another reading. */
  protected assertWritable(label: Label, _now?: number): void {
    this.lifecycle.assertWritable(label);
  }

  // Using

  read<T>(label: string, fn: (connection: Connection) => Promise<T>, options: ReadOptions = NO_OPTIONS): Promise<T> {
    if (!this.isNested) return this.#read(label, fn, options);
    return this.nested(this.#readable, label, options, (given) => this.#read(label, fn, given));
  }

  #read<T>(label: string, fn: (connection: Connection) => Promise<T>, options: ReadOptions): Promise<T> {
    return this.call(label, options, 'reads', async (call) => {
      this.#assertFunction(fn, 'read', call);
      const { limitMs } = options;
      const readLimitMs = limitMs === undefined ? READ_LIMIT_MS : this.#duration('limitMs', limitMs);
      const { budget } = options;
      const isPlain = limitMs === undefined && budget === undefined;
      const lease = await this.borrow(this.readers, call, isPlain ? undefined : { budget, allowedMs: limitMs });
      const held = this.#readable;
      return this.transactions.run({ lease, held, access: 'read', call, fn, limits: undefined, readLimitMs });
    });
  }

  transaction<T>(
    label: string,
    fn: (tx: Transaction) => Promise<T>,
    options: TransactionOptions = NO_OPTIONS,
  ): Promise<T> {
    return this.nested(this.writable, label, options, (given) =>
      this.call(label, given, 'transactions', (call) => this.#transaction(call, fn, given)),
    );
  }

  /** Whether this is called from inside a function that has something in its hands. */
  protected get isNested(): boolean {
    return this.context.holdings.isInside;
  }

  /** Makes a call that has to wait for something; from inside a function of a caller it may be for what that function has itself. */
  protected nested<O extends CallOptions, T>(
    held: Holdable,
    label: string,
    options: O,
    call: (options: O) => Promise<T>,
  ): Promise<T> {
    if (!this.isNested) return call(options);
    return this.context.holdings.nested({ held, database: this.name, label }, options, call);
  }

  async #transaction<T>(
    call: Call,
    fn: (tx: Transaction) => Promise<T>,
    options: TransactionOptions,
    revocation?: Revocation,
  ): Promise<T> {
    this.#assertFunction(fn, 'transaction', call);
    const { limitMs = TRANSACTION_LIMIT_MS, idleLimitMs = TRANSACTION_IDLE_MS } = options;
    const limits = {
      limitMs: this.#duration('limitMs', limitMs),
      idleMs: this.#duration('idleLimitMs', idleLimitMs),
    };
    if (revocation !== undefined) call.options = { ...options, signal: revocation.signalWith(options.signal) };
    this.assertWritable(call.label);
    const lease = await this.#writer(call, options.limitMs, revocation);
    return this.transactions.run({ lease, held: this.writable, access: 'write', call, fn, limits, revocation });
  }

  async #writer(
    call: Call,
    limitMs: number | undefined,
    revocation: Revocation | undefined,
  ): Promise<Lease<DriverConnection>> {
    try {
      // What nobody asked for is no reason to hold the writer for long.
      return await this.borrow(this.writers, call, { allowedMs: limitMs, capture: true });
    } catch (error) {
      throw revocation?.explain(error) ?? error;
    }
  }

  /** What it returns depends on how it is called, as `OpenSession` says. */
  session(label: string, given?: SessionOptions | SessionUse, fn?: SessionUse): Promise<never> {
    // Made before anything is waited for: afterwards the stack does not lead to the caller.
    const openedAt = new Error('the session was opened here');
    const [options = NO_OPTIONS, use] = typeof given === 'function' ? [NO_OPTIONS, given] : [given, fn];
    const opening = this.nested(this.#readable, label, options, (allowed) =>
      this.#session(label, allowed, openedAt, use),
    );
    return (use === undefined ? opening : lent(opening, use)) as Promise<never>;
  }

  #session(
    text: string,
    options: SessionOptions,
    openedAt: Error,
    use: SessionUse | undefined,
  ): Promise<LeasedSession> {
    return this.call(text, options, 'sessions', async (call) => {
      const { timeoutMs: allowedMs, signal, readOnly = false } = options;
      const label = call.label.text;
      const timeoutMs = allowedMs === undefined ? SESSION_LIMIT_MS : this.#duration('timeoutMs', allowedMs);
      if (use !== undefined) this.#assertFunction(use, 'session', call);
      // What nobody asked for is no reason to hold a connection for long.
      const lease = await this.borrow(this.readers, call, { budget: options.budget, allowedMs, capture: true });
      this.#sessions.add(lease.id);
      const terms = { label, timeoutMs, signal, readOnly, openedAt };
      return new LeasedSession(lease, this.#sessionHost(call.label, lease), terms);
    });
  }

  #sessionHost(label: Label, lease: Lease<DriverConnection>): SessionHost {
    const { id, resource: connection } = lease;
    return {
      database: this.name,
      clock: this.context.clock,
      scope: this.transactions.scopeHost(label, false),
      holding: (run) =>
        this.context.holdings.run({ held: this.#readable, lease, database: this.name, label: label.text }, run),
      transaction: (fn, options = NO_OPTIONS, revocation) =>
        this.#uses.during(connection, () =>
          this.nested(this.writable, label.text, options, (given) =>
            this.call(label.text, given, 'transactions', (call) => this.#transaction(call, fn, given, revocation)),
          ),
        ),
      ended: () => {
        this.#sessions.delete(id);
      },
      expired: (end, limitMs) => {
        this.#counters.sessionsExpired++;
        this.#blame(end, 'was over its limit and was ended', { limitMs });
      },
      leftOpen: (end) => {
        this.#blame(end, 'was closed');
      },
    };
  }

  /** Somebody has to look at how a session ends: says which one, and where it was opened. */
  #blame({ label, acquiredAt, leftOpen }: SessionEnd, what: string, more: object = {}): void {
    this.#counters.transactionsLeftOpen += leftOpen;
    const undone = leftOpen === 0 ? '' : ' while a transaction of it was open, which is rolled back';
    this.context.logger.warn(
      { database: this.name, label, acquiredAt, ...more, ...(leftOpen === 0 ? {} : { leftOpen }) },
      `session "${label}" ${what}${undone}`,
    );
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
      if (!this.lifecycle.isReady) await this.lifecycle.ready();
      return await run(call);
    } catch (error) {
      const { thrown } = call;
      if (thrown !== undefined && Object.is(thrown.error, error)) throw this.failures.passedOn(error, call.label);
      throw this.failures.told(error, call.label);
    } finally {
      this.ended(call);
    }
  }

  /** A call that `begin` has counted is over, well or not. `now` spares whoever has just read the clock another reading. */
  protected ended({ label, at }: Call, now = this.context.clock.now()): void {
    label.stopwatch.add(now - at);
  }

  /** Counts a call and checks what every call must obey. Throws when it does not. */
  protected begin(text: string, options: CallOptions, kind: CallKind): Call {
    const label = this.context.labels.use(text);
    try {
      this.assertOutside(label);
      if (options !== NO_OPTIONS) checkCallOptions(options, kind, { database: this.name, label: label.text });
      // That of a session says how long it may be held.
      const asked = kind === 'sessions' ? undefined : options.timeoutMs;
      const timeoutMs = this.#duration(
        'timeoutMs',
        asked === undefined ? this.context.settings.acquireTimeoutMs : asked,
      );
      this.#counters[kind]++;
      const at = this.context.clock.now();
      return { label, at, deadline: at + timeoutMs, options };
    } catch (error) {
      throw this.failures.told(error, label);
    }
  }

  #assertFunction(fn: unknown, where: string, { label }: Call): void {
    assertFunction(fn, where, (error) => error.at(this.name, label.text));
  }

  /** Throws when the call comes from inside a function that must use its own handle. */
  protected assertOutside(_label: Label): void {}

  /** What an engine checks after a COMMIT and before anybody is told of it. */
  protected committed(_label: Label): void {}

  /** How a call waits for a lock. */
  protected patience(call: Omit<Call, 'thrown'>): Patience {
    return this.lockWaits.patience(call);
  }

  /** The same of a transaction that may write. */
  protected writerPatience(call: Omit<Call, 'thrown'>): Patience {
    return this.patience(call);
  }

  /** Who is in the way, as far as an engine can tell. */
  protected culprits(): readonly Culprit[] {
    return [];
  }

  /** Told when a transaction that could write has ended, well or not, and let go of the lock. */
  protected wrote(): void {}

  protected countRollback(): void {
    this.#counters.rolledBack++;
  }

  protected countSynchronousRead(): void {
    this.#counters.synchronousReads++;
  }

  #duration(option: string, value: unknown): number {
    if (typeof value === 'number' && value >= 0 && value <= LONGEST_MS) return value;
    const given = typeof value === 'string' ? JSON.stringify(value) : String(value);
    throw new DatabaseError('CONFIG', `${option} is ${given}; expected milliseconds from 0 to ${LONGEST_MS}`, {
      database: this.name,
    });
  }

  /**
   * Borrows a connection. What keeps one from being opened may be the lock of somebody, who has the file for himself or recovers it: that
   * is waited for like every other lock.
   */
  protected borrow(pool: Pool<DriverConnection>, call: Call, lease?: LeaseOptions): Promise<Lease<DriverConnection>> {
    const acquire = (): Promise<Lease<DriverConnection>> => pool.acquire(this.#acquireOptions(call, lease));
    return acquire().catch((error: unknown) => {
      if (!this.#isConnectBusy(error)) throw error;
      return whenFree(acquire, { ...this.lockWaits.patience(call), isBusy: (again) => this.#isConnectBusy(again) });
    });
  }

  /** The pool says that no connection could be made, because of what the engine said, which has been explained. */
  #isConnectBusy(error: unknown): boolean {
    return this.failures.isBusy(causeOf(causeOf(error)));
  }

  #acquireOptions({ label, deadline, options }: Call, lease: LeaseOptions | undefined): AcquireOptions {
    const timeoutMs = Math.max(0, deadline - this.context.clock.now());
    return { ...lease, owner: label.text, signal: options.signal, timeoutMs };
  }

  // Operating

  #pool(
    what: string,
    access: Access,
    size: number,
    maxOverflow: number,
    others: Pick<ConnectionPoolOptions, 'maxBackoffMs' | 'autoSize' | 'budgets'>,
  ): Pool<DriverConnection> {
    const connect = async (options: { readonly signal: AbortSignal }): Promise<DriverConnection> => {
      try {
        return await this.driver.connect(access, options);
      } catch (error) {
        throw this.failures.explain(error, 'connect', undefined);
      }
    };
    return connectionPool(this.context, {
      what,
      size,
      maxOverflow,
      connect,
      uses: (connection) => this.#uses.of(connection),
      ...others,
    });
  }

  /** Tells what a pool says of budgets as the database's refusal. */
  #budgeted<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw this.failures.explain(error, 'begin', undefined);
    }
  }

  leases(): readonly LeaseSnapshot[] {
    return this.#pools().flatMap(({ pool, use }) => {
      const isSession = ({ id }: LeaseInfo): boolean => pool === this.readers && this.#sessions.has(id);
      return pool.leases().map((lease) => snapshotOf(lease, isSession(lease) ? 'session' : use));
    });
  }

  #waiters(): readonly WaiterSnapshot[] {
    const inLane = this.laneWaiters().map((waiter) => Object.freeze({ ...waiter, use: 'write' as const }));
    const inPools = this.#pools().flatMap(({ pool, use }) =>
      pool.waiters().map((waiter) => Object.freeze({ ...waiter, use })),
    );
    return [...inPools, ...inLane];
  }

  #pools(): readonly { readonly pool: Pool<DriverConnection>; readonly use: ConnectionUse }[] {
    if (this.readers === this.writers) return [{ pool: this.readers, use: 'any' }];
    return [
      { pool: this.readers, use: 'read' },
      { pool: this.writers, use: 'write' },
    ];
  }

  resize(limits: Resize): Promise<void> {
    return this.#operate(() => {
      checkLimits(limits, this.name);
      return this.readers.resize(limits);
    });
  }

  async adopt(before: DatabaseSettings): Promise<void> {
    this.statements.adopt();
    for (const { pool } of this.#pools()) pool.retune(tuningOf(this.context));
    await this.#operate(() => adoptLimits(this.readers, before, this.context.settings));
  }

  setBudgets(budgets: Budgets): void {
    this.#budgeted(() => {
      checkBudgetNames(budgets, this.name);
      this.readers.setBudgets(budgets);
    });
  }

  suspend(): void {
    this.readers.suspend();
    this.writers.suspend();
  }

  resume(): void {
    this.readers.resume();
    this.writers.resume();
  }

  flush(mode: FlushMode): Promise<FlushReport> {
    return this.#operate(async () => {
      // Both before anything is waited for: in an emergency nobody waits for a reader that does not close.
      const reading = this.readers.flush(mode);
      if (this.readers === this.writers || this.#last !== undefined) return reading;
      const [readers, writers] = await Promise.all([reading, this.writers.flush(mode)]);
      return {
        destroyed: readers.destroyed + writers.destroyed,
        revoked: [...readers.revoked, ...writers.revoked],
      };
    });
  }

  /** Tells the refusal of a pool as one of the database. */
  async #operate<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw this.failures.explain(error, 'begin', undefined);
    }
  }

  snapshot(): DatabaseSnapshot {
    const { status, failure } = this.lifecycle;
    const readers = this.readers.stats();
    const writers = this.readers === this.writers ? undefined : this.writers.stats();
    const { acquireTimeoutMs, recycleMs } = this.context.settings;
    const { server } = this.driver;
    return Object.freeze({
      name: this.name,
      driver: this.driver.name,
      status,
      required: this.context.settings.required,
      failure: failure && Object.freeze({ code: failure.code, message: failure.message }),
      repair: this.repairing(),
      refused: this.failures.refused,
      durability: this.context.settings.durability,
      pool: readers,
      limits: Object.freeze({ acquireTimeoutMs, recycleMs, server: server && Object.freeze({ ...server }) }),
      lane: writers === undefined ? NO_LANE : this.#lane(writers),
      turns: this.turnsState(),
      counters: Object.freeze({ ...this.#counters, errors: this.failures.counts }),
      leases: Object.freeze(this.leases()),
      leaks: leaksOf(writers === undefined ? [readers] : [readers, writers]),
      waiters: Object.freeze(this.#waiters()),
      ...this.statements.snapshot(),
      ...this.files(),
    });
  }

  #lane({ leased }: PoolStats): LaneSnapshot {
    const waiters = this.#waiters().filter(({ use }) => use === 'write');
    const oldestWaitMs = Math.max(0, ...waiters.map(({ waitMs }) => waitMs));
    const [lease] = this.writers.leases();
    const writer =
      lease?.owner === undefined
        ? undefined
        : Object.freeze({ label: lease.owner, heldMs: lease.ageMs, ...this.transactions.ages() });
    return Object.freeze({ waiting: waiters.length, running: leased, oldestWaitMs, writer, work: this.laneWork() });
  }

  /** Who waits to write elsewhere than in the pool. */
  protected laneWaiters(): readonly WaiterInfo[] {
    return [];
  }

  protected laneWork(): LaneWork {
    return NO_WORK;
  }

  /** How an engine whose processes take turns comes by them. */
  protected turnsState(): DatabaseSnapshot['turns'] {
    return undefined;
  }

  /** What an engine does by itself about a fence. */
  protected repairing(): RepairSnapshot | undefined {
    return undefined;
  }

  /** The files of an engine that has some. */
  protected files(): Pick<DatabaseSnapshot, 'path' | 'fileBytes' | 'walBytes' | 'checkpoints'> {
    return { path: undefined, fileBytes: undefined, walBytes: undefined, checkpoints: undefined };
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** How many have a connection of a pool that has none left, and cannot make one. */
function holdersOf(pool: Pool<DriverConnection>): number | undefined {
  const { leased, idle, creating, status, size, maxOverflow } = pool.stats();
  return status === 'open' && idle + creating === 0 && leased >= size + maxOverflow ? leased : undefined;
}

const NO_WORK: LaneWork = Object.freeze({
  groups: 0,
  members: 0,
  commitTime: new Histogram().snapshot(),
  lateCommitMs: undefined,
});
const NO_LANE: LaneSnapshot = Object.freeze({
  waiting: 0,
  running: 0,
  oldestWaitMs: 0,
  writer: undefined,
  work: NO_WORK,
});

/** What all pools of a database have to say of leaks. */
function leaksOf(pools: readonly PoolStats[]): LeaksSnapshot {
  const sum = (read: (pool: PoolStats) => number): number => pools.reduce((total, pool) => total + read(pool), 0);
  const agoMs = pools.map(({ collectedAgoMs }) => collectedAgoMs).filter((ms) => ms !== undefined);
  return Object.freeze({
    suspects: sum(({ suspects }) => suspects),
    suspected: sum(({ counters }) => counters.suspected),
    returnedLate: sum(({ counters }) => counters.returnedLate),
    collected: sum(({ counters }) => counters.collected),
    collectedAgoMs: agoMs.length === 0 ? undefined : Math.min(...agoMs),
  });
}

/** A function has the session until it settles. */
async function lent(opening: Promise<LeasedSession>, use: SessionUse): Promise<unknown> {
  await using session = await opening;
  return await session.lendTo(use);
}

/** The pool knows the whole stack; whoever looks wants the one place in it. */
function snapshotOf(lease: LeaseInfo, use: LeaseSnapshot['use']): LeaseSnapshot {
  const { acquiredAt } = lease;
  return Object.freeze({ ...lease, use, acquiredAt: acquiredAt && callSiteOf(acquiredAt) });
}

import type { Budgets, FlushMode, FlushReport, LeaseInfo, Resize, SharedLimit } from '@hive/pool';
import type { Database, DatabaseContext, ManagedDatabase, ReadOptions, TransactionOptions } from '../database.ts';
import type { DatabaseSettings } from '../database-settings.ts';
import type { Culprit, DatabaseError } from '../errors.ts';
import type { Label } from '../labels.ts';
import type { DatabaseSnapshot, DatabaseStatus, LeaseSnapshot } from '../snapshot.ts';
import { Statements } from '../statements.ts';
import type { Call } from './call.ts';
import { NO_OPTIONS } from './call-options.ts';
import { Calls } from './calls.ts';
import { Connections } from './connections.ts';
import { newCounters, type Counters } from './counters.ts';
import type { Access, Driver } from './driver.ts';
import { PLAIN_STATE, type Engine, type EngineState } from './engine.ts';
import { Failures } from './failures.ts';
import { Lending } from './lending.ts';
import { Lifecycle } from './lifecycle.ts';
import { LockWaits } from './lock-waits.ts';
import type { Patience } from './patience.ts';
import { Portrait } from './portrait.ts';
import type { Connection, Transaction } from './scope.ts';
import type { SessionOptions, SessionUse } from './session.ts';
import { SessionDesk } from './session-desk.ts';
import { SessionUses } from './session-uses.ts';
import { Transactions } from './transactions.ts';

/** What a database may be given. */
interface PooledDatabaseParts {
  readonly statements?: Statements;
  /** What it may have open together with others. Default: it shares nothing. */
  readonly sharedLimit?: SharedLimit | undefined;
}

/**
 * A named database over a driver, put together of parts that each do one thing. As an engine it is plain; what is special about another
 * one is its subclass's.
 */
export class PooledDatabase implements Database, ManagedDatabase, Engine {
  readonly name: string;
  protected readonly context: DatabaseContext;
  protected readonly statements: Statements;
  protected readonly counters: Counters = newCounters();
  protected readonly failures: Failures;
  protected readonly lifecycle: Lifecycle;
  protected readonly calls: Calls;
  protected readonly lockWaits: LockWaits;
  protected readonly connections: Connections;
  protected readonly transactions: Transactions;
  readonly #driver: Driver;
  readonly #lending: Lending;
  readonly #sessions: SessionDesk;
  readonly #portrait: Portrait;

  /** Throws `CONFIG` where the budgets of its settings are none. */
  constructor(
    context: DatabaseContext,
    driver: Driver,
    { statements = new Statements(context), sharedLimit }: PooledDatabaseParts = {},
  ) {
    this.name = context.name;
    this.context = context;
    this.statements = statements;
    this.#driver = driver;
    this.failures = new Failures(context, driver, (failure) => {
      this.fence(failure);
    });
    this.lifecycle = new Lifecycle(context, {
      prepare: async () => {
        await this.prepare();
        await this.connections.openFirst();
      },
      opened: () => {
        this.#sayOpened();
      },
      explain: (error) => this.failures.ofOpening(error),
    });
    const { counters, failures, lifecycle } = this;
    const uses = new SessionUses();
    const known = { context, counters, failures, engine: this };
    this.calls = new Calls({ ...known, lifecycle });
    this.lockWaits = new LockWaits(known);
    this.connections = new Connections({ context, driver, failures, lockWaits: this.lockWaits, uses, sharedLimit });
    this.transactions = new Transactions(known);
    const { calls, connections, transactions } = this;
    const lending = new Lending({ calls, connections, transactions, engine: this });
    const sessions = new SessionDesk({ context, calls, connections, lending, transactions, uses, counters });
    this.#lending = lending;
    this.#sessions = sessions;
    this.#portrait = new Portrait({ ...known, driver, lifecycle, connections, transactions, sessions, statements });
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
      { database: this.name, driver: this.#driver.name },
      `pool initialised ${this.connections.readers.stats().live}/${poolSize + maxOverflow}`,
    );
  }

  async close(graceMs: number): Promise<readonly LeaseInfo[]> {
    this.lifecycle.close();
    const forced = await this.connections.close(graceMs, () => this.closeOthers(graceMs));
    // The connections are gone: whoever was stuck in a transaction is told, and no limit of his keeps the process alive.
    this.transactions.cutShort((lease) => this.connections.wasForced(lease));
    await this.closed();
    return forced;
  }

  get status(): DatabaseStatus {
    return this.lifecycle.status;
  }

  // Using

  read<T>(label: string, fn: (connection: Connection) => Promise<T>, options: ReadOptions = NO_OPTIONS): Promise<T> {
    return this.#lending.read(label, fn, options);
  }

  transaction<T>(
    label: string,
    fn: (tx: Transaction) => Promise<T>,
    options: TransactionOptions = NO_OPTIONS,
  ): Promise<T> {
    return this.#lending.transaction(label, fn, options);
  }

  /** What it returns depends on how it is called, as `OpenSession` says. */
  session(label: string, given?: SessionOptions | SessionUse, fn?: SessionUse): Promise<never> {
    const [options = NO_OPTIONS, use] = typeof given === 'function' ? [NO_OPTIONS, given] : [given, fn];
    return this.#sessions.open(label, options, use) as Promise<never>;
  }

  // Operating and looking

  resize(limits: Resize): Promise<void> {
    return this.connections.resize(limits);
  }

  adopt(before: DatabaseSettings): Promise<void> {
    this.statements.adopt();
    return this.connections.adopt(before);
  }

  setBudgets(budgets: Budgets): void {
    this.connections.setBudgets(budgets);
  }

  suspend(): void {
    this.connections.suspend();
  }

  resume(): void {
    this.connections.resume();
  }

  flush(mode: FlushMode): Promise<FlushReport> {
    return this.connections.flush(mode);
  }

  leases(): readonly LeaseSnapshot[] {
    return this.#portrait.leases();
  }

  snapshot(): DatabaseSnapshot {
    return this.#portrait.snapshot();
  }

  // A plain engine

  async prepare(): Promise<void> {
    const lease = await this.connections.readers.acquire({ owner: 'open' });
    lease.release();
  }

  closeOthers(_graceMs: number): Promise<void> {
    return Promise.resolve();
  }

  closed(): Promise<void> {
    return Promise.resolve();
  }

  assertOutside(_label: Label): void {}

  assertWritable(label: Label, _now?: number): void {
    this.lifecycle.assertWritable(label);
  }

  fence(failure: DatabaseError): void {
    this.lifecycle.fence(failure);
  }

  committed(_label: Label, _tookMs?: number): void {}

  wrote(): void {}

  patience(call: Omit<Call, 'thrown'>, _access: Access): Patience {
    return this.lockWaits.patience(call);
  }

  culprits(): readonly Culprit[] {
    return [];
  }

  get lockedFile(): string | undefined {
    return undefined;
  }

  state(): EngineState {
    return PLAIN_STATE;
  }
}

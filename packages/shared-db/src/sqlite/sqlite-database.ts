import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemClock, type FlushMode, type FlushReport } from '@hive/pool';
import { LogCare } from '../checkpoints/log-care.ts';
import type { Database, DatabaseContext, WriteOptions } from '../database.ts';
import type { Access, DriverConnection, Row } from '../driver/driver.ts';
import { whenFree, type Patience } from '../driver/patience.ts';
import { NO_OPTIONS } from '../driver/call-options.ts';
import { notAFunction } from '../driver/given-function.ts';
import type { Call } from '../driver/call.ts';
import { PooledDatabase } from '../driver/pooled-database.ts';
import { DatabaseError, isKind, type Culprit } from '../errors.ts';
import { newLabel, type Label } from '../labels.ts';
import type { LaneHost } from '../lane/lane-host.ts';
import { Lane } from '../lane/lane.ts';
import { LogSync } from '../lane/log-sync.ts';
import type { Priority } from '../lane/member.ts';
import { TurnKeeper } from '../lane/turn-keeper.ts';
import { Claim } from '../repair/claim.ts';
import { drain } from '../repair/drain.ts';
import { Fences } from '../repair/fences.ts';
import { Repair } from '../repair/repair.ts';
import type { DatabaseSnapshot, LaneWork, RepairSnapshot } from '../snapshot.ts';
import { Statements } from '../statements.ts';
import { OffloadedReads, type OffloadOptions, type OffloadParameters } from '../offload/offloaded-reads.ts';
import { claimFile } from './claims.ts';
import { SqliteConnection } from './connection.ts';
import { SqliteDriver, SqliteDriverConnection } from './driver.ts';
import { SqliteError, type SqliteHandle } from './engine.ts';
import { assertNotOpenElsewhere, foreignEngines } from './foreign-engines.ts';
import type { IntegerMode } from './integers.ts';
import { writeLockHolders } from './lock-holder.ts';
import { checkMigrations, migrate, refusedAtCommit, type Migration } from './migrations.ts';
import { createDatabase, openReader, openWriter, SYNC_READ_TIMEOUT_MS } from './open.ts';
import { checkPath } from './path.ts';
import { SyncScope, type SyncConnection, type SyncTransaction } from './sync-scope.ts';
import { SynchronousReader } from './synchronous-reader.ts';
import { verifyDeadlineMs, verifyFile } from './verify-file.ts';
import { WatchedFile } from './watched-file.ts';

/** How long opening waits for the locks of others. */
const OPEN_TIMEOUT_MS = 10_000;
/** How often, at most, a fence is looked for, and the file itself when durability is `normal`; at `full` it is after every commit. */
const WATCH_EVERY_MS = 100;
const NO_PARAMETERS: OffloadParameters = Object.freeze([]);
/** How long a read in another thread may go on when all connections are closed, because the file is to be verified. */
const REPAIR_GRACE_MS = 1_000;
const NOT_IN_ITS_PLACE = 'another one is not opened in its place';

/** A named database in one SQLite file. */
export interface SqliteDatabase extends Database {
  /**
   * Runs a synchronous function, all or nothing, acknowledged after COMMIT when it will last as the durability says. Those that wait
   * together share a transaction and are undone each by itself. The function may be run again, when the lock was lost or another in its
   * group has failed, so its only effects should be statements. Alone it costs about half as much again as the bare transaction.
   */
  write<T>(label: string, fn: (tx: SyncTransaction) => T, options?: WriteOptions): Promise<T>;
  /**
   * Runs a synchronous function on a reader kept for it, each statement on the newest state. Never waits but for a recovery after
   * a crash, and then 50 ms at most. The cheapest way to read: about the price of the bare statement.
   */
  readSync<T>(label: string, fn: (connection: SyncConnection) => T): T;
  /**
   * Runs one statement that only reads in a worker thread, on the newest state, and resolves with its rows as `all` gives them. For what
   * takes long, or much at once: a row by its key costs three times as much as here, but the event loop does not wait for any of it.
   */
  offload<T = Row>(label: string, sql: string, params?: OffloadParameters, options?: OffloadOptions): Promise<T[]>;
}

/** What a file is opened with. */
export interface SqliteFile {
  /** Absolute. */
  readonly path: string;
  readonly migrations: readonly Migration[];
  readonly integers: IntegerMode;
}

/** One writer, a pool of readers, one reader for synchronous use. */
export class SqliteFileDatabase extends PooledDatabase implements SqliteDatabase {
  readonly #file: WatchedFile;
  readonly #migrations: readonly Migration[];
  readonly #integers: IntegerMode;
  readonly #fences: Fences;
  readonly #repair: Repair;
  readonly #lane: Lane;
  readonly #offloaded: OffloadedReads;
  readonly #log: LogCare;
  #watchedAt = -Infinity;
  #fenceSeenAt = -Infinity;
  readonly #synchronous: SynchronousReader;
  #insideWrite = false;
  #giveUpClaim = nothing;
  readonly #turns: TurnKeeper;

  constructor(context: DatabaseContext, file: SqliteFile) {
    const statements = new Statements(context);
    const open = (access: Access): SqliteHandle => openFile(access);
    const syncOfLog = (): LogSync | undefined =>
      context.settings.durability === 'full' ? new LogSync(file.path, context.clock) : undefined;
    const driver = new SqliteDriver({ integers: file.integers, statements, open, syncOfLog });
    super(context, driver, statements);
    this.#file = new WatchedFile(context.name, file.path, (failure) => {
      this.fence(failure);
    });
    this.#migrations = file.migrations;
    this.#integers = file.integers;
    this.#fences = new Fences(context.runtimeDirectory, context.random);
    this.#repair = this.#repairWith(this.#fences);
    this.#turns = new TurnKeeper(context.clock);
    this.#lane = new Lane(this.#laneHost());
    this.#synchronous = this.#synchronousReader();
    const assertSame = (): void => {
      this.#file.assertSame(NOT_IN_ITS_PLACE);
      this.#file.assertSameLog(OPENING);
    };
    const offloaded = { name: context.name, path: file.path, integers: file.integers, assertSame };
    this.#offloaded = new OffloadedReads(context.offloader, offloaded, statements, this.failures);
    this.#log = new LogCare(context.checkpointer, {
      database: context.name,
      path: file.path,
      durability: context.settings.durability,
      logger: context.logger,
      identity: () => this.#file.identity,
      pauseWrites: (signal) => this.#pauseWrites(signal),
      explain: ({ code, message }) => this.failures.explain(new SqliteError(message, code), 'statement', CHECKPOINTING),
    });
    const openFile = (access: Access): SqliteHandle => {
      this.#file.assertSame(NOT_IN_ITS_PLACE);
      if (access === 'read') {
        this.#file.assertSameLog(OPENING);
        return openReader(file.path, 0);
      }
      const writer = openWriter(context.name, file.path, context.settings.durability);
      this.#file.writtenBy(writer);
      this.#log.writtenBy(writer);
      return writer;
    };
  }

  // Writing

  write<T>(label: string, fn: (tx: SyncTransaction) => T, options: WriteOptions = NO_OPTIONS): Promise<T> {
    if (!this.isNested) return this.#write(label, fn, options);
    return this.nested(this.writable, label, options, (given) => this.#write(label, fn, given));
  }

  #write<T>(label: string, fn: (tx: SyncTransaction) => T, options: WriteOptions): Promise<T> {
    try {
      const call = this.begin(label, options, 'writes');
      if (typeof fn !== 'function') {
        this.ended(call);
        throw this.failures.told(notAFunction(fn, 'write').at(this.name, label), call.label);
      }
      const { priority = 'normal' } = options;
      return this.status === 'open' ? this.#lane.write(call, fn, priority) : this.#writeWhenOpen(call, fn, priority);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #writeWhenOpen<T>(call: Call, fn: (tx: SyncTransaction) => T, priority: Priority): Promise<T> {
    try {
      if (!this.lifecycle.isReady) await this.lifecycle.ready();
      // A fenced file is not even opened for writing.
      this.assertWritable(call.label);
    } catch (error) {
      this.ended(call);
      throw this.failures.told(error, call.label);
    }
    return this.#lane.write(call, fn, priority);
  }

  #laneHost(): LaneHost {
    const { name, context, failures, writers, transactions } = this;
    return {
      name,
      writers,
      turns: this.#turns,
      clock: context.clock,
      activity: context.activity,
      borrowWriter: (call) => this.borrow(writers, call),
      connectionOf: ({ resource }) => driverConnectionOf(resource),
      entered: ({ id }) => {
        context.activity.label(id);
        this.#insideWrite = true;
      },
      left: () => {
        this.#insideWrite = false;
      },
      explain: (error, during, label) => failures.explain(error, during, label),
      isBusy: (error) => failures.isBusy(error),
      isConstraint: (error) => isKind(failures.explain(error, 'commit', undefined), 'CONSTRAINT'),
      lostLock: (error, { thrown }) => this.#lostLock(error, thrown),
      assertWritable: (label, now) => {
        this.assertWritable(label, now);
      },
      committed: (label) => {
        failures.committed();
        this.committed(label);
      },
      runCallbacks: (callbacks, label) => {
        transactions.runCallbacks(callbacks, label);
      },
      rolledBack: () => {
        this.countRollback();
      },
      patience: (call) => this.patience(call),
      lateError: (kind, cause, label, since) => this.lockWaits.lateError(kind, cause, label, since),
      told: (error, call) => this.#told(error, call),
      ended: (call, now) => {
        this.ended(call, now);
      },
    };
  }

  /** Inside the function, the engine's word for it has been explained already; what else it throws may come from another database. */
  #lostLock(error: unknown, thrown: Call['thrown']): boolean {
    if (thrown === undefined || !Object.is(thrown.error, error)) return false;
    return isKind(error, 'BUSY_TIMEOUT') && error.database === this.name;
  }

  #told(error: unknown, { label, thrown }: Call): unknown {
    const passes = thrown !== undefined && Object.is(thrown.error, error);
    return passes ? this.failures.passedOn(error, label) : this.failures.told(error, label);
  }

  /** It waits for the turn of its process as well. Who reads does not: a reader is in nobody's way, and nobody would end its turn. */
  protected override writerPatience(call: Omit<Call, 'thrown'>): Patience {
    const line = { mustWait: () => this.#turns.mustAsk, wait: () => this.#waitForTurn(call) };
    return { ...this.patience(call), line };
  }

  async #waitForTurn({ label, at, deadline, options }: Omit<Call, 'thrown'>): Promise<void> {
    let isHad: boolean;
    try {
      isHad = await this.#turns.takeBefore(deadline, options.signal);
    } catch (cause) {
      throw this.lockWaits.abortedError(label, cause);
    }
    if (!isHad) throw await this.lockWaits.lateError('TURN_TIMEOUT', undefined, label, at);
  }

  protected override wrote(): void {
    this.#turns.end();
  }

  protected override laneWaiters(): ReturnType<Lane['waiters']> {
    return this.#lane.waiters();
  }

  protected override laneWork(): LaneWork {
    return this.#lane.work();
  }

  // Reading

  readSync<T>(text: string, fn: (connection: SyncConnection) => T): T {
    const label = this.context.labels.use(text);
    if (this.#insideWrite) throw this.failures.told(this.#useTx(label), label);
    return this.#synchronous.read(label, fn);
  }

  #synchronousReader(): SynchronousReader {
    const { context, failures, statements } = this;
    return new SynchronousReader({
      activity: context.activity,
      failures,
      open: (label) => {
        this.lifecycle.assertReady();
        this.#file.assertSame(NOT_IN_ITS_PLACE, label);
        this.#file.assertSameLog(label);
        const handle = openReader(this.#file.path, SYNC_READ_TIMEOUT_MS);
        return new SqliteConnection(handle, this.#integers, statements);
      },
      begun: () => {
        this.countSynchronousRead();
      },
    });
  }

  offload<T = Row>(
    label: string,
    sql: string,
    params: OffloadParameters = NO_PARAMETERS,
    options: OffloadOptions = NO_OPTIONS,
  ): Promise<T[]> {
    return this.call(label, options, 'offloads', (call) => {
      const untilFree = (again: () => Promise<Row[]>): Promise<Row[]> => whenFree(again, this.patience(call));
      return this.#offloaded.all(call.label, { sql, params, options }, untilFree) as Promise<T[]>;
    });
  }

  // What is special about a file

  override look(): 'exists' | 'new' {
    const { path } = this.#file;
    checkMigrations(this.name, this.#migrations);
    // What is not there yet has nothing that could be wrong with it, and looking must not make it.
    if (!existsSync(dirname(path))) return 'new';
    return checkPath(this.name, path, this.context.dataDirectory).exists ? 'exists' : 'new';
  }

  protected override async prepare(): Promise<void> {
    const { name, clock, dataDirectory } = this.context;
    const { path } = this.#file;
    checkMigrations(name, this.#migrations);
    const { exists } = checkPath(name, path, dataDirectory);
    await this.#log.stop();
    // What a failed attempt has left open is ours.
    if (this.writers.stats().live === 0) assertNotOpenElsewhere(name, path);
    for (const engine of foreignEngines())
      this.context.warn(`another SQLite engine is loaded in this process: ${engine}; never open ${path} with it`);
    if (!exists) createDatabase(path, clock);
    this.#file.recognise();
    this.#giveUpClaim();
    this.#giveUpClaim = claimFile(name, path, this.#file.key);
    this.#turns.use(this.context.turns(this.#file.key));
    await this.#assertVerified();

    const at = clock.now();
    // Without turns: most processes that open a file write nothing to it, and need not meet the others.
    const opening = { label: OPENING, at, deadline: at + OPEN_TIMEOUT_MS, options: NO_OPTIONS };
    const patience = this.patience(opening);
    const lease = await this.borrow(this.writers, opening);
    try {
      await whenFree(() => this.#migrate(lease.resource), patience);
    } finally {
      lease.release();
    }
  }

  #migrate(writer: DriverConnection): void {
    const migrations = this.#migrations;
    if (migrations.length === 0) return;
    const { sync: connection, log } = driverConnectionOf(writer);
    connection.control('BEGIN IMMEDIATE');
    const scope = new SyncScope(
      connection,
      (error) => this.failures.explain(error, 'statement', OPENING),
      'transaction',
    );
    try {
      const applied = migrate(this.name, scope, migrations, this.context.clock.wallTime());
      this.#commitMigrations(connection, applied);
      if (applied.length > 0) log?.syncNow();
      this.transactions.runCallbacks(scope.callbacks, OPENING);
      if (applied.length > 0)
        this.context.logger.info(
          { database: this.name, migrations: applied.map(({ name }) => name) },
          'schema migrated',
        );
    } catch (error) {
      connection.closeIterators();
      if (connection.inTransaction) connection.control('ROLLBACK');
      throw error;
    } finally {
      scope.end();
    }
  }

  #commitMigrations(connection: SqliteConnection, applied: readonly Migration[]): void {
    try {
      connection.control('COMMIT');
    } catch (error) {
      const explained = this.failures.explain(error, 'commit', undefined);
      throw isKind(explained, 'CONSTRAINT') ? refusedAtCommit(this.name, applied, explained) : error;
    }
  }

  /** A process that met an I/O error has left word: nothing is written before the file has been checked. */
  async #assertVerified(): Promise<void> {
    const fault = await this.#repair.beforeOpening(
      OPEN_TIMEOUT_MS,
      () =>
        new DatabaseError('FENCED', 'another process is checking the file after an I/O error', { database: this.name }),
    );
    if (fault !== undefined)
      throw new DatabaseError('CORRUPT', `the file did not pass its check after an I/O error: ${fault}`, {
        database: this.name,
        advice: 'restore a backup, or recover what can be read with the sqlite3 shell; the file was not touched',
      });
  }

  #repairWith(fences: Fences): Repair {
    const { clock, random, name, logger } = this.context;
    const file = this.#file;
    return new Repair(
      { clock, random, fences, claim: new Claim(this.context) },
      {
        inode: () => file.key,
        isInPlace: () => file.isInPlace,
        mark: () => file.mark,
        closeConnections: () => this.#closeConnections(),
        verify: (signal) => verifyFile(file.path, { clock, signal, keepsAlive: this.status !== 'fenced' }),
        verifyLimitMs: () => verifyDeadlineMs(file.path),
        resume: ({ fencedMs, attempts }) => {
          const who = attempts === 0 ? 'by another process' : `at attempt ${attempts}`;
          this.lifecycle.resume(`the file was verified ${who}, ${Math.round(fencedMs)} ms after they were stopped`);
        },
        failed: ({ found, attempts, nextAttemptMs }) => {
          logger.warn({ database: name, attempts, nextAttemptMs }, `writes stay stopped: ${found}`);
        },
      },
    );
  }

  /** Those that are open now. Readers close before the writer: the last one tidies up, and it must be one that can write. */
  async #closeConnections(): Promise<void> {
    this.#synchronous.close();
    await Promise.all([this.#log.stop(), this.#offloaded.close(REPAIR_GRACE_MS)]);
    await drain(this.readers, this.context.clock);
    await drain(this.writers, this.context.clock);
  }

  protected override assertOutside(label: Label): void {
    if (this.#insideWrite) throw this.#useTx(label);
  }

  #useTx(label: Label): DatabaseError {
    return new DatabaseError('WRONG_USE', 'the database was called from inside a write function', {
      database: this.name,
      label: label.text,
      advice: 'use tx, the handle that the function was given: only it sees what the function has written',
    });
  }

  protected override assertWritable(label: Label, now = this.context.clock.now()): void {
    if (this.status === 'open' && now - this.#fenceSeenAt >= WATCH_EVERY_MS) {
      this.#fenceSeenAt = now;
      this.heed(label);
      this.#file.assertSameLog(label);
    }
    super.assertWritable(label);
  }

  override heed(label?: Label): void {
    if (this.status !== 'open' || !this.#fences.isUp(this.#file.key)) return;
    super.fence(this.#fencedElsewhere(label));
    this.#repair.learnt();
  }

  #fencedElsewhere(label: Label | undefined): DatabaseError {
    return new DatabaseError('IO', 'another process met an I/O error on this file', {
      database: this.name,
      label: label?.text,
    });
  }

  /** The writer's queue is the one in which everybody waits who writes here; for the others there is a turn. */
  async #pauseWrites(signal: AbortSignal): Promise<Disposable> {
    const lease = await this.writers.acquire({ owner: CHECKPOINTING.text, signal });
    const release = (): void => {
      if (lease.active) lease.release();
    };
    try {
      await this.#turns.take(signal);
      return {
        [Symbol.dispose]: () => {
          this.#turns.end();
          release();
        },
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  protected override fence(failure: DatabaseError): void {
    super.fence(failure);
    void this.#log.stop();
    if (this.status === 'fenced') this.#repair.met(failure);
    else if (failure.kind !== 'FILE_REPLACED')
      this.#fences.raise(this.#file.key, {
        pid: process.pid,
        code: failure.code,
        at: this.context.clock.wallTime(),
      });
  }

  protected override repairing(): RepairSnapshot | undefined {
    return this.#repair.snapshot;
  }

  /** What was committed went to the file that is open. If the path names another one now, nobody will ever see it again. */
  protected override committed(label: Label): void {
    this.#log.committed();
    if (this.context.settings.durability === 'normal') {
      const now = this.context.clock.now();
      if (now - this.#watchedAt < WATCH_EVERY_MS) return;
      this.#watchedAt = now;
    }
    this.#file.assertSame('the write is lost', label);
  }

  /** The reader for synchronous use is in nobody's hands between two calls. */
  override flush(mode: FlushMode): Promise<FlushReport> {
    if (mode === 'idle' || mode === 'graceful' || mode === 'all') this.#synchronous.closeIdle();
    return super.flush(mode);
  }

  protected override culprits(): readonly Culprit[] {
    return writeLockHolders(this.#file.path);
  }

  protected override files(): Pick<DatabaseSnapshot, 'path' | 'fileBytes' | 'walBytes' | 'checkpoints'> {
    return { path: this.#file.path, ...this.#file.sizes(), checkpoints: this.#log.snapshot() };
  }

  override close(graceMs: number): ReturnType<PooledDatabase['close']> {
    this.#repair.close();
    // The reader for synchronous use closes before the writer, for the reason that the pool of readers does.
    this.#synchronous.close();
    this.#lane.close();
    // Who still waits for the lock tries on without a turn: there is no time to wait for one.
    this.#turns.close();
    return super.close(graceMs);
  }

  protected override async closeOthers(graceMs: number): Promise<void> {
    await Promise.all([this.#offloaded.close(graceMs), this.#log.close()]);
  }

  protected override closed(): Promise<void> {
    this.#giveUpClaim();
    this.#turns.close();
    return super.closed();
  }

  protected override turnsState(): DatabaseSnapshot['turns'] {
    return this.#turns.state;
  }
}

function nothing(): void {}

const OPENING = newLabel('open', 0, systemClock);
const CHECKPOINTING = newLabel('checkpoint', 0, systemClock);

function driverConnectionOf(connection: DriverConnection): SqliteDriverConnection {
  if (connection instanceof SqliteDriverConnection) return connection;
  throw new Error('BUG: a SQLite database holds a connection of another driver');
}

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Breather, systemClock, type Lease } from '@hive/pool';
import type { CallOptions, Database, DatabaseContext } from '../database.ts';
import type { Access, DriverConnection } from '../driver/driver.ts';
import { whenFree } from '../driver/patience.ts';
import { NO_OPTIONS } from '../driver/call-options.ts';
import type { Call } from '../driver/call.ts';
import { PooledDatabase } from '../driver/pooled-database.ts';
import { transactionEnded } from '../driver/transaction-ended.ts';
import { DatabaseError, isKind, type Culprit } from '../errors.ts';
import { newLabel, type Label } from '../labels.ts';
import type { DatabaseSnapshot } from '../snapshot.ts';
import { Statements } from '../statements.ts';
import { claimFile } from './claims.ts';
import { SqliteConnection } from './connection.ts';
import { SqliteDriver, SqliteDriverConnection } from './driver.ts';
import type { SqliteHandle } from './engine.ts';
import { Fences } from './fences.ts';
import { assertNotOpenElsewhere, foreignEngines } from './foreign-engines.ts';
import type { IntegerMode } from './integers.ts';
import { writeLockHolders } from './lock-holder.ts';
import { checkMigrations, migrate, type Migration } from './migrations.ts';
import { createDatabase, openReader, openWriter, SYNC_READ_TIMEOUT_MS } from './open.ts';
import { checkPath } from './path.ts';
import { synchronous, SyncScope, type SyncConnection, type SyncTransaction } from './sync-scope.ts';
import { verifyFile } from './verify-file.ts';
import { WatchedFile } from './watched-file.ts';

/** How long opening waits for the locks of others. */
const OPEN_TIMEOUT_MS = 10_000;
/** How often, at most, a fence is looked for, and the file itself when durability is `normal`; at `full` it is after every commit. */
const WATCH_EVERY_MS = 100;
/** Half of the pool's: the last write of a breath may end in a checkpoint, which takes a few milliseconds by itself. */
const BREATH_MS = 2;
const NOT_IN_ITS_PLACE = 'another one is not opened in its place';

/** A named database in one SQLite file. */
export interface SqliteDatabase extends Database {
  /**
   * Runs a synchronous function in a transaction of its own: all or nothing, acknowledged after COMMIT. The function may be run
   * again when the lock was lost, so its only effects should be statements. Costs about a sixth more than the bare transaction.
   */
  write<T>(label: string, fn: (tx: SyncTransaction) => T, options?: CallOptions): Promise<T>;
  /**
   * Runs a synchronous function on a reader kept for it, each statement on the newest state. Never waits but for a recovery after
   * a crash, and then 50 ms at most. The cheapest way to read: about the price of the bare statement.
   */
  readSync<T>(label: string, fn: (connection: SyncConnection) => T): T;
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
  readonly #breather: Breather;
  #watchedAt = -Infinity;
  #fenceSeenAt = -Infinity;
  #syncReader: SqliteConnection | undefined;
  #syncScope: SyncScope | undefined;
  #syncDepth = 0;
  #syncLabel: Label | undefined;
  readonly #explainSyncRead = (error: unknown): unknown => this.failures.explain(error, 'statement', this.#syncLabel);
  #insideWrite = false;
  #giveUpClaim = nothing;

  constructor(context: DatabaseContext, file: SqliteFile) {
    const statements = new Statements(context);
    const open = (access: Access): SqliteHandle => openFile(access);
    super(context, new SqliteDriver({ integers: file.integers, statements, open }), statements);
    this.#file = new WatchedFile(context.name, file.path, (failure) => {
      this.fence(failure);
    });
    this.#migrations = file.migrations;
    this.#integers = file.integers;
    this.#fences = new Fences(context.runtimeDirectory);
    this.#breather = new Breather(context.clock, BREATH_MS);
    const openFile = (access: Access): SqliteHandle => {
      this.#file.assertSame(NOT_IN_ITS_PLACE);
      if (access === 'read') {
        this.#file.assertSameLog(OPENING);
        return openReader(file.path, 0);
      }
      const writer = openWriter(context.name, file.path, context.settings.durability);
      this.#file.writtenBy(writer);
      return writer;
    };
  }

  // Writing

  write<T>(label: string, fn: (tx: SyncTransaction) => T, options: CallOptions = NO_OPTIONS): Promise<T> {
    let call: Call;
    try {
      call = this.begin(label, options, 'writes');
    } catch (error) {
      return Promise.reject(error);
    }
    const mayStart = this.status === 'open' && options.signal?.aborted !== true;
    const lease = mayStart ? this.writers.tryAcquire({ owner: call.label.text }) : undefined;
    return lease === undefined ? this.#queueWrite(call, fn) : this.#writeNow(lease, call, fn);
  }

  /** Nobody is in the queue: the write is done before its promise is made. */
  #writeNow<T>(lease: Lease<DriverConnection>, call: Call, fn: (tx: SyncTransaction) => T): Promise<T> {
    try {
      const result = this.#attempt(lease, call, fn, call.at);
      lease.release();
      const now = this.context.clock.now();
      this.ended(call, now);
      return this.#afterBreath(result, now);
    } catch (error) {
      return this.#notWritten(lease, call, fn, error);
    }
  }

  async #notWritten<T>(
    lease: Lease<DriverConnection>,
    call: Call,
    fn: (tx: SyncTransaction) => T,
    error: unknown,
  ): Promise<T> {
    try {
      if (!this.#isBusy(error, call)) throw this.#told(error, call);
    } catch (told) {
      if (lease.active) lease.release();
      this.ended(call);
      throw told;
    }
    return this.#queueWrite(call, fn, lease);
  }

  async #queueWrite<T>(call: Call, fn: (tx: SyncTransaction) => T, held?: Lease<DriverConnection>): Promise<T> {
    let lease = held;
    try {
      if (!this.lifecycle.isReady) await this.lifecycle.ready();
      lease ??= await this.writers.acquire(this.acquireOptions(call));
      const writer = lease;
      const patience = { ...this.patience(call), isBusy: (error: unknown) => this.#isBusy(error, call) };
      return await whenFree(() => this.#attempt(writer, call, fn), patience);
    } catch (error) {
      throw this.#told(error, call);
    } finally {
      if (lease?.active === true) lease.release();
      this.ended(call);
    }
  }

  /** Whether the lock was somebody else's, so that the whole function runs again. Inside it, that has been explained already. */
  #isBusy(error: unknown, { thrown }: Pick<Call, 'thrown'>): boolean {
    if (thrown === undefined || !Object.is(thrown.error, error)) return this.failures.isBusy(error);
    // What else the function throws may come from another database.
    return isKind(error, 'BUSY_TIMEOUT') && error.database === this.name;
  }

  #told(error: unknown, { label, thrown }: Call): unknown {
    const passes = thrown !== undefined && Object.is(thrown.error, error);
    return passes ? this.failures.passedOn(error, label) : this.failures.told(error, label);
  }

  /** A loop of writes runs in microtasks alone; the event loop gets its turn before the next one goes on. */
  #afterBreath<T>(result: T, now: number): Promise<T> {
    if (!this.#breather.check(now)) return Promise.resolve(result);
    return new Promise((resolve) => {
      this.#breather.hold(() => {
        resolve(result);
      });
    });
  }

  #attempt<T>(lease: Lease<DriverConnection>, call: Call, fn: (tx: SyncTransaction) => T, now?: number): T {
    const { activity } = this.context;
    const outer = activity.label(call.label.id);
    try {
      return this.#transact(lease, call, fn, now);
    } finally {
      activity.label(outer);
    }
  }

  /** BEGIN, the function, COMMIT, without an await in between: nobody else of this process can come in. */
  #transact<T>(lease: Lease<DriverConnection>, call: Call, fn: (tx: SyncTransaction) => T, now?: number): T {
    const { label } = call;
    this.assertWritable(label, now);
    const connection = syncOf(lease.resource);
    connection.control('BEGIN IMMEDIATE');
    const explain = (error: unknown): unknown => this.failures.explain(error, 'statement', label);
    const scope = new SyncScope(connection, explain, 'transaction');
    this.#insideWrite = true;
    let result: T;
    try {
      result = synchronous(fn(scope), 'write', explain);
    } catch (error) {
      call.thrown = { error };
      this.#undo(connection, lease);
      throw error;
    } finally {
      this.#insideWrite = false;
      scope.end();
    }
    this.#commit(connection, lease, label);
    this.transactions.runCallbacks(scope.callbacks, label);
    return result;
  }

  #commit(connection: SqliteConnection, lease: Lease<DriverConnection>, label: Label): void {
    connection.closeIterators();
    if (!connection.inTransaction) {
      this.countRollback();
      throw transactionEnded({ database: this.name, label: label.text });
    }
    try {
      connection.control('COMMIT');
    } catch (error) {
      this.#undo(connection, lease);
      throw this.failures.explain(error, 'commit', label);
    }
    this.failures.committed();
    this.committed(label);
  }

  #undo(connection: SqliteConnection, lease: Lease<DriverConnection>): void {
    this.countRollback();
    try {
      connection.closeIterators();
      if (connection.inTransaction) connection.control('ROLLBACK');
    } catch {
      // A connection that cannot even roll back is closed, which rolls back.
      lease.destroy();
    }
  }

  // Reading

  readSync<T>(text: string, fn: (connection: SyncConnection) => T): T {
    const label = this.context.labels.use(text);
    if (this.#insideWrite) throw this.failures.told(this.#useTx(label), label);
    const scope = this.#syncScope ?? this.#openSyncReader(label);
    this.countSynchronousRead();
    const outer = this.#syncLabel;
    const { activity } = this.context;
    const outerActivity = activity.label(label.id);
    const startedAt = label.stopwatch.start();
    this.#syncLabel = label;
    this.#syncDepth++;
    scope.begin();
    try {
      return synchronous(fn(scope), 'readSync', this.#explainSyncRead);
    } catch (error) {
      throw this.failures.passedOn(error, label);
    } finally {
      label.stopwatch.stop(startedAt);
      this.#syncLabel = outer;
      activity.label(outerActivity);
      if (--this.#syncDepth === 0) {
        scope.end();
        this.#syncReader?.closeIterators();
      }
    }
  }

  #openSyncReader(label: Label): SyncScope {
    try {
      this.lifecycle.assertReady();
      this.#file.assertSame(NOT_IN_ITS_PLACE, label);
      this.#file.assertSameLog(label);
      const handle = openReader(this.#file.path, SYNC_READ_TIMEOUT_MS);
      const connection = new SqliteConnection(handle, this.#integers, this.statements);
      this.#syncReader = connection;
      this.#syncScope = new SyncScope(connection, this.#explainSyncRead, 'statement');
      return this.#syncScope;
    } catch (error) {
      throw this.failures.told(this.failures.explain(error, 'connect', label), label);
    }
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
    // What a failed attempt has left open is ours.
    if (this.writers.stats().live === 0) assertNotOpenElsewhere(name, path);
    for (const engine of foreignEngines())
      this.context.warn(`another SQLite engine is loaded in this process: ${engine}; never open ${path} with it`);
    if (!exists) createDatabase(path, clock);
    this.#file.recognise();
    this.#giveUpClaim();
    this.#giveUpClaim = claimFile(name, path, this.#file.key);
    await this.#assertVerified();

    const at = clock.now();
    const patience = this.patience({ label: OPENING, at, deadline: at + OPEN_TIMEOUT_MS, options: NO_OPTIONS });
    const lease = await whenFree(() => this.writers.acquire({ owner: 'open', timeoutMs: OPEN_TIMEOUT_MS }), {
      ...patience,
      // The pool says that no connection could be made, because of what the engine said, which has been explained.
      isBusy: (error) => this.failures.isBusy(causeOf(causeOf(error))),
    });
    try {
      await whenFree(() => this.#migrate(syncOf(lease.resource)), patience);
    } finally {
      lease.release();
    }
  }

  #migrate(connection: SqliteConnection): void {
    const migrations = this.#migrations;
    if (migrations.length === 0) return;
    connection.control('BEGIN IMMEDIATE');
    const scope = new SyncScope(
      connection,
      (error) => this.failures.explain(error, 'statement', OPENING),
      'transaction',
    );
    try {
      const applied = migrate(this.name, scope, migrations, this.context.clock.wallTime());
      connection.control('COMMIT');
      if (applied.length > 0)
        this.context.logger.info(
          { database: this.name, migrations: applied.map(({ name }) => name) },
          'schema migrated',
        );
    } catch (error) {
      if (connection.inTransaction) connection.control('ROLLBACK');
      throw error;
    } finally {
      scope.end();
    }
  }

  /** A process that met an I/O error has left word: nothing is written before the file has been checked. */
  async #assertVerified(): Promise<void> {
    if (!this.#fences.isUp(this.#file.key)) return;
    const fault = await verifyFile(this.#file.path);
    if (fault !== undefined)
      throw new DatabaseError('CORRUPT', `the file did not pass its check after an I/O error: ${fault}`, {
        database: this.name,
        advice: 'restore a backup, or recover what can be read with the sqlite3 shell; the file was not touched',
      });
    this.#fences.lower(this.#file.key);
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
      if (this.#fences.isUp(this.#file.key)) super.fence(this.#fencedElsewhere(label));
      this.#file.assertSameLog(label);
    }
    super.assertWritable(label);
  }

  #fencedElsewhere(label: Label): DatabaseError {
    return new DatabaseError('IO', 'another process met an I/O error on this file', {
      database: this.name,
      label: label.text,
    });
  }

  protected override fence(failure: DatabaseError): void {
    super.fence(failure);
    if (failure.kind === 'FILE_REPLACED') return;
    const { clock } = this.context;
    this.#fences.raise(this.#file.key, { pid: process.pid, code: failure.code, at: clock.wallTime() });
  }

  /** What was committed went to the file that is open. If the path names another one now, nobody will ever see it again. */
  protected override committed(label: Label): void {
    if (this.context.settings.durability === 'normal') {
      const now = this.context.clock.now();
      if (now - this.#watchedAt < WATCH_EVERY_MS) return;
      this.#watchedAt = now;
    }
    this.#file.assertSame('the write is lost', label);
  }

  protected override culprits(): readonly Culprit[] {
    return writeLockHolders(this.#file.path);
  }

  protected override files(): Pick<DatabaseSnapshot, 'path' | 'fileBytes' | 'walBytes'> {
    return { path: this.#file.path, ...this.#file.sizes() };
  }

  override close(graceMs: number): ReturnType<PooledDatabase['close']> {
    // The reader for synchronous use closes before the writer, for the reason that the pool of readers does.
    this.#syncScope?.end();
    this.#syncReader?.close();
    this.#syncScope = undefined;
    this.#syncReader = undefined;
    return super.close(graceMs);
  }

  protected override closed(): Promise<void> {
    this.#giveUpClaim();
    return super.closed();
  }
}

function nothing(): void {}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

const OPENING = newLabel('open', 0, systemClock);

function syncOf(connection: DriverConnection): SqliteConnection {
  if (connection instanceof SqliteDriverConnection) return connection.sync;
  throw new Error('BUG: a SQLite database holds a connection of another driver');
}

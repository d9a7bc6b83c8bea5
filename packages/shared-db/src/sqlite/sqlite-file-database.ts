import type { FlushMode, FlushReport, LeaseInfo } from '@hive/pool';
import { LogCare } from '../checkpoints/log-care.ts';
import { ChangeWatch } from '../changes/change-watch.ts';
import type { ChangeListener, ChangeOptions, StopListening } from '../changes/database-change.ts';
import type { DatabaseContext, WriteOptions } from '../database.ts';
import type { Call } from '../driver/call.ts';
import { checkChangeOptions, NO_OPTIONS } from '../driver/call-options.ts';
import type { Access, Row } from '../driver/driver.ts';
import type { EngineState } from '../driver/engine.ts';
import { notAFunction } from '../driver/given-function.ts';
import { whenFree, type Patience } from '../driver/patience.ts';
import { PooledDatabase } from '../driver/pooled-database.ts';
import type { Culprit, DatabaseError } from '../errors.ts';
import type { Label } from '../labels.ts';
import { LogSync } from '../lane/log-sync.ts';
import type { OffloadOptions, OffloadParameters } from '../offload/offloaded-reads.ts';
import { drain } from '../repair/drain.ts';
import { Statements } from '../statements.ts';
import { claimFile } from './claims.ts';
import { DataVersion } from './data-version.ts';
import { SqliteDriver, sqliteConnectionOf } from './driver.ts';
import { SqliteError, type SqliteHandle } from './engine.ts';
import { FileGuard } from './file-guard.ts';
import { assertNotOpenElsewhere, type ForeignEngines } from './foreign-engines.ts';
import type { IntegerMode } from './integers.ts';
import { commandOf, writeLockHolders } from './lock-holder.ts';
import type { Migration } from './migrations.ts';
import { createDatabase, openReader, openWriter } from './open.ts';
import { CHECKPOINTING, OPENING, WATCHING } from './own-labels.ts';
import { checkPath, lookAtPath } from './path.ts';
import { RightToWrite } from './right-to-write.ts';
import { Schema } from './schema.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
import type { SyncConnection, SyncTransaction } from './sync-scope.ts';
import { UnpooledReads } from './unpooled-reads.ts';
import { WatchedFile } from './watched-file.ts';
import { Writes } from './writes.ts';

/** How long opening waits for the locks of others. */
const OPEN_TIMEOUT_MS = 10_000;
/** How long a read in another thread may go on when all connections are closed, because the file is to be verified. */
const REPAIR_GRACE_MS = 1_000;
const NO_PARAMETERS: OffloadParameters = Object.freeze([]);

/** What a file is opened with. */
export interface SqliteFile {
  /** Absolute. */
  readonly path: string;
  readonly migrations: readonly Migration[];
  readonly integers: IntegerMode;
  /** Shared by all files that come and go together. */
  readonly engines: ForeignEngines;
}

/** One writer, a pool of readers, one reader for synchronous use, and what reads in other threads. */
export class SqliteFileDatabase extends PooledDatabase implements SqliteDatabase {
  readonly #file: WatchedFile;
  readonly #engines: ForeignEngines;
  readonly #schema: Schema;
  readonly #guard: FileGuard;
  readonly #log: LogCare;
  readonly #rightToWrite: RightToWrite;
  readonly #writes: Writes;
  readonly #reads: UnpooledReads;
  readonly #version: DataVersion;
  readonly #changes: ChangeWatch;
  #giveUpClaim = nothing;
  /** Of the connection that writes. */
  #sync: LogSync | undefined;

  constructor(context: DatabaseContext, { path, integers, migrations, engines }: SqliteFile) {
    const statements = new Statements(context);
    const open = (access: Access): SqliteHandle => this.#openHandle(access);
    const syncOfLog = (): LogSync | undefined => this.#newSync(path);
    super(context, new SqliteDriver({ path, integers, statements, open, syncOfLog }), { statements });
    const { counters, failures, lifecycle, calls, lockWaits, connections, transactions } = this;
    const file = new WatchedFile(context.name, path, (failure) => {
      this.fence(failure);
    });
    const closeConnections = (): Promise<void> => this.#closeConnections();
    const right = new RightToWrite({ clock: context.clock, connections, lockWaits });
    const caller = { context, counters, failures, lifecycle, calls, lockWaits };
    this.#file = file;
    this.#engines = engines;
    this.#rightToWrite = right;
    this.#schema = new Schema({ context, failures, transactions }, migrations);
    this.#guard = new FileGuard({ context, lifecycle, file, closeConnections });
    this.#reads = new UnpooledReads({ ...caller, statements, file, integers });
    this.#writes = new Writes({ ...caller, connections, transactions, turns: right.turns, engine: this });
    this.#log = this.#newLogCare();
    this.#version = this.#newDataVersion();
    this.#changes = this.#newChangeWatch(this.#version);
  }

  #newSync(path: string): LogSync | undefined {
    const { settings, clock } = this.context;
    this.#sync = settings.durability === 'full' ? new LogSync(path, clock) : undefined;
    return this.#sync;
  }

  #newLogCare(): LogCare {
    const { name: database, context, failures } = this;
    return new LogCare(context.checkpointer, {
      database,
      path: this.#file.path,
      durability: context.settings.durability,
      logger: context.logger,
      identity: () => this.#file.identity,
      pauseWrites: (signal) => this.#rightToWrite.pause(signal),
      explain: ({ code, message }) => failures.explain(new SqliteError(message, code), 'statement', CHECKPOINTING),
    });
  }

  #newDataVersion(): DataVersion {
    const { name: database, context, failures, lifecycle } = this;
    return new DataVersion({
      isReady: () => {
        // One that has failed is opened again by who wants it, and who listens does.
        if (!lifecycle.isReady) lifecycle.ready().catch(nothing);
        return lifecycle.isReady;
      },
      open: () => {
        this.#file.assertMayOpen('read', WATCHING);
        return openReader(this.#file.path, 0);
      },
      isBusy: (error) => failures.isBusy(error),
      failed: (error) => {
        const err = failures.explain(error, 'statement', WATCHING);
        context.logger.warn({ database, err }, 'changes cannot be seen; listeners are told when they can');
      },
    });
  }

  #newChangeWatch(version: DataVersion): ChangeWatch {
    const { name, context } = this;
    const { clock, logger } = context;
    return new ChangeWatch({
      name,
      clock,
      logger,
      look: () => version.look(),
      rest: () => {
        version.close();
      },
    });
  }

  /** For a connection of a pool, unless the file is no longer the one that was opened first. */
  #openHandle(access: Access): SqliteHandle {
    const { path } = this.#file;
    this.#file.assertMayOpen(access);
    if (access === 'read') return openReader(path, 0);
    const writer = openWriter(this.name, path, this.context.settings.durability);
    this.#file.writtenBy(writer);
    this.#log.writtenBy(writer);
    return writer;
  }

  // Using

  write<T>(label: string, fn: (tx: SyncTransaction) => T, options: WriteOptions = NO_OPTIONS): Promise<T> {
    return this.#writes.write(label, fn, options);
  }

  readSync<T>(text: string, fn: (connection: SyncConnection) => T): T {
    const label = this.context.labels.use(text);
    if (this.#writes.isInside) throw this.failures.told(this.#writes.useTx(label), label);
    return this.#reads.sync(label, fn);
  }

  offload<T = Row>(
    label: string,
    sql: string,
    params: OffloadParameters = NO_PARAMETERS,
    options: OffloadOptions = NO_OPTIONS,
  ): Promise<T[]> {
    const read = (): Promise<unknown[]> => this.#reads.offload(label, sql, params, options);
    return this.calls.noted(this.connections.readable, label, read) as Promise<T[]>;
  }

  onChange(listener: ChangeListener, options: ChangeOptions = NO_OPTIONS): StopListening {
    const { name, lifecycle } = this;
    if (this.#writes.isInside) throw this.#writes.useTx(WATCHING);
    if (typeof listener !== 'function') throw notAFunction(listener, 'onChange').at(name, undefined);
    checkChangeOptions(options, name);
    lifecycle.assertNotClosed();
    return this.#changes.listen(listener, options);
  }

  // Opening and closing

  override look(): 'exists' | 'new' {
    const { path } = this.#file;
    this.#schema.check();
    return lookAtPath(this.name, path, this.context.dataDirectory).exists ? 'exists' : 'new';
  }

  override async prepare(): Promise<void> {
    const { name, context } = this;
    const { path } = this.#file;
    this.#schema.check();
    const { exists } = checkPath(name, path, context.dataDirectory);
    await this.#log.stop();
    // What a failed attempt has left open is ours.
    if (this.connections.writers.stats().live === 0) assertNotOpenElsewhere(name, path);
    // Of a thousand by pattern it is said once.
    const what = context.part === undefined ? path : 'the files of databases by pattern';
    for (const engine of this.#engines.look(context.clock.now()))
      context.warn(`another SQLite engine is loaded in this process: ${engine}; never open ${what} with it`);
    if (!exists) createDatabase(path, context.clock);
    this.#recogniseFile();
    await this.#guard.assertVerified(OPEN_TIMEOUT_MS);
    await this.#migrate();
  }

  /** The file that is there now is the one that is used from now on: it is nobody else's in this process. */
  #recogniseFile(): void {
    const file = this.#file;
    file.recognise();
    this.#giveUpClaim();
    this.#giveUpClaim = claimFile(this.name, file.path, file.key);
    this.#rightToWrite.turns.use(this.context.turns(file.key));
  }

  /** Without turns: most processes that open a file write nothing to it, and need not meet the others. */
  async #migrate(): Promise<void> {
    const at = this.context.clock.now();
    const opening = { label: OPENING, at, deadline: at + OPEN_TIMEOUT_MS, options: NO_OPTIONS };
    const patience = this.lockWaits.patience(opening);
    const lease = await this.connections.borrow(this.connections.writers, opening);
    try {
      await whenFree(() => {
        this.#schema.bringUpToDate(sqliteConnectionOf(lease.resource));
      }, patience);
    } finally {
      lease.release();
    }
  }

  /** The reader for synchronous use is in nobody's hands between two calls. */
  override flush(mode: FlushMode): Promise<FlushReport> {
    if (mode === 'idle' || mode === 'graceful' || mode === 'all') this.#reads.closeIdle();
    return super.flush(mode);
  }

  /** Those that are open now. Readers close before the writer: the last one tidies up, and it must be one that can write. */
  async #closeConnections(): Promise<void> {
    this.#version.close();
    await Promise.all([this.#reads.renew(REPAIR_GRACE_MS), this.#log.stop()]);
    for (const { pool } of this.connections.pools) await drain(pool, this.context.clock);
  }

  get fenceLeft(): (() => boolean) | undefined {
    return this.status === 'open' ? undefined : this.#guard.fenceLeft;
  }

  override close(graceMs: number): Promise<readonly LeaseInfo[]> {
    this.#changes.close();
    this.#guard.close();
    this.#writes.close();
    // Who still waits for the lock tries on without a turn: there is no time to wait for one.
    this.#rightToWrite.turns.close();
    return super.close(graceMs);
  }

  override async closeOthers(graceMs: number): Promise<void> {
    await Promise.all([this.#reads.close(graceMs), this.#log.close(), this.#synced(graceMs)]);
  }

  /** What has been committed is told as soon as it has been synced: that is work as well. */
  async #synced(graceMs: number): Promise<void> {
    const over = Promise.withResolvers<void>();
    const limit = this.context.clock.after(graceMs, over.resolve);
    await Promise.race([this.#sync?.settled(), over.promise]);
    limit.cancel();
  }

  override closed(): Promise<void> {
    this.#giveUpClaim();
    this.#rightToWrite.turns.close();
    return super.closed();
  }

  // An engine that shares its file with other processes

  override assertOutside(label: Label): void {
    if (this.#writes.isInside) throw this.#writes.useTx(label);
  }

  override assertWritable(label: Label, now = this.context.clock.now()): void {
    this.#guard.look(label, now);
    super.assertWritable(label);
  }

  override heed(): void {
    this.#guard.heed();
  }

  override fence(failure: DatabaseError): void {
    super.fence(failure);
    void this.#log.stop();
    this.#guard.met(failure);
  }

  override committed(label: Label, tookMs?: number): void {
    this.#log.committed();
    if (tookMs !== undefined) this.#writes.committedApart(tookMs);
    this.#guard.committed(label);
    this.#changes.committed();
  }

  override wrote(): void {
    this.#rightToWrite.turns.end();
  }

  override patience(call: Omit<Call, 'thrown'>, access: Access): Patience {
    return access === 'write' ? this.#rightToWrite.patience(call) : super.patience(call, access);
  }

  /** Where nobody has the lock, somebody's turn may be in the way: who has that, and hangs, is passed over after a second. */
  override culprits(): readonly Culprit[] {
    const culprits = writeLockHolders(this.#file.path);
    const { holder } = this.#rightToWrite.turns;
    return culprits.length > 0 || holder === undefined ? culprits : [{ pid: holder, command: commandOf(holder) }];
  }

  override get lockedFile(): string {
    return this.#file.path;
  }

  override state(): EngineState {
    const file = this.#file;
    return {
      lane: this.#writes.state(),
      turns: this.#rightToWrite.turns.state,
      repair: this.#guard.repair,
      files: { path: file.path, ...file.sizes(), checkpoints: this.#log.snapshot() },
    };
  }
}

function nothing(): void {}

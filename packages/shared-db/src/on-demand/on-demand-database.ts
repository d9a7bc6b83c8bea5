import type { Budgets, FlushMode, FlushReport, Resize } from '@hive/pool';
import { shown } from '../config/problem.ts';
import { FLUSH_MODES } from '../control/verb.ts';
import type { CallOptions, Database, ReadOptions, TransactionOptions } from '../database.ts';
import { isDuration, NO_OPTIONS } from '../driver/call-options.ts';
import type { Connection, Transaction } from '../driver/scope.ts';
import type { SessionOptions, SessionUse } from '../driver/session.ts';
import { DatabaseError } from '../errors.ts';
import type { DatabaseSnapshot, LeaseSnapshot } from '../snapshot.ts';
import type { OpenDatabases } from './open-databases.ts';

type AnySession = (label: string, given?: SessionOptions | SessionUse, fn?: SessionUse) => Promise<never>;

const NOTHING_FLUSHED: FlushReport = Object.freeze({ destroyed: 0, revoked: Object.freeze([]) });

/**
 * A database by its name, whether it is open or not: a call opens it. Costs nothing while nobody uses it. What is changed about one while it
 * is open (`resize`, `setBudgets`) is forgotten when it is closed; one that is suspended stays open.
 */
export class OnDemandDatabase<D extends Database = Database> implements Database {
  readonly name: string;
  readonly #databases: OpenDatabases<D>;

  constructor(name: string, databases: OpenDatabases<D>) {
    this.name = name;
    this.#databases = databases;
  }

  read<T>(label: string, fn: (connection: Connection) => Promise<T>, options: ReadOptions = NO_OPTIONS): Promise<T> {
    return this.use(label, options, (database, rest) => database.read(label, fn, rest));
  }

  transaction<T>(
    label: string,
    fn: (tx: Transaction) => Promise<T>,
    options: TransactionOptions = NO_OPTIONS,
  ): Promise<T> {
    return this.use(label, options, (database, rest) => database.transaction(label, fn, rest));
  }

  /** What it returns depends on how it is called, as `OpenSession` says. */
  session(label: string, given?: SessionOptions | SessionUse, fn?: SessionUse): Promise<never> {
    const options = typeof given === 'function' ? undefined : given;
    // Its own limit is how long it may be held, not how long it may be waited for.
    const wait = { signal: options?.signal };
    const wish = { name: this.name, label };
    return this.#databases.use(wish, wait, (database) => {
      const open = database.session as AnySession;
      return open.call(database, label, given, fn);
    });
  }

  leases(): readonly LeaseSnapshot[] {
    return this.opened?.leases() ?? [];
  }

  resize(limits: Resize): Promise<void> {
    return this.opened?.resize(limits) ?? this.use('resize', NO_OPTIONS, (database) => database.resize(limits));
  }

  setBudgets(budgets: Budgets): void {
    this.assertOpen('setBudgets').setBudgets(budgets);
  }

  suspend(): void {
    this.assertOpen('suspend');
    this.#databases.suspend(this.name);
  }

  resume(): void {
    this.#databases.resume(this.name);
  }

  flush(mode: FlushMode): Promise<FlushReport> {
    // At once, also where whoever calls has to wait for a place: it may be what helps them.
    return this.opened?.flush(mode) ?? nothingFlushed(this.name, mode);
  }

  snapshot(): DatabaseSnapshot {
    return this.assertOpen('snapshot').snapshot();
  }

  /** The database itself, while it is open. */
  protected get opened(): D | undefined {
    return this.#databases.find(this.name);
  }

  /** Throws `POOL_CLOSED` for what does not wait and needs the database open. */
  protected assertOpen(what: string): D {
    const { opened } = this;
    if (opened !== undefined) return opened;
    if (this.#databases.isClosed)
      throw new DatabaseError('POOL_CLOSED', 'the service has been closed', { database: this.name });
    throw new DatabaseError('POOL_CLOSED', `${what}() opens nothing, and the database is not open now`, {
      database: this.name,
      advice:
        'it is opened by read(), write(), transaction(), session() and offload(), and stays open while it is used',
    });
  }

  /** Has it kept open until the signal aborts; see `OpenDatabases.keep`. */
  protected keep(label: string, signal: AbortSignal, begin: (database: D, isLate: boolean) => void): void {
    this.#databases.keep({ name: this.name, label }, signal, begin);
  }

  /** The same for a call that counts as a use of the database. */
  protected assertOpenForUse(what: string): D {
    return this.#databases.findForUse(this.name) ?? this.assertOpen(what);
  }

  /** Makes a call that waits, with what is left of its time when a place had to be waited for. */
  protected use<O extends CallOptions, T>(
    label: string,
    options: O,
    call: (database: D, rest: O) => Promise<T>,
  ): Promise<T> {
    return this.#databases.use({ name: this.name, label }, options, (database, waitedMs) =>
      call(database, waitedMs === 0 ? options : shortened(options, waitedMs)),
    );
  }
}

function shortened<O extends CallOptions>(options: O, waitedMs: number): O {
  // What are no options is for the call itself to refuse.
  const timeoutMs = (options as O | null)?.timeoutMs;
  return isDuration(timeoutMs) ? { ...options, timeoutMs: Math.max(0, timeoutMs - waitedMs) } : options;
}

function nothingFlushed(database: string, mode: FlushMode): Promise<FlushReport> {
  if (FLUSH_MODES.includes(mode)) return Promise.resolve(NOTHING_FLUSHED);
  const what = `flush mode is ${shown(mode, 'an object')}; expected ${FLUSH_MODES.join(', ')}`;
  return Promise.reject(new DatabaseError('CONFIG', what, { database }));
}

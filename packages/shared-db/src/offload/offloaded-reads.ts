import type { Clock } from '@hive/pool';
import { shown } from '../config/problem.ts';
import type { CallOptions, DatabaseContext } from '../database.ts';
import type { Bindable, Row, SqlValue } from '../driver/driver.ts';
import type { Failures } from '../driver/failures.ts';
import { DatabaseError } from '../errors.ts';
import type { Label } from '../labels.ts';
import { SqliteError } from '../sqlite/engine.ts';
import type { Statements } from '../statements.ts';
import { Job, type OffloadedDatabase, type Order } from './job.ts';
import type { ReadFailure } from './message.ts';
import type { Isolation, Offloader } from './offloader.ts';

/** Longer than anybody waits who looks at a screen; a nightly report says how long it may take. */
const OFFLOAD_LIMIT_MS = 60_000;
/** Undefined is bound as NULL. */
const BINDABLE: readonly string[] = ['string', 'number', 'bigint', 'undefined'];
const ISOLATIONS: readonly unknown[] = ['thread', 'process'];

/** Values by position, or by name as one object. */
export type OffloadParameters = readonly Bindable[] | Readonly<Record<string, SqlValue>>;

/** How one read in another thread wants to be run. */
export interface OffloadOptions extends CallOptions {
  /**
   * How long to wait for the rows, in all. Default 60 s. A statement that has not begun is then never run; the thread of one that
   * has is lost until it ends.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Default `thread`. A `process` is killed in the middle of the statement when the time is up or the signal is aborted; it costs forty
   * megabytes while it is there, and a tenth of a second to start.
   */
  readonly isolation?: Isolation | undefined;
}

/** What one caller wants to read. */
interface Reading {
  readonly sql: string;
  readonly params: OffloadParameters;
  readonly options: OffloadOptions;
}

/** Reads of one database in other threads and processes. */
export class OffloadedReads {
  readonly #offloader: Offloader;
  readonly #clock: Clock;
  readonly #database: OffloadedDatabase;
  readonly #statements: Statements;
  readonly #failures: Failures;

  constructor(
    { offloader, clock }: Pick<DatabaseContext, 'offloader' | 'clock'>,
    database: OffloadedDatabase,
    statements: Statements,
    failures: Failures,
  ) {
    this.#offloader = offloader;
    this.#clock = clock;
    this.#database = database;
    this.#statements = statements;
    this.#failures = failures;
  }

  /**
   * Rows as `all` gives them. Where somebody holds a lock, `untilFree` is given how to try again, which rejects with what the engine
   * says while they do, and says how it has ended.
   */
  all(
    label: Label,
    { sql, params, options }: Reading,
    untilFree: (again: () => Promise<Row[]>) => Promise<Row[]>,
  ): Promise<Row[]> {
    const { signal, timeoutMs = OFFLOAD_LIMIT_MS, isolation = 'thread' } = options;
    const bound = this.#checked(label, () => {
      checkCall(sql, isolation);
      return listOf(params);
    });
    const use = this.#statements.use(sql);
    const at = this.#clock.now();
    const text = { label: label.text, statement: use.text };
    const order: Order = { database: this.#database, ...text, sql, params: bound, signal, timeoutMs, at };
    const ask = (busy: (error: Error) => Promise<Row[]>): Promise<Row[]> =>
      new Promise((resolve, reject) => {
        const job = new Job(order, {
          done: (rows, ms) => {
            this.#statements.ranElsewhere(use, ms);
            resolve(rows);
          },
          failed: (failure, ms) => {
            this.#statements.ranElsewhere(use, ms);
            const error = errorOf(failure);
            if (this.#failures.isBusy(error)) resolve(busy(error));
            else reject(this.#explained(error, failure, label));
          },
          refused: reject,
        });
        this.#offloader.submit(job, isolation);
      });
    return ask(() => untilFree(() => ask(rejected)));
  }

  #checked<T>(label: Label, check: () => T): T {
    try {
      return check();
    } catch (error) {
      throw this.#failures.explain(error, 'statement', label);
    }
  }

  /** As if it had been thrown here. */
  #explained(error: Error, failure: ReadFailure, label: Label): Error {
    const during = failure.by === 'engine' ? failure.during : 'statement';
    return this.#failures.explain(error, during, label) as Error;
  }

  /** Closes all connections that are open now, each when nothing is stuck in it; what has begun may go on for `graceMs`. */
  renew(graceMs: number): Promise<void> {
    return this.#offloader.renewConnections(this.#database, graceMs);
  }

  /** The same for good: nobody reads any more. */
  close(graceMs: number): Promise<void> {
    return this.#offloader.closeDatabase(this.#database, graceMs);
  }
}

function rejected(error: Error): Promise<never> {
  return Promise.reject(error);
}

function errorOf(failure: ReadFailure): Error {
  if (failure.by === 'engine') return new SqliteError(failure.message, failure.code);
  if (failure.by === 'us') return new DatabaseError(failure.kind, failure.what, { advice: failure.advice });
  const { name, message } = failure;
  if (name === 'TypeError') return new TypeError(message);
  return name === 'RangeError' ? new RangeError(message) : new Error(message);
}

function checkCall(sql: unknown, isolation: unknown): void {
  if (typeof sql !== 'string')
    throw new DatabaseError('WRONG_USE', `the SQL is ${shown(sql, 'an object')}; expected a text`);
  if (!ISOLATIONS.includes(isolation))
    throw new DatabaseError('CONFIG', `isolation is ${shown(isolation, 'an object')}; expected thread or process`);
}

/** A copy: it crosses at the end of this turn, and what the caller does to his own meanwhile is his business. */
function listOf(params: OffloadParameters): readonly Bindable[] {
  if (Array.isArray(params)) return copiesOf(params as readonly Bindable[]);
  if (typeof params === 'object' && params !== null && !ArrayBuffer.isView(params)) return [copied(params as Bindable)];
  throw new DatabaseError('WRONG_USE', `the parameters are ${shown(params, 'bytes')}; expected a list or an object`);
}

/** One by one: what `map` makes may have holes, as far as the compiler knows, and such a list crosses with an index for each value. */
function copiesOf(values: readonly Bindable[]): readonly Bindable[] {
  const copies: Bindable[] = [];
  for (const value of values) copies.push(copied(value));
  return copies;
}

/** Only what can be bound crosses to another thread. In the words of the engine, which never hears of it. */
function copied(value: Bindable): Bindable {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return copiedValue(value);
  if (Array.isArray(value)) throw notBindable();
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, copiedValue(one)]));
}

function copiedValue(value: SqlValue): SqlValue {
  if (value === null || BINDABLE.includes(typeof value)) return value;
  // Exactly its bytes: a view may be a small part of what it is on.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  throw notBindable();
}

function notBindable(): DatabaseError {
  const what = 'a parameter is none; SQLite can only bind numbers, strings, bigints, buffers, and null';
  return new DatabaseError('WRONG_USE', what);
}

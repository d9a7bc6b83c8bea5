import type { ErrorKind } from '../errors.ts';

/** What can be bound to a statement and what a column can hold. */
export type SqlValue = null | number | bigint | string | Uint8Array;
/** A value by position, or all values by name as one object. */
export type Bindable = SqlValue | Readonly<Record<string, SqlValue>>;
/** One row by the names of its columns. */
export type Row = Readonly<Record<string, SqlValue>>;

/** What a statement that returns no rows did. */
export interface RunResult {
  /** Rows that were inserted, changed or deleted by the statement itself, not by its triggers. */
  readonly changes: number;
  /** A bigint where a number would not be exact, and always when integers are `bigint`. */
  readonly lastInsertRowid: number | bigint;
}

/** What was being done when an error came. */
export type Phase = 'connect' | 'begin' | 'statement' | 'commit' | 'rollback';

/** What an error of a driver means. */
export interface Failure {
  readonly kind: ErrorKind;
  /** One clause without bound values. */
  readonly message: string;
  /** A lock is somebody else's: nothing has happened and the same step may be tried again. */
  readonly busy: boolean;
  /** The database must not be written any more. */
  readonly fences: boolean;
  /** The connection is of no more use. */
  readonly lost: boolean;
}

/** What a connection is made for: only to read, or to write as well. */
export type Access = 'read' | 'write';

/** What a server allows those who connect to it. */
export interface ServerLimits {
  /** What tells it from others, such as its address, without a secret: all databases on it share its connections. */
  readonly name: string;
  /** How many connections it lets in, of all programs together. */
  readonly maxConnections: number | undefined;
  /** After so long without a request it closes a connection. */
  readonly idleLimitMs: number | undefined;
}

/**
 * What a database runs on. A driver is naive: it is asked for one thing at a time on each connection; pooling, deadlines,
 * retries, labels and guards are the service's.
 */
export interface Driver {
  /** As snapshots say it: `sqlite`, `postgres`. */
  readonly name: string;
  /** Whether there is one writer for all (SQLite) or any connection may write (servers). */
  readonly singleWriter: boolean;
  /** What its server allows, as far as that is known by now; absent where there is none. */
  readonly server?: ServerLimits | undefined;
  /** Opens a connection. Rejects with what `classify` understands; `signal` says that nobody wants it any more. */
  connect(access: Access, context: { readonly signal: AbortSignal }): Promise<DriverConnection>;
  /** Pure. Undefined for an error that is not the driver's own. */
  classify(error: unknown, during: Phase): Failure | undefined;
}

/** One connection. Every method may reject with an error that `classify` understands. */
export interface DriverConnection {
  all(sql: string, params: readonly Bindable[]): Promise<Row[]>;
  get(sql: string, params: readonly Bindable[]): Promise<Row | undefined>;
  run(sql: string, params: readonly Bindable[]): Promise<RunResult>;
  iterate(sql: string, params: readonly Bindable[]): AsyncIterableIterator<Row>;
  /** Runs statements without parameters. */
  exec(sql: string): Promise<void>;

  /** Starts a snapshot to read from, or a transaction that holds the right to write from its first moment. */
  begin(access: Access): Promise<void>;
  /**
   * Resolves when what was written will last. Where the answer is lost, `classify` says so for the phase `commit`.
   *
   * @param unlocked called when others may write already, where that is earlier
   */
  commit(unlocked?: () => void): Promise<void>;
  rollback(): Promise<void>;
  /** Depth 1 is the outermost savepoint. */
  savepoint(depth: number): Promise<void>;
  releaseSavepoint(depth: number): Promise<void>;
  rollbackToSavepoint(depth: number): Promise<void>;
  /** Whether a transaction is open: a statement may have ended it. */
  readonly inTransaction: boolean;

  /**
   * How often anything was asked of it that its borrower wanted, as a number that changes with it; undefined while it is at it. It tells who
   * works from who has forgotten to give it back.
   */
  readonly uses: number | undefined;
  /** Whether the connection still works. */
  validate(): Promise<boolean>;
  /** Whether `reset` has anything to do. Answered at once, because most of the time it has not. */
  readonly dirty: boolean;
  /** Makes it as good as new for the next borrower: closes iterators, rolls back what was left open. */
  reset(): Promise<void>;
  /** Ends it, whatever it is doing. Never waits for a peer. */
  close(): Promise<void>;
  /**
   * The driver's own handle, for query builders. `assertLent` throws once it is its holder's no more, and says why: whatever is then done with
   * it must fail, best by asking before each use. Above all rows that are read one by one must not look as if they were all.
   */
  lend(assertLent: () => void): unknown;
}

import type { Budgets, Clock, FlushMode, FlushReport, LeaseInfo, Resize } from '@hive/pool';
import type { Activity } from './activity.ts';
import type { Checkpointer } from './checkpoints/checkpointer.ts';
import type { DatabaseOptions, DatabaseSettings } from './database-settings.ts';
import type { Connection, Transaction } from './driver/scope.ts';
import type { OpenSession } from './driver/session.ts';
import type { DatabaseThresholds } from './health/thresholds.ts';
import type { DatabaseTrend } from './health/trend.ts';
import type { Labels } from './labels.ts';
import type { Priority } from './lane/member.ts';
import type { Logger } from './logger.ts';
import type { Holdings } from './nesting/holdings.ts';
import type { OpenDatabases } from './on-demand/open-databases.ts';
import type { OnDemandTerms } from './on-demand/terms.ts';
import type { Offloader } from './offload/offloader.ts';
import type { OwnWords } from './repair/own-words.ts';
import type { DatabaseSnapshot, DatabaseStatus, LeaseSnapshot } from './snapshot.ts';
import type { Turns } from './turns/turns.ts';

/** How one call wants to wait. */
export interface CallOptions {
  /** Ends the wait with `ABORTED`; work that has begun is finished. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for a connection and for the lock, together. Default: the database's `acquireTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

/** How a write wants to wait. */
export interface WriteOptions extends CallOptions {
  /**
   * Who goes first where several wait: `high` before `normal` (the default) before `low`. Of those who have waited for 250 ms one is done
   * for every three that pass them, so that nobody starves. Between processes it means nothing.
   */
  readonly priority?: Priority | undefined;
}

/** How long one read may keep its snapshot. */
export interface ReadOptions extends CallOptions {
  /**
   * After how long without a use its connection looks like a leak, which is said in the log and in health, and what `flush('leaked')` takes.
   * Default: what the database has (30 s), however long `limitMs` is.
   */
  readonly leakAfterMs?: number | undefined;
  /** Which of the database's budgets its connection counts in. Default: `default`. Where it does not exist the read is refused with `CONFIG`. */
  readonly budget?: string | undefined;
  /**
   * In all, never less and up to two seconds more: it is looked once a second. Default 30 s: what is written meanwhile stays in the log. After
   * it the connection is taken away, and the read rejects with `TRANSACTION_EXPIRED` as soon as its function has returned or runs another statement.
   */
  readonly limitMs?: number | undefined;
}

/** How long one transaction may hold the right to write. */
export interface TransactionOptions extends CallOptions {
  /** In all. Default 5 s: everybody else who wants to write waits for as long. After it `TRANSACTION_EXPIRED`, and nothing is written. */
  readonly limitMs?: number | undefined;
  /** Without running a statement. Default 1 s: who waits for something else has no business holding the lock. */
  readonly idleLimitMs?: number | undefined;
  /**
   * After how long without a use its connection looks like a leak, which is said in the log and in health, and what `flush('leaked')` takes.
   * Default: what the database has (30 s), however long `limitMs` is.
   */
  readonly leakAfterMs?: number | undefined;
}

/**
 * A named database, whatever it runs on. Labels say why; they are seen in errors, in health and by `hive-db status`.
 *
 * Every call rejects with a `DatabaseError` where the database is to blame (`POOL_TIMEOUT` and `BUSY_TIMEOUT` name who is in the way,
 * `WRONG_USE` and `CONFIG` what was wrong about the call), and with the very thing that the caller's own function has thrown.
 */
export interface Database {
  /** As in the configuration of the service. */
  readonly name: string;
  /** Runs the function on one snapshot that cannot be written. Borrows a connection for as long as the function takes. */
  read<T>(label: string, fn: (connection: Connection) => Promise<T>, options?: ReadOptions): Promise<T>;
  /**
   * Runs the function in a transaction that may await: committed when it resolves, undone when it rejects. It holds the right to write
   * from its first moment, so nobody else writes meanwhile (SQLite) or what it has locked (servers).
   */
  transaction<T>(label: string, fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Borrows a connection that may span awaits, for as long as its deadline allows (default 5 min): for `await using`, or for a function,
   * which has it until it settles. At the deadline it is taken away, its iterators are closed and its transactions undone.
   */
  readonly session: OpenSession;
  /** Who holds its connections, longest first. */
  leases(): readonly LeaseSnapshot[];
  /**
   * Changes how many connections read. What is idle and too many is closed, and this resolves then; what is in use and too many closes
   * when it comes back: nobody is interrupted. It holds until settings are read that say something new of it, and a snapshot says so
   * (`settings`). Rejects with `CONFIG` for a wrong limit, and the old ones stand. Of what is closing it changes nothing that matters any
   * more: nobody gets a connection.
   */
  resize(limits: Resize): Promise<void>;
  /**
   * Changes who may have how many of the connections that read, all budgets together; takes nothing from anybody. Throws `CONFIG` for
   * what is no budget, or when more is reserved than there are connections; the old ones stand then.
   */
  setBudgets(budgets: Budgets): void;
  /**
   * Stops handing out connections and the right to write; callers wait, until their time is up. Twice is as good as once, and while the
   * service is closing it does nothing: who waits is turned away all the same.
   */
  suspend(): void;
  /** Takes `suspend` back and serves who waits, in the order in which they came. */
  resume(): void;
  /**
   * Closes connections: what is idle, everything, what is held too long, or everything when it comes back. Who had one that is taken away
   * is in the report, and gets `LEASE_STALE` from it; what he had not committed is rolled back. The next caller gets a new one. While the
   * service is closing, `all` ends the wait for who does not let go; when it has closed, there is nothing left to do.
   */
  flush(mode: FlushMode): Promise<FlushReport>;
  /** A frozen picture of it. Costs some microseconds and, on SQLite, two calls of `stat`. */
  snapshot(): DatabaseSnapshot;
}

/** What a service gives to a database that it opens. */
export interface DatabaseContext {
  readonly name: string;
  /** How other processes call the one that it is in; undefined where it is used without a service. */
  readonly app: string | undefined;
  /** Resolved. Others take their place when the service reads its settings again: whoever needs one looks here each time, or `adopt`s it. */
  readonly settings: DatabaseSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly labels: Labels;
  /** Where well ends; the same as of settings holds for it. */
  readonly thresholds: DatabaseThresholds;
  /** What the service remembers of it; another one after each look. */
  readonly trend?: DatabaseTrend | undefined;
  /** Where a database says what it is doing, for the sentinel. */
  readonly activity: Activity;
  /** Who has what in this process, to notice who waits for himself. */
  readonly holdings: Holdings;
  /** What reads beside the main thread, for all databases together. */
  readonly offloader: Offloader;
  /** What the `*` of its pattern stands for; absent for one with a name of its own. */
  readonly part?: string | undefined;
  /** What relative paths are relative to, and what no path may leave. Undefined: the working directory, and anything goes. */
  readonly dataDirectory: string | undefined;
  /** Which key has set its path, and where: `databases.orders.path, settings.yaml:4`. Absent where code has. */
  readonly pathOrigin?: string | undefined;
  /** Where processes leave word for each other; undefined when there is no usable place. */
  readonly runtimeDirectory: string | undefined;
  /** Those of all databases of a service, so that they outlive one that is closed. Absent: each has its own. */
  readonly fenceWords?: OwnWords | undefined;
  /** Makes the turns to write of a database file, as `device:inode`. */
  readonly turns: (file: string) => Turns;
  /** The thread that keeps logs short; undefined where SQLite does that at COMMIT. */
  readonly checkpointer: Checkpointer | undefined;
  /** Told of how many connections read from now on because somebody has said so; absent where it is used without a service. */
  readonly resized?: ((limits: Resize) => void) | undefined;
  /** A thing that an operator should know, said once. */
  readonly warn: (text: string) => void;
}

/** What it takes to say which file a database is in. */
export type DatabasePlace = Pick<DatabaseContext, 'name' | 'part' | 'dataDirectory' | 'pathOrigin'>;

/** What a service does with a database beside using it. */
export interface ManagedDatabase extends Database {
  /**
   * Looks whether it can be used, as far as that can be told without opening or writing anything, and says whether opening it would
   * create it. Throws why it cannot be used.
   */
  look(): 'exists' | 'new';
  /** Whether it can be used, and why not. */
  readonly status: DatabaseStatus;
  /**
   * Of one that cannot be written: asks whether its file is there and waits to be verified after an error, also when the database has been
   * closed. Undefined where it can be written, or where nothing of that kind is known.
   */
  readonly fenceLeft?: (() => boolean) | undefined;
  /** Learns what other processes have left word of, for one that does nothing itself. Called once a second, and whenever somebody asks. Never throws. */
  heed(): void;
  /** Opens it. Rejects with the reason; it can be called again. */
  open(): Promise<void>;
  /**
   * Told when the settings of its context have changed, and what they were before. Resolves when connections that are too many now have
   * been closed, but for those in use.
   */
  adopt(before: DatabaseSettings): Promise<void>;
  /** Lets work finish for `graceMs`, then takes the connections away. Resolves with the leases that were forced. */
  close(graceMs: number): Promise<readonly LeaseInfo[]>;
}

/** What an application writes into the service's configuration: `sqlite({ path })` makes one. */
export interface DatabaseDefinition<D extends Database = Database> {
  /** What it runs on, as snapshots say it: `sqlite`. */
  readonly driver: string;
  /** What the application itself wants; settings file and environment override it. */
  readonly settings: DatabaseOptions;
  /** What tells two databases that they are one, such as the absolute path of a file. */
  identity(place: DatabasePlace, path: string | undefined): string;
  /** How databases by pattern come and go, and what callers are given of one that may not be open. Absent where there can be none. */
  readonly onDemand?: {
    readonly terms: OnDemandTerms;
    handle(name: string, databases: OpenDatabases<Database>): D;
  };
  /** Makes the database, opens nothing. `path` is what settings say instead of the code. */
  create(context: DatabaseContext, path: string | undefined): D & ManagedDatabase;
}

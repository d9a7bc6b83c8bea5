import type { Clock, FlushMode, FlushReport, LeaseInfo, Resize } from '@hive/pool';
import type { DatabaseSettings } from './database-settings.ts';
import type { Connection, Transaction } from './driver/scope.ts';
import type { Session, SessionOptions } from './driver/session.ts';
import type { Labels } from './labels.ts';
import type { Logger } from './logger.ts';
import type { DatabaseSnapshot, LeaseSnapshot } from './snapshot.ts';

/** How one call wants to wait. */
export interface CallOptions {
  /** Ends the wait; work that has begun is finished or rolled back. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for a connection and for the lock, together. Default: the database's `acquireTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

/** How long one transaction may hold the right to write. */
export interface TransactionOptions extends CallOptions {
  /** In all. Default 5 s. */
  readonly limitMs?: number | undefined;
  /** Without running a statement. Default 1 s. */
  readonly idleLimitMs?: number | undefined;
}

/** A named database, whatever it runs on. Labels say why; they are seen in errors, in health and by `hive-db status`. */
export interface Database {
  readonly name: string;
  /** Runs the function on one snapshot that cannot be written. */
  read<T>(label: string, fn: (connection: Connection) => Promise<T>, options?: CallOptions): Promise<T>;
  /** Runs the function in a transaction that may await: committed when it resolves, undone when it rejects. */
  transaction<T>(label: string, fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Borrows a connection that may span awaits, for as long as its deadline allows. Made for `await using`. */
  session(label: string, options?: SessionOptions): Promise<Session>;
  /** Who holds its connections, longest first. */
  leases(): readonly LeaseSnapshot[];
  /** Changes how many connections read. */
  resize(limits: Resize): Promise<void>;
  /** Stops handing out connections and the right to write; callers wait. */
  suspend(): void;
  resume(): void;
  /** Closes connections: what is idle, everything, what is held too long, or everything when it comes back. */
  flush(mode: FlushMode): Promise<FlushReport>;
  snapshot(): DatabaseSnapshot;
}

/** What a service gives to a database that it opens. */
export interface DatabaseContext {
  readonly name: string;
  readonly settings: DatabaseSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly labels: Labels;
  /** What relative paths are relative to, and what no path may leave. Undefined: the working directory, and anything goes. */
  readonly dataDirectory: string | undefined;
  /** Where processes leave word for each other; undefined when there is no usable place. */
  readonly runtimeDirectory: string | undefined;
  /** A thing that an operator should know, said once. */
  readonly warn: (text: string) => void;
}

/** What a service does with a database beside using it. */
export interface ManagedDatabase extends Database {
  /**
   * Looks whether it can be used, as far as that can be told without opening or writing anything, and says whether opening it would
   * create it. Throws why it cannot be used.
   */
  look(): 'exists' | 'new';
  /** Opens it. Rejects with the reason; it can be called again. */
  open(): Promise<void>;
  /** Lets work finish for `graceMs`, then takes the connections away. Resolves with the leases that were forced. */
  close(graceMs: number): Promise<readonly LeaseInfo[]>;
}

/** What an application writes into the service's configuration: `sqlite({ path })` makes one. */
export interface DatabaseDefinition<D extends Database = Database> {
  readonly driver: string;
  /** What the application itself wants; settings file and environment override it. */
  readonly settings: Partial<DatabaseSettings>;
  /** What tells two databases that they are one, such as the absolute path of a file. */
  identity(context: Pick<DatabaseContext, 'name' | 'dataDirectory'>, path: string | undefined): string;
  create(context: DatabaseContext, path: string | undefined): D & ManagedDatabase;
}

import type { DatabaseThresholds } from './health/thresholds.ts';

/** What is acknowledged survives: a power loss (`full`), or a crash of the process (`normal`). */
export type Durability = 'full' | 'normal';

/** How one database behaves, complete. Durations are milliseconds. */
export interface DatabaseSettings {
  /** Connections that read. Default 4, opened lazily: on SQLite more only cost memory, parallelism comes from elsewhere. */
  readonly poolSize: number;
  /** How many more may exist while there is demand. Default 0: the limit is one number, and a full pool says who holds it. */
  readonly maxOverflow: number;
  /** How long a caller waits for a connection or the write lock. Default 10 s: longer than any healthy queue. */
  readonly acquireTimeoutMs: number;
  /** After this a connection is replaced. Default 0, never: a connection to a file does not go stale. */
  readonly recycleMs: number;
  /**
   * A connection that its holder has not used for so long, and has had for as long as he said, is suspected of leaking. Default undefined:
   * as `thresholds.leaseMs` says for all, 30 s.
   */
  readonly leakAfterMs: number | undefined;
  /**
   * Of one call in this many it is remembered where it borrowed its connection. Default 0, none: a stack costs some microseconds. Of
   * sessions and transactions, and of labels that were suspected of leaking once, it always is.
   */
  readonly captureEvery: number;
  /** Whether the pool logs its events; `debug` logs them at that level. Default false. */
  readonly echo: boolean | 'debug';
  /** Default `full`: what was acknowledged is there after a power loss. */
  readonly durability: Durability;
  /** Whether the service may not open without it. Default false: a failing database takes no other down. */
  readonly required: boolean;
}

/** What an application says of one database in code: any of it. */
export interface GivenDatabaseSettings extends Partial<DatabaseSettings> {
  /** When its health warns and fails, where that is not as for all. */
  readonly thresholds?: Partial<DatabaseThresholds>;
}

/** What holds where nobody says otherwise. */
export const DEFAULT_DATABASE_SETTINGS: DatabaseSettings = Object.freeze({
  poolSize: 4,
  maxOverflow: 0,
  acquireTimeoutMs: 10_000,
  recycleMs: 0,
  leakAfterMs: undefined,
  captureEvery: 0,
  echo: false,
  durability: 'full',
  required: false,
});

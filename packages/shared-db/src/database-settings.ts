import type { Budgets } from '@hive/pool';
import type { DatabaseThresholds } from './health/thresholds.ts';

/** What is acknowledged survives: a power loss (`full`), or a crash of the process (`normal`). */
export type Durability = 'full' | 'normal';

/** Between which sizes a pool may find its own; both undefined where it does not. */
export interface AutoSizeSettings {
  readonly min: number | undefined;
  readonly max: number | undefined;
}

/** What one budget of a database may have of the connections that read. */
export interface BudgetSettings {
  /** How many it comes first for. Default 0. */
  readonly reserved: number;
  /** How many it may have at most. Default undefined: as many as the pool. */
  readonly max: number | undefined;
  /** Its share of what is not reserved. Default 1. */
  readonly weight: number;
}

/** How one database behaves, complete. Durations are milliseconds. */
export interface DatabaseSettings {
  /** Connections that read. Default 4, opened lazily: on SQLite more only cost memory, parallelism comes from elsewhere. */
  readonly poolSize: number;
  /** How many more may exist while there is demand. Default 0: the limit is one number, and a full pool says who holds it. */
  readonly maxOverflow: number;
  /** How many of them are opened with the database. Default 0: opening one to a file takes a millisecond or two. */
  readonly initialSize: number;
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
   * Of one call in this many it is remembered where it borrowed its connection, beside those of `captureApartMs`. Default 0, none: a stack
   * costs some microseconds. Of sessions and transactions, and of labels that were suspected of leaking once, it always is.
   */
  readonly captureEvery: number;
  /**
   * Of a call it is remembered where it borrowed its connection when it was of none for so long. Default 1 ms: who reads less often knows
   * it of each read, and who reads without a pause pays one per cent at most. 0 is never.
   */
  readonly captureApartMs: number;
  /**
   * Lets the pool find its size by itself, between these bounds: larger after two seconds with a queue, smaller after a minute at least in
   * which some were not used; `poolSize`, by default `min`, is where it begins. Default: it stays as it is.
   */
  readonly autoSize: AutoSizeSettings;
  /** Who may have how many of the connections that read, by names that calls give. Default none: all are equal. */
  readonly budgets: Readonly<Record<string, BudgetSettings>>;
  /** Whether statements are logged, never with values; `debug` logs them at that level. Default false: each costs a line. */
  readonly echoStatements: boolean | 'debug';
  /** Whether the pool logs its events; `debug` logs them at that level. Default false. */
  readonly echo: boolean | 'debug';
  /** Default `full`: what was acknowledged is there after a power loss. */
  readonly durability: Durability;
  /** Whether the service may not open without it. Default false: a failing database takes no other down. */
  readonly required: boolean;
}

/** The same as code says it: any of it. */
export interface DatabaseOptions extends Partial<Omit<DatabaseSettings, 'autoSize' | 'budgets'>> {
  /**
   * Lets the pool find its size by itself, between these bounds: larger after two seconds with a queue, smaller after a minute at least in
   * which some were not used; `poolSize`, by default `min`, is where it begins. Default: it stays as it is.
   */
  readonly autoSize?: { readonly min: number; readonly max: number };
  /**
   * Who may have how many of the connections that read, by names that calls give (`read(label, fn, { budget })`): what each has reserved,
   * its most and its weight. Default: none, all are equal. What is asked for without a connection of the pool, such as `write`,
   * `readSync` and `offload`, has none.
   */
  readonly budgets?: Budgets;
  /** When its health warns and fails, where that is not as for all. */
  readonly thresholds?: Partial<DatabaseThresholds>;
}

/** What a budget has of which nothing more is said. */
export const DEFAULT_BUDGET_SETTINGS: BudgetSettings = Object.freeze({ reserved: 0, max: undefined, weight: 1 });

/** What holds where nobody says otherwise. */
export const DEFAULT_DATABASE_SETTINGS: DatabaseSettings = Object.freeze({
  poolSize: 4,
  maxOverflow: 0,
  initialSize: 0,
  acquireTimeoutMs: 10_000,
  recycleMs: 0,
  leakAfterMs: undefined,
  captureEvery: 0,
  captureApartMs: 1,
  autoSize: Object.freeze({ min: undefined, max: undefined }),
  budgets: Object.freeze({}),
  echoStatements: false,
  echo: false,
  durability: 'full',
  required: false,
});

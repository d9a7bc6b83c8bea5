import type { PeerName } from '../../peers/sqlite/line-up.ts';
import type { Durability } from '../sqlite/stage.ts';

/** What each of several processes does to one file. */
export interface Workload {
  readonly durability: Durability;
  /** How many of its callers write at once, each again as soon as it has been told. */
  readonly inFlight: number;
  /** For how long each transaction has the lock beside its statements. */
  readonly holdMs: number;
}

/** How a process writes. */
export type Method = 'shared-db' | 'busy timeout' | 'retry every ms' | PeerName;

/** What a writer process is started with. */
export interface WriterOrder {
  readonly path: string;
  readonly runtimeDirectory: string;
  readonly method: Method;
  readonly workload: Workload;
  /** Pauses between two transactions: a neighbour that writes now and then. */
  readonly pauseMs: number;
}

/** What a writer process has done in one window. */
export interface WriterReport {
  readonly committed: number;
  readonly failed: number;
  /** Why, each reason once. */
  readonly reasons: readonly string[];
  /** The longest that a caller waited for its transaction, and the wait that one in a hundred was over; in milliseconds. */
  readonly worstMs: number;
  readonly p99Ms: number;
  /** The longest that a timer of one millisecond was late. */
  readonly stallMs: number;
}

/** From whoever measures: write until then, on the clock that all processes of a machine share. */
export interface Go {
  readonly untilMs: number;
}

/** Where well ends for one database. Shares run from 0 to 1. */
export interface DatabaseThresholds {
  /** Share of the pool in use, over a quarter of a minute, from which on there is a warning. Default 0.8. */
  readonly utilisationWarn: number;
  /** Share of the pool in use that is critical. Default 0.95. */
  readonly utilisationCritical: number;
  /** Whether a critically used pool fails the check (503) instead of warning. Default false: a busy process still serves. */
  readonly failWhenSaturated: boolean;
  /** How long the oldest waiter may have waited. Default 1,000 ms. */
  readonly oldestWaitMs: number;
  /** Share of acquisitions that may have timed out within the last minute. Default 0.01: one bad moment is forgotten, a habit is not. */
  readonly timeoutShare: number;
  /** How many times as long as usual an acquisition may take, one in a hundred. Default 10. */
  readonly acquireFactor: number;
  /** What is no longer than this is not slow, however quick it is usually. Default 50 ms. */
  readonly acquireFloorMs: number;
  /** Share of calls that may have failed within the last minute, five at least. Default 0.05. */
  readonly errorShare: number;
  /** How often a minute each connection of a pool may be replaced. Default 6: one that lives for ten seconds is hardly worth opening. */
  readonly recyclesPerMinute: number;
  /** How long a lease may be held and not be used before it is suspected of leaking, where its database says nothing else. Default 30,000 ms. */
  readonly leaseMs: number;
  /** How many leases may be suspected of leaking. Default 0. */
  readonly suspectedLeaks: number;
  /** How large a `-wal` file may grow, and one of a large database to twice its size. Default 64 MiB. */
  readonly walBytes: number;
  /** How long a statement may run before it is remembered and said in the log. Default 100 ms: it froze the event loop for as long. */
  readonly slowStatementMs: number;
}

/** Where well ends: for each database that says nothing else, and for the process. */
export interface Thresholds extends DatabaseThresholds {
  /** Share of the last minute for which the event loop may have stood still, half a second or more at once. Default 0.1. */
  readonly blockedShare: number;
  /** Whether use of a deprecated API warns. Default false: it is listed and counted, and who uses one knows it as a rule. */
  readonly warnWhenDeprecated: boolean;
}

/** What holds for a database where nobody says otherwise. */
export const DEFAULT_DATABASE_THRESHOLDS: DatabaseThresholds = Object.freeze({
  utilisationWarn: 0.8,
  utilisationCritical: 0.95,
  failWhenSaturated: false,
  oldestWaitMs: 1_000,
  timeoutShare: 0.01,
  acquireFactor: 10,
  acquireFloorMs: 50,
  errorShare: 0.05,
  recyclesPerMinute: 6,
  leaseMs: 30_000,
  suspectedLeaks: 0,
  walBytes: 64 * 1024 * 1024,
  slowStatementMs: 100,
});

/** What holds where nobody says otherwise. */
export const DEFAULT_THRESHOLDS: Thresholds = Object.freeze({
  ...DEFAULT_DATABASE_THRESHOLDS,
  blockedShare: 0.1,
  warnWhenDeprecated: false,
});

/** What they are called. */
export const THRESHOLD_NAMES = Object.keys(DEFAULT_THRESHOLDS) as readonly (keyof Thresholds)[];

export function isThreshold(name: unknown): name is keyof Thresholds {
  return (THRESHOLD_NAMES as readonly unknown[]).includes(name);
}

/** Whether a database may have its own; the others are about the process. */
export function isOfDatabases(name: keyof Thresholds): boolean {
  return Object.hasOwn(DEFAULT_DATABASE_THRESHOLDS, name);
}

/** Those that earlier versions do not have, and do not say. */
type LaterThreshold =
  | 'acquireFactor'
  | 'acquireFloorMs'
  | 'errorShare'
  | 'recyclesPerMinute'
  | 'suspectedLeaks'
  | 'blockedShare';

/** Thresholds as a process of whatever version says them. */
export type StatedThresholds = Omit<Thresholds, LaterThreshold> & {
  readonly [K in LaterThreshold]: Thresholds[K] | undefined;
};

/** All thresholds; where a process did not say one, what holds where nobody says otherwise. */
export function completed(stated: StatedThresholds): Thresholds {
  const said = Object.entries(stated).filter(([, value]) => value !== undefined);
  return { ...DEFAULT_THRESHOLDS, ...Object.fromEntries(said) };
}

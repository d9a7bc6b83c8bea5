/** Where well ends. Shares run from 0 to 1. */
export interface Thresholds {
  /** Share of the pool in use from which on there is a warning. Default 0.8. */
  readonly utilisationWarn: number;
  /** Share of the pool in use that is critical. Default 0.95. */
  readonly utilisationCritical: number;
  /** Whether a critically used pool fails the check (503) instead of warning. Default false: a busy process still serves. */
  readonly failWhenSaturated: boolean;
  /** How long the oldest waiter may have waited. Default 1,000 ms. */
  readonly oldestWaitMs: number;
  /** Share of acquisitions that may have timed out since the start. Default 0.01: one bad moment is forgotten, a habit is not. */
  readonly timeoutShare: number;
  /** How long a lease may be held and not be used before it is suspected of leaking, where its database says nothing else. Default 30,000 ms. */
  readonly leaseMs: number;
  /** How large a `-wal` file may grow, and one of a large database to twice its size. Default 64 MiB. */
  readonly walBytes: number;
  /** How long a statement may run before it is remembered and said in the log. Default 100 ms: it froze the event loop for as long. */
  readonly slowStatementMs: number;
  /** Whether use of a deprecated API warns. Default false: it is listed and counted, and a warning that never ends is not read. */
  readonly warnWhenDeprecated: boolean;
}

/** What holds where nobody says otherwise. */
export const DEFAULT_THRESHOLDS: Thresholds = Object.freeze({
  utilisationWarn: 0.8,
  utilisationCritical: 0.95,
  failWhenSaturated: false,
  oldestWaitMs: 1_000,
  timeoutShare: 0.01,
  leaseMs: 30_000,
  walBytes: 64 * 1024 * 1024,
  slowStatementMs: 100,
  warnWhenDeprecated: false,
});

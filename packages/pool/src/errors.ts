import type { LeaseInfo } from './lease.ts';
import type { WaiterInfo } from './waiters.ts';

/** What can go wrong with a pool. The list is closed; the codes are stable. */
export type PoolErrorCode =
  /** An option or an argument is wrong. Nothing has been done. */
  | 'CONFIG'
  /** No resource came free in time. `cause` is what the last creation said, when that fails. */
  | 'POOL_TIMEOUT'
  /** The pool is closed, or was closed during the wait. */
  | 'POOL_CLOSED'
  /** The wait ended while the pool was suspended. */
  | 'POOL_SUSPENDED'
  /** Creation keeps failing and nothing is left that could serve the caller; `cause` says why. */
  | 'CREATE_FAILED'
  /** The queue is full. */
  | 'OVERLOADED'
  /** The caller's signal has fired; `cause` is its reason. */
  | 'ABORTED'
  /** The resource of a lease was asked for after the lease had ended. */
  | 'LEASE_STALE';

const RETRYABLE: ReadonlySet<PoolErrorCode> = new Set([
  'POOL_TIMEOUT',
  'POOL_SUSPENDED',
  'CREATE_FAILED',
  'OVERLOADED',
]);

/** A failure of a pool: one sentence that says what happened, and the data behind it. */
export class PoolError extends Error {
  override readonly name = 'PoolError';
  readonly code: PoolErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Who held the pool's resources when this happened, longest first. */
  readonly holders: readonly LeaseInfo[];
  /** How many callers were waiting. */
  readonly waiting: number;
  /** The first of those who waited before this caller, longest first: ten at most. */
  readonly ahead: readonly WaiterInfo[];
  /** Of a lease that has ended, the stack of where it was acquired, when that was captured. */
  readonly acquiredAt: string | undefined;

  constructor(
    code: PoolErrorCode,
    message: string,
    details: {
      readonly cause?: unknown;
      readonly holders?: readonly LeaseInfo[];
      readonly waiting?: number;
      readonly ahead?: readonly WaiterInfo[];
      readonly acquiredAt?: string | undefined;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    this.holders = details.holders ?? [];
    this.waiting = details.waiting ?? 0;
    this.ahead = details.ahead ?? [];
    this.acquiredAt = details.acquiredAt;
  }
}

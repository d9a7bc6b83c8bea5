import type { LeaseInfo } from './lease.ts';

/** What can go wrong with a pool. The list is closed; the codes are stable. */
export type PoolErrorCode =
  | 'CONFIG'
  | 'POOL_TIMEOUT'
  | 'POOL_CLOSED'
  | 'POOL_SUSPENDED'
  | 'CREATE_FAILED'
  | 'OVERLOADED'
  | 'ABORTED'
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

  constructor(
    code: PoolErrorCode,
    message: string,
    details: {
      readonly cause?: unknown;
      readonly holders?: readonly LeaseInfo[];
      readonly waiting?: number;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    this.holders = details.holders ?? [];
    this.waiting = details.waiting ?? 0;
  }
}

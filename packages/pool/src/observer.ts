import type { LeaseInfo } from './lease.ts';

/** Why a resource left the pool. */
export type DestroyReason =
  /** Nobody used it for `idleTimeoutMs`. */
  | 'idle'
  /** It has lived long enough. */
  | 'lifetime'
  /** There was one too many: idle beyond `size`, or beyond a limit that was lowered. */
  | 'overflow'
  /** It failed validation. */
  | 'invalid'
  /** It is of a generation that was condemned, by a failed validation or by `flush`. */
  | 'condemned'
  | 'reset-failed'
  /** Its borrower called `destroy`. */
  | 'caller'
  /** Its lease was dropped without release and collected as garbage. */
  | 'collected'
  | 'flushed'
  /** It arrived after its creation had been given up. */
  | 'late'
  /** The pool was closed. */
  | 'closed';

/**
 * What a pool tells the world; all times are milliseconds. Every method is optional and is called while the pool is in order, so it
 * may ask and tell the pool anything. It is called within the pool's own work, which waits for it: be quick. What it throws, or
 * rejects with, is swallowed and counted (`observerErrors`), never passed to a borrower.
 */
export interface PoolObserver {
  created?(resourceId: number, createMs: number): void;
  /** `consecutive` counts the rounds of attempts that have failed since the last success. */
  createFailed?(error: unknown, consecutive: number): void;
  /** `waitMs` is 0 without a wait, and for one that was not timed because it ended within its turn of the event loop. */
  acquired?: ((lease: LeaseInfo, waitMs: number) => void) | undefined;
  /** A borrower gave its lease back, by `release` or `destroy`. An observer that has this or `acquired` makes each lease dearer. */
  released?: ((lease: LeaseInfo) => void) | undefined;
  /** A resource failed validation; with it every resource of its generation is condemned. */
  invalidated?(resourceId: number, generation: number, cause: unknown): void;
  destroyed?(resourceId: number, reason: DestroyReason): void;
  /**
   * A lease looks like a leak, see `leakThresholdMs`; told within about a second, and again each time its age has doubled, while it
   * does. `suspected` of the counters says how many leases that were.
   */
  suspected?(lease: LeaseInfo): void;
  /** A lease that was suspected has been given back after all. Told once. */
  returnedLate?(lease: LeaseInfo): void;
  /** A lease was dropped without release and has been collected as garbage: a certain leak. */
  collected?(lease: LeaseInfo): void;
  /** A lease was taken away from its holder by `flush` or `close`. */
  revoked?(lease: LeaseInfo, reason: string): void;
  /** A caller was sent away because nothing came free in time. */
  timedOut?(owner: string | undefined, waitMs: number): void;
  /** A hook has not come back in time; what it was working on no longer counts as live. */
  abandoned?(resourceId: number, hook: 'create' | 'destroy'): void;
}

import type { LeaseInfo } from './lease.ts';

/** Why a resource left the pool. */
export type DestroyReason =
  | 'idle'
  | 'lifetime'
  | 'overflow'
  | 'invalid'
  | 'condemned'
  | 'reset-failed'
  | 'caller'
  | 'collected'
  | 'flushed'
  | 'late'
  | 'closed';

/**
 * What a pool tells the world. Every method is optional and is called while the pool is in order, so it may ask and tell the pool
 * anything; what it throws is swallowed and counted (`observerErrors`), never passed to a borrower.
 */
export interface PoolObserver {
  created?(resourceId: number, createMs: number): void;
  createFailed?(error: unknown, consecutive: number): void;
  acquired?(lease: LeaseInfo, waitMs: number): void;
  released?(lease: LeaseInfo): void;
  /** A resource failed validation; with it every resource of its generation is condemned. */
  invalidated?(resourceId: number, generation: number, cause: unknown): void;
  destroyed?(resourceId: number, reason: DestroyReason): void;
  /** A lease was dropped without release and has been collected as garbage: a certain leak. */
  collected?(lease: LeaseInfo): void;
  /** A lease was taken away from its holder by `flush` or `close`. */
  revoked?(lease: LeaseInfo, reason: string): void;
  timedOut?(owner: string | undefined, waitMs: number): void;
  /** A hook has not come back in time; what it was working on no longer counts as live. */
  abandoned?(resourceId: number, hook: 'create' | 'destroy'): void;
}

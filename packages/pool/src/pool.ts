import type { SizeBounds } from './auto-size.ts';
import type { Budgets } from './budgets.ts';
import type { Lease, LeaseInfo } from './lease.ts';
import type { PoolLimits } from './settings.ts';
import type { PoolStats } from './stats.ts';
import type { WaiterInfo } from './waiters.ts';

/** Who asks for a lease, and what is remembered about it. */
export interface LeaseOptions {
  /** Who is asking: shown in errors, `leases()` and to the observer. */
  readonly owner?: string | undefined;
  /** Which of the pool's budgets the lease counts in. Default: `default`. One that does not exist is refused with `CONFIG`. */
  readonly budget?: string | undefined;
  /**
   * How long the holder is going to need it at most, in milliseconds: shown beside its age. Where the pool cannot tell whether it is used (see
   * `uses`) it is not suspected of leaking before, and `flush('leaked')` leaves it alone that long; where it can, who does not use it is
   * suspected however long he wanted it. Default: unknown. What is no duration is refused with `CONFIG`.
   */
  readonly allowedMs?: number | undefined;
  /**
   * Remembers where this lease was acquired and released, whatever `captureEvery` and `captureApartMs` say. An error says by its stack where it was asked for,
   * which whoever had to wait before cannot see any more. `false` never remembers it: for a lease that its holder cannot forget, because it
   * gives the resource back itself before it lets anybody else run.
   */
  readonly capture?: boolean | Error | undefined;
  /**
   * After how long without a use this lease is suspected of leaking, in milliseconds: in place of the pool's `leakThresholdMs`, and whatever
   * `allowedMs` says. Counts only with `capture`: who wants to be told wants to be told where. What is no duration is refused with `CONFIG`
   * by whoever would have to wait.
   */
  readonly leakThresholdMs?: number | undefined;
}

/** How one caller wants to wait. */
export interface AcquireOptions extends LeaseOptions {
  /**
   * Ends the wait. The resource that is being opened meanwhile goes to the next caller. What is no signal is refused with `CONFIG` by
   * whoever would have to wait.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long to wait, in milliseconds from now. Default: the pool's `acquireTimeoutMs`. 0 does not wait at all; what is no duration
   * is refused with `CONFIG` by whoever would have to wait.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * What `flush` takes away: what nobody uses; everything; what is suspected of leaking; everything, but leases may finish. What is being
 * opened is never waited for: where it would be too old, it goes when it arrives.
 */
export type FlushMode = 'idle' | 'all' | 'leaked' | 'graceful';

/** What `flush` did. */
export interface FlushReport {
  /** Resources that it ended, those of the revoked leases among them. */
  readonly destroyed: number;
  /** Leases that were taken from their holders. */
  readonly revoked: readonly LeaseInfo[];
}

/** What `close` had to do. */
export interface CloseReport {
  /** Leases that had not come back when the grace period ended. */
  readonly forced: readonly LeaseInfo[];
  /** Hooks that have not come back in time. */
  readonly abandoned: number;
}

/** How many resources a pool keeps, and how many more may exist while there is demand. */
export interface Resize {
  readonly size?: number | undefined;
  readonly maxOverflow?: number | undefined;
}

/** What else may be changed while a pool is in use, as `createPool` takes it. */
export type Tuning = Pick<PoolLimits, 'maxLifetimeMs' | 'leakThresholdMs' | 'captureEvery' | 'captureApartMs'>;

/** Hands out resources under a limit, first come, first served. Knows nothing of what they are. */
export interface Pool<R> extends AsyncDisposable {
  readonly name: string;
  /** Borrows a resource. Rejects with `PoolError`; a caller waits in the pool only, never for its own connect. */
  acquire(options?: AcquireOptions): Promise<Lease<R>>;
  /**
   * Borrows a resource that is ready now, or returns undefined. Never waits and never opens one; one that has to be validated first,
   * by a hook that takes its time, is ready for the next call. Throws `CONFIG` for wrong options, such as a budget that does not exist.
   */
  tryAcquire(options?: LeaseOptions): Lease<R> | undefined;
  /**
   * Opens resources until `minIdle` are idle, as far as `size` allows and unless the pool is suspended; resolves with how many are
   * live. Rejects with `CREATE_FAILED` or `POOL_CLOSED`.
   */
  warm(): Promise<number>;
  /** One frozen picture of everything that is counted and measured. Walks the leases: for once a second, not for every call. */
  stats(): PoolStats;
  /** Who holds what, longest first. */
  leases(): readonly LeaseInfo[];
  /** Who waits, longest first. */
  waiters(): readonly WaiterInfo[];
  /**
   * The numbers of the leases of which one has to end before a budget may have another, because it has its most; undefined while it may have
   * more, whether there is anything to be had or not, where it does not exist, and unless the pool is open. Walks the leases.
   */
  leasesInWayOf(budget?: string): readonly number[] | undefined;
  /**
   * Changes the limits. More wakes the queue; less closes what is idle now and what is in use when it comes back. Resolves when what
   * was idle is closed. Rejects with `CONFIG` for a wrong limit, one that does not exist, or one below what budgets reserve; the old ones
   * stand then.
   */
  resize(limits: Resize): Promise<void>;
  /**
   * Lets the pool find its size by itself between these bounds, or no more where they are undefined. Throws `CONFIG` for what is none, or
   * when its size does not lie between them; it goes on as before then.
   */
  setAutoSize(bounds: SizeBounds | undefined): void;
  /**
   * Changes the budgets, all of them together: one that is not named exists no more, but who waits in it is still served. Nothing is
   * taken from anybody; a budget that has more than it may gets no more until it has less. Throws `CONFIG` for what is no budget, or
   * when more is reserved than there can be; the old ones stand then.
   */
  setBudgets(budgets: Budgets): void;
  /**
   * Changes what is named and leaves the rest. A new `maxLifetimeMs` is for what is open as well, counted from when that was opened; a new
   * `leakThresholdMs` for what is lent. Throws `CONFIG` for a wrong one; all the old ones stand then.
   */
  retune(tuning: Tuning): void;
  /** Stops handing out and opening. Callers wait, to their deadlines; leases go on. Does nothing unless the pool is open. */
  suspend(): void;
  /** Hands out again, beginning with those who wait. Does nothing unless the pool is suspended. */
  resume(): void;
  /** Destroys resources; resolves when they are gone, or abandoned. Rejects with `CONFIG` for an unknown mode. */
  flush(mode: FlushMode): Promise<FlushReport>;
  /**
   * Ends the pool: waiters are rejected now, leases may come back for `graceMs` (default 5 s, also for what is no duration or no options), what
   * is left then is revoked, destroyed and reported. Calling it again returns the same promise. Never rejects.
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<CloseReport>;
}

import { isHeld, type Entry, type Trace } from './entry.ts';

/** What is known about a lease, as plain data. */
export interface LeaseInfo {
  readonly id: number;
  readonly resourceId: number;
  readonly owner: string | undefined;
  /** The budget that it counts in, where there are budgets. */
  readonly budget?: string | undefined;
  /** How long it is held; of many short ones that are not timed a newer one may look up to a second older than it is. */
  readonly ageMs: number;
  /** For how long its holder has not used it, to about a second; where the pool cannot tell, as long as it is held. */
  readonly idleMs: number;
  /** Whether it is suspected of leaking, see `leakThresholdMs`. */
  readonly suspect: boolean;
  /** How long its holder said to need it. Undefined where nothing was said. */
  readonly allowedMs: number | undefined;
  /** Stack of the acquirer, when it was captured. */
  readonly acquiredAt: string | undefined;
}

/** What a lease needs from its pool. */
export interface LeaseHome<R> {
  /** @param byHolder not where it is ended in his place. */
  giveBack(entry: Entry<R>, id: number, destroy: boolean, byHolder: boolean): void;
  stale(entry: Entry<R>, id: number, owner: string | undefined, trace: Trace | undefined): Error;
}

/**
 * One borrowing of one resource. It is single use: after `release`, `destroy` or a revocation it can do nothing but throw, and
 * giving it back twice is a counted no-op. Made for `using`.
 */
export class Lease<R> implements Disposable {
  readonly #entry: Entry<R>;
  /** Number of the lease, unique in its pool. */
  readonly id: number;
  readonly #owner: string | undefined;
  readonly #trace: Trace | undefined;

  /** Leases are made by a pool. */
  constructor(entry: Entry<R>, id: number, owner: string | undefined, trace: Trace | undefined) {
    this.#entry = entry;
    this.id = id;
    this.#owner = owner;
    this.#trace = trace;
  }

  /** The resource. Throws `LEASE_STALE` once the lease has ended. */
  get resource(): R {
    const entry = this.#entry;
    if (!isHeld(entry, this.id)) throw entry.home.stale(entry, this.id, this.#owner, this.#trace);
    return entry.resource as R;
  }

  /** Whether the resource is still this lease's. */
  get active(): boolean {
    return isHeld(this.#entry, this.id);
  }

  /** Gives the resource back for others to use. */
  release(): void {
    this.#entry.home.giveBack(this.#entry, this.id, false, true);
  }

  /** Gives the resource back to be destroyed: for one that is broken, or whose state cannot be trusted. */
  destroy(): void {
    this.#entry.home.giveBack(this.#entry, this.id, true, true);
  }

  /**
   * As `destroy`, for whoever has lent the lease on and ends it in place of its holder, at a limit for example: one that looked like a leak has
   * not been returned then (`returnedLate`).
   */
  takeAway(): void {
    this.#entry.home.giveBack(this.#entry, this.id, true, false);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

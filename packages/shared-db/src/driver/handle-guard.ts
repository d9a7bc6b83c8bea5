import type { DatabaseError } from '../errors.ts';
import { whyStale, type Loan } from './scope.ts';

/** Who has a driver's own handle, as far as he can be told of in an error. */
export interface HandleGuardOptions {
  readonly lease: Loan;
  /** Makes a `DatabaseError` of what the pool says of a lease that it has taken away. */
  readonly explain: (error: unknown) => unknown;
  /** What he is told whose lease was dropped. Must not keep the lease. */
  readonly dropped: () => DatabaseError;
}

/**
 * Asked before each use of a driver's own handle, and of what comes from it. It knows the lease weakly: the pool has the connection, which has this,
 * and what has been forgotten would never be collected.
 */
export class HandleGuard {
  readonly #lease: WeakRef<Loan>;
  readonly #explain: HandleGuardOptions['explain'];
  readonly #dropped: HandleGuardOptions['dropped'];
  #why: (() => DatabaseError) | undefined;

  constructor({ lease, explain, dropped }: HandleGuardOptions) {
    this.#lease = new WeakRef(lease);
    this.#explain = explain;
    this.#dropped = dropped;
  }

  /** Its holder has lost it. */
  end(why: () => DatabaseError): void {
    this.#why = why;
  }

  /** Throws why the handle is its holder's no more. Given on as it is: a function around it would keep whoever has made that. */
  readonly assertLent = (): void => {
    const why = this.#why?.() ?? this.#takenAway();
    if (why !== undefined) throw why;
  };

  #takenAway(): unknown {
    const lease = this.#lease.deref();
    if (lease === undefined) return this.#dropped();
    const why = whyStale(lease);
    return why === undefined ? undefined : this.#explain(why);
  }
}

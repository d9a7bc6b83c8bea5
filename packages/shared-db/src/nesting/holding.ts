import type { NestedWait } from './nested-wait.ts';

/** What callers wait for: the readers of a database, its right to write, a place. Two are the same when they are one object. */
export interface Holdable {
  /** In words: `a connection`, `the right to write`. */
  readonly what: string;
  /** How many have it, when a call on the `wanted` database gets it only from one of them; undefined where that may have it without. */
  holders(wanted: string): number | undefined;
  /**
   * The numbers of the leases of which one has to end before a call that counts in this budget can get it, however many are free; undefined
   * where the budget may have more. Absent where there are no budgets.
   */
  inWayOf?(budget: string | undefined): readonly number[] | undefined;
  /** Whether a function that uses this database has it with that, once for all that do. Absent where each lease is one. */
  isHadWith?(database: string): boolean;
  /** Where somebody who has it asked for it, by the number of the lease; undefined where that was not remembered. */
  askedAt(lease: number): string | undefined;
}

/** Waits for a function under a name of its own, by which a chain of awaits can be followed to it. */
export interface Runner {
  readonly name: string;
  /** `failed` is told what the function throws; `over` is called when it has settled. */
  readonly run: <T>(fn: () => Promise<T>, failed: (error: unknown) => void, over: () => void) => Promise<T>;
}

/** A caller's function that has something in its hands until it returns. */
export interface Holding {
  readonly held: Holdable;
  /** That it has it: a lease may be revoked before the function returns. */
  readonly lease: { readonly id: number; readonly active: boolean };
  readonly database: string;
  /** As its caller said why. */
  readonly label: string;
  /** As the caller has given it. */
  readonly fn: object;
  readonly runner: Runner;
  /** What the function has returned at once. */
  returned: unknown;
  /** What was called from inside it and has not come back. */
  readonly waits: Set<NestedWait>;
}

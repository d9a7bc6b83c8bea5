/** The budget of callers who name none. It exists wherever there are budgets, and may be given terms like any other. */
export const DEFAULT_BUDGET = 'default';

/** What one budget of a pool may have; see `PoolOptions.budgets`. */
export interface BudgetOptions {
  /**
   * How many leases it comes first for: while it has fewer, whatever comes free goes to it before it goes to a budget that has its
   * own. Default 0. Nothing is kept free for it: what it does not use is lent out and comes back at the next release.
   */
  readonly reserved?: number;
  /** How many leases it may have at most. Default: as many as the pool. */
  readonly max?: number;
  /** Its share of what is not reserved while several wait, in proportion to theirs: 0.01 to 1,000. Default 1. */
  readonly weight?: number;
}

/** Budgets by name: 1,000 at most, names of 1 to 64 characters. */
export type Budgets = Readonly<Record<string, BudgetOptions>>;

/** What a budget may have, complete and checked. */
export interface BudgetTerms {
  readonly reserved: number;
  /** Infinity: as many as the pool. */
  readonly max: number;
  readonly weight: number;
}

/** The figures of one budget. */
export interface BudgetStats {
  readonly name: string;
  readonly reserved: number;
  readonly max: number;
  readonly weight: number;
  readonly leased: number;
  readonly waiting: number;
  /** How long the first of those who wait has waited; 0 when nobody does. */
  readonly oldestWaitMs: number;
  readonly counters: {
    /** Leases handed out. */
    readonly granted: number;
    /** Of these, after waiting. */
    readonly waited: number;
    /** Callers sent away because nothing came free in time. */
    readonly timeouts: number;
  };
}

/** What decides who is next. */
export interface Claim {
  readonly terms: BudgetTerms;
  readonly leased: number;
  /** Milliseconds of lease beyond the reserve, each by the weight: see `BudgetAccount`. */
  readonly spent: number;
  /** The first of its waiters came as this one of all. */
  readonly turn: number;
}

/** Whether a budget has less than what is reserved for it. */
export function isBelowReserve({ leased, terms }: Pick<Claim, 'leased' | 'terms'>): boolean {
  return leased < terms.reserved;
}

/** Whether a budget may have one more. */
export function mayHaveMore({ leased, terms }: Pick<Claim, 'leased' | 'terms'>): boolean {
  return leased < terms.max;
}

/**
 * Whether `a` is served before `b`. Who is below its reserve comes first, and of these who has the smallest part of it; of the others
 * who has borrowed least by its weight. Whoever came first where that is the same.
 */
export function precedes(a: Claim, b: Claim): boolean {
  const isPoor = isBelowReserve(a);
  if (isPoor !== isBelowReserve(b)) return isPoor;
  const difference = isPoor ? a.leased / a.terms.reserved - b.leased / b.terms.reserved : a.spent - b.spent;
  return difference === 0 ? a.turn < b.turn : difference < 0;
}

import type { DatabaseSnapshot } from '@hive/shared-db';

/** What one of those who share a pool may have, and has. */
export interface BudgetGauges {
  readonly name: string;
  readonly reserved: number;
  readonly max: number;
  readonly weight: number;
  readonly in_use: number;
  readonly waiting: number;
  readonly oldest_wait_seconds: number;
  /** Monotone since the start, as the two after it. */
  readonly granted: number;
  readonly waited: number;
  readonly timeouts: number;
}

/** Those who share a pool, absent where it has no budgets; and what it shares with other pools. */
export interface Budgeted {
  readonly budgets?: readonly BudgetGauges[];
  /** What it may have together with others on its server, and what all of these have; absent where it shares no limit. */
  readonly shared_limit?: { readonly max: number; readonly open: number };
}

/** The budgets of a pool in the words of all documents. */
export function budgetsOf({
  budgets,
  sharedLimit,
}: Pick<DatabaseSnapshot['pool'], 'budgets' | 'sharedLimit'>): Budgeted {
  const shared = sharedLimit && { shared_limit: { max: sharedLimit.most, open: sharedLimit.live } };
  if (budgets === undefined) return { ...shared };
  return {
    ...shared,
    budgets: budgets.map(({ name, reserved, max, weight, leased, waiting, oldestWaitMs, counters }) => ({
      name,
      reserved,
      max,
      weight,
      in_use: leased,
      waiting,
      oldest_wait_seconds: oldestWaitMs / 1_000,
      ...counters,
    })),
  };
}

/** The same of an export, which may know more of them than a status says. */
export function budgetsOfExported({ budgets, shared_limit: limit }: Budgeted): Budgeted {
  const shared = limit && { shared_limit: { max: limit.max, open: limit.open } };
  if (budgets === undefined) return { ...shared };
  return {
    ...shared,
    budgets: budgets.map((one) => {
      const { name, reserved, max, weight, in_use, waiting, oldest_wait_seconds, granted, waited, timeouts } = one;
      return { name, reserved, max, weight, in_use, waiting, oldest_wait_seconds, granted, waited, timeouts };
    }),
  };
}

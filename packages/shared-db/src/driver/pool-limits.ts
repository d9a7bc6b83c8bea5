import type { Budgets, Pool, PoolOptions, SizeBounds } from '@hive/pool';
import type { AutoSizeSettings, BudgetSettings, DatabaseSettings } from '../database-settings.ts';

/** What a pool is asked of the three: those of its stats that say how much is reserved. */
type Limited = Pick<Pool<unknown>, 'stats' | 'resize' | 'setBudgets' | 'setAutoSize'>;
type Limits = Pick<DatabaseSettings, 'poolSize' | 'maxOverflow' | 'autoSize' | 'budgets'>;

/** What settings say of who may have how many connections and between which sizes, as `createPool` takes it. */
export function limitsOf({ autoSize, budgets }: Limits): Pick<PoolOptions<unknown>, 'autoSize' | 'budgets'> {
  const bounds = boundsOf(autoSize);
  return {
    ...(bounds === undefined ? {} : { autoSize: bounds }),
    // Without budgets a pool counts nothing for them.
    ...(Object.keys(budgets).length === 0 ? {} : { budgets: budgetsOf(budgets) }),
  };
}

/**
 * Has a pool go by settings that were read anew and fit together. What was changed by hand since stays, unless the settings say something
 * new about it, or cannot be had with it. Resolves when connections that are too many now have been closed, but for those in use.
 */
export async function adoptLimits(pool: Limited, before: Limits, now: Limits): Promise<void> {
  const bounds = boundsOf(now.autoSize);
  const isResized = before.poolSize !== now.poolSize || before.maxOverflow !== now.maxOverflow;
  const isBounded = boundsIn(before) !== boundsIn(now);
  const isBudgeted = termsIn(before) !== termsIn(now);
  if (!isResized && !isBounded && !isBudgeted) return;
  // Bounds of before would refuse the size of now.
  if (isBounded) pool.setAutoSize(undefined);
  const { size, maxOverflow, budgets = [] } = pool.stats();
  const reserved = sumOf(Object.values(now.budgets));
  // What the pool has found by itself is not taken back for a change of something else.
  const isFound = bounds !== undefined && before.poolSize === now.poolSize && reserved <= size + now.maxOverflow;
  const isTooSmall = isBudgeted && reserved > size + maxOverflow;
  const isOutside = isBounded && bounds !== undefined && (size < bounds.min || size > bounds.max);
  const limits = { size: isFound && !isOutside ? size : now.poolSize, maxOverflow: now.maxOverflow };
  const wanted = isResized || isTooSmall || isOutside ? limits : undefined;
  // Given by hand, they may reserve more than there will be.
  const isTooMuch = wanted !== undefined && sumOf(budgets) > wanted.size + wanted.maxOverflow;
  const setBudgets = (): void => {
    if (isBudgeted || isTooMuch) pool.setBudgets(budgetsOf(now.budgets));
  };
  // At every moment no more is reserved than there is.
  if (!isTooSmall) setBudgets();
  const resized = wanted && pool.resize(wanted);
  if (isTooSmall) setBudgets();
  if (isBounded) pool.setAutoSize(bounds);
  await resized;
}

function boundsOf({ min, max }: AutoSizeSettings): SizeBounds | undefined {
  return min === undefined || max === undefined ? undefined : { min, max };
}

function budgetsOf(budgets: Limits['budgets']): Budgets {
  return Object.fromEntries(
    Object.entries(budgets).map(([name, { reserved, max, weight }]) => [
      name,
      { reserved, weight, ...(max === undefined ? {} : { max }) },
    ]),
  );
}

function sumOf(budgets: readonly Pick<BudgetSettings, 'reserved'>[]): number {
  return budgets.reduce((sum, { reserved }) => sum + reserved, 0);
}

function boundsIn({ autoSize: { min, max } }: Limits): string {
  return JSON.stringify([min, max]);
}

function termsIn({ budgets }: Limits): string {
  return JSON.stringify(Object.entries(budgets).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

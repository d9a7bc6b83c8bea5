import type { BudgetGauges } from '../documents/budgets.ts';
import type { ExportedDatabase } from '../documents/exported-database.ts';
import { count, duration, percent } from '../render/figures.ts';
import type { AdviceRemark } from './advice.ts';
import type { Load } from './load.ts';

/** Fewer callers than this are chance. */
const ENOUGH = 20;
/** Of its callers, how many may have to wait before a budget is called small. */
const WAITED_SHARE = 0.1;
/** Who has not come for so long does not come by another name. */
const LONG_SECONDS = 300;

/** What is not as it should be about those who share a pool. Pure. */
export function budgetRemarks(
  database: ExportedDatabase,
  earlier: ExportedDatabase | undefined,
  load: Load,
): readonly AdviceRemark[] {
  return (database.pool.budgets ?? []).flatMap((budget) => {
    const before = earlier?.pool.budgets?.find(({ name }) => name === budget.name);
    const lately = since(budget, before);
    return heldBack(database, lately, load) ?? unasked(lately, load) ?? [];
  });
}

/** The counters since an earlier look. */
function since(budget: BudgetGauges, before: BudgetGauges | undefined): BudgetGauges {
  const counted = (key: 'granted' | 'waited' | 'timeouts'): number => Math.max(0, budget[key] - (before?.[key] ?? 0));
  return { ...budget, granted: counted('granted'), waited: counted('waited'), timeouts: counted('timeouts') };
}

/** Its most is what it waits for, and not the connections. */
function heldBack(
  { pool: { size, max_overflow: overflow } }: ExportedDatabase,
  { name, max, granted, waited, timeouts }: BudgetGauges,
  load: Load,
): AdviceRemark | undefined {
  const arrivals = granted + timeouts;
  const share = (waited + timeouts) / arrivals;
  const most = size + overflow;
  const peak = load.peak_in_use ?? load.peak_open;
  if (arrivals < ENOUGH || share < WAITED_SHARE || max >= most || peak === null || peak >= most) return undefined;
  const lost = timeouts === 0 ? '' : `, ${timeouts} of them in vain`;
  return {
    code: 'budget-max',
    evidence: `budget ${name} waited for ${waited + timeouts} of ${count(arrivals, 'connection')} (${percent(share)})${lost}, at its max of ${max}, while at most ${peak} of ${most} were in use`,
    advice: `raise pool.budgets.${name}.max, unless what it does is meant to wait: what is left is there for the others`,
  };
}

/** A reserve that nobody has asked for in all the time: most often the calls do not name it. */
function unasked(
  { name, reserved, granted, timeouts, waiting, in_use: used }: BudgetGauges,
  load: Load,
): AdviceRemark | undefined {
  if (reserved === 0 || granted + timeouts + waiting + used > 0) return undefined;
  if (load.arrivals < ENOUGH || load.window_seconds < LONG_SECONDS) return undefined;
  return {
    code: 'budget-unused',
    evidence: `budget ${name} has ${reserved} reserved, and of ${count(load.arrivals, 'caller')} in ${duration(load.window_seconds)} none was its`,
    advice: `have its calls say { budget: '${name}' }, or take it out of pool.budgets`,
  };
}

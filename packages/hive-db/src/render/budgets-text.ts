import type { Budgeted, BudgetGauges } from '../documents/budgets.ts';
import { duration } from './figures.ts';
import { paragraph } from './paragraph.ts';
import { safe } from './safe-text.ts';

const INDENT = '    ';

/** A line for each budget of a pool, and for what it shares with others, below its row; nothing where it has none. */
export function budgetsText({ budgets = [], shared_limit: shared }: Budgeted, width: number): string {
  const limit = shared === undefined ? [] : [`shared limit: ${shared.open} of ${shared.max} open in all that share it`];
  return [...budgets.map(budgetText), ...limit].map((line) => paragraph(line, width, INDENT)).join('');
}

function budgetText({ name, reserved, max, weight, in_use: used, waiting, ...times }: BudgetGauges): string {
  const terms = [...(reserved > 0 ? [`${reserved} reserved`] : []), `weight ${weight}`].join(', ');
  const queue = waiting === 0 ? [] : [`${waiting} waiting for ${duration(times.oldest_wait_seconds)}`];
  const lost = times.timeouts === 0 ? [] : [`${times.timeouts} timed out`];
  return [`budget ${safe(name)}: ${used} of ${max} in use (${terms})`, ...queue, ...lost].join(', ');
}

import { DEFAULT_BUDGET, type BudgetTerms } from './budgets.ts';
import { PoolError } from './errors.ts';
import { nearestWord } from './nearest-word.ts';
import { inWords, wrongOption } from './settings.ts';

const MOST_BUDGETS = 1_000;
const LONGEST_NAME = 64;
const MOST_LEASES = 1_000_000;
const KEYS = ['reserved', 'max', 'weight'] as const;
const DEFAULT_TERMS: BudgetTerms = Object.freeze({ reserved: 0, max: Infinity, weight: 1 });

/** Checks budgets as a whole: their terms by name, the default among them. Throws `CONFIG`. */
export function parseBudgets(given: unknown, limit: number): ReadonlyMap<string, BudgetTerms> {
  if (!isObject(given)) throw wrongOption('budgets', given, 'an object of budgets by name');
  const budgets = Object.entries(given);
  if (budgets.length > MOST_BUDGETS)
    throw new PoolError('CONFIG', `pool option budgets has ${budgets.length} names; expected ${MOST_BUDGETS} at most`);
  const parsed = new Map([[DEFAULT_BUDGET, DEFAULT_TERMS]]);
  for (const [name, options] of budgets) parsed.set(checkName(name), parseTerms(`budgets.${name}`, options));
  checkReserves(parsed, limit);
  return parsed;
}

/** Throws `CONFIG` when more is reserved than there can be. */
export function checkReserves(budgets: ReadonlyMap<string, BudgetTerms>, limit: number): void {
  let reserved = 0;
  for (const terms of budgets.values()) reserved += terms.reserved;
  if (reserved > limit)
    throw new PoolError(
      'CONFIG',
      `pool option budgets reserves ${reserved} in all; expected at most size and maxOverflow together, which is ${limit}`,
    );
}

function checkName(name: string): string {
  if (name.length >= 1 && name.length <= LONGEST_NAME) return name;
  throw new PoolError(
    'CONFIG',
    `pool option budgets has a name of ${name.length} characters; expected 1 to ${LONGEST_NAME}`,
  );
}

function parseTerms(key: string, options: unknown): BudgetTerms {
  if (!isObject(options)) throw wrongOption(key, options, 'an object');
  for (const given of Object.keys(options))
    if (!KEYS.includes(given as (typeof KEYS)[number]))
      throw new PoolError(
        'CONFIG',
        `pool option ${key}.${given} does not exist; did you mean ${key}.${nearestWord(given, KEYS)}?`,
      );
  const { reserved = 0, max = Infinity, weight = 1 } = options as { readonly [K in (typeof KEYS)[number]]?: unknown };
  if (!isCount(reserved, 0)) throw wrongOption(`${key}.reserved`, reserved, `a whole number from 0 to ${MOST_LEASES}`);
  const least = Math.max(1, reserved);
  if (options['max'] !== undefined && !isCount(max, least))
    throw wrongOption(
      `${key}.max`,
      max,
      `a whole number from ${least}${reserved > 0 ? ', which is reserved,' : ''} to ${MOST_LEASES}`,
    );
  if (typeof weight !== 'number' || !(weight >= 0.01 && weight <= 1_000))
    throw wrongOption(`${key}.weight`, weight, 'a number from 0.01 to 1000');
  return Object.freeze({ reserved, max: max as number, weight });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown, least: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= MOST_LEASES;
}

/** The `CONFIG` error for a budget that callers named and that does not exist. */
export function unknownBudget(name: unknown, known: readonly string[]): PoolError {
  const hint =
    known.length === 0
      ? 'the pool has no budgets'
      : `did you mean ${typeof name === 'string' ? nearestWord(name, known) : (known[0] ?? '')}?`;
  return new PoolError('CONFIG', `budget ${inWords(name)} does not exist; ${hint}`);
}

import { DATABASE_NAME_IN_WORDS, isDatabaseName } from '../config/database-name.ts';
import { DatabaseError } from '../errors.ts';

/** Throws `CONFIG` for a budget that is not named like a database: names are shown by other processes. The rest is checked by the pool. */
export function checkBudgetNames(budgets: unknown, database?: string): void {
  if (typeof budgets !== 'object' || budgets === null) return;
  const wrong = Object.keys(budgets).find((name) => !isDatabaseName(name));
  if (wrong === undefined) return;
  throw new DatabaseError('CONFIG', `${JSON.stringify(wrong)} is no name of a budget`, {
    ...(database === undefined ? {} : { database }),
    advice: `use ${DATABASE_NAME_IN_WORDS}`,
  });
}

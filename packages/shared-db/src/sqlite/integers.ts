import { DatabaseError } from '../errors.ts';
import type { Row, SqlValue } from '../driver/driver.ts';

/**
 * How integers come out. `safe`: as numbers, and one beyond 2^53 throws instead of being silently wrong. `bigint`: all as bigint.
 * `number`: all as numbers, rounded beyond 2^53.
 */
export type IntegerMode = 'safe' | 'bigint' | 'number';

/** Whether a row holds a number that may have lost digits. A REAL beyond 2^53 looks the same, hence "may". */
export type Suspicion = (row: Row) => boolean;

/**
 * Makes the check for rows with these columns. It is compiled, because a loop over the names costs a tenth of reading the row and
 * the compiled one a hundredth; where compiling is forbidden the loop does.
 */
export function suspicionFor(columns: readonly string[]): Suspicion {
  const checks = columns.map(
    (name) => `v=row[${JSON.stringify(name)}];if(typeof v==='number'&&!(v<=M&&v>=-M))return true;`,
  );
  try {
    // The names are JSON literals, and the rest is constant.
    return new Function('row', `const M=${Number.MAX_SAFE_INTEGER};let v;${checks.join('')}return false;`) as Suspicion;
  } catch {
    return (row) => columns.some((name) => isSuspicious(row[name]));
  }
}

function isSuspicious(value: SqlValue | undefined): boolean {
  return typeof value === 'number' && !(value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER);
}

/** Turns a row that was read with bigints into one with numbers, or throws when that would lose digits. */
export function toSafeNumbers(row: Record<string, SqlValue>): Row {
  for (const [name, value] of Object.entries(row)) {
    if (typeof value !== 'bigint') continue;
    const number = Number(value);
    if (!Number.isSafeInteger(number))
      throw new DatabaseError('WRONG_USE', `column ${name} holds an integer beyond 2^53, which a number cannot hold`, {
        advice: "open the database with integers: 'bigint', or with 'number' to accept rounding",
      });
    row[name] = number;
  }
  return row;
}

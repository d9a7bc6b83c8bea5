import { DatabaseError } from '../errors.ts';
import type { Row, SqlValue } from '../driver/driver.ts';

/**
 * How integers come out. `safe`: as numbers, and one beyond 2^53 throws instead of being silently wrong. `bigint`: all as bigint.
 * `number`: all as numbers, rounded beyond 2^53.
 */
export type IntegerMode = 'safe' | 'bigint' | 'number';

/** A column of a result: its name, and the declared type when it is simply a column of a table. */
export interface ResultColumn {
  readonly name: string;
  readonly type: string | null;
}

/** Whether what was read holds a number that may have lost digits. A REAL beyond 2^53 looks the same, hence "may". */
export interface Suspicion {
  /** For one row: an array around it would be half of what the check costs. */
  readonly ofRow: (row: Row) => boolean;
  readonly ofRows: (rows: readonly Row[]) => boolean;
}

/**
 * Makes the check for rows with these columns; undefined when none of them can hold an integer. `mayGrow` says that the statement may
 * get more columns when somebody changes the schema: rows of another width are suspicious too. The check is compiled, because a loop
 * over names costs a tenth of reading the rows and the compiled one a hundredth. The engine compiles its rows in the same way.
 */
export function suspicionFor(columns: readonly ResultColumn[], mayGrow: boolean): Suspicion | undefined {
  const names = columns.filter(mayHoldIntegers).map(({ name }) => name);
  if (names.length === 0 && !mayGrow) return undefined;
  const width = mayGrow ? new Set(columns.map(({ name }) => name)).size : undefined;
  return compiled(names, width);
}

/** The names are JSON literals and the rest is constant: nothing of the data is ever code. */
function compiled(names: readonly string[], width: number | undefined): Suspicion {
  const largest = `const M=${Number.MAX_SAFE_INTEGER};let v;`;
  // Counting makes no array: for a single row that is what the check costs.
  const grown = width === undefined ? '' : `let n=0;for(const k in row)n++;if(n!==${width})return true;`;
  const large = names
    .map((name) => `v=row[${JSON.stringify(name)}];if(typeof v==='number'&&!(v<=M&&v>=-M))return true;`)
    .join('');
  const first = grown === '' ? '' : `if(rows.length>0){const row=rows[0];${grown}}`;
  const loop = large === '' ? '' : `for(let i=0;i<rows.length;i++){const row=rows[i];${large}}`;
  return {
    // oxlint-disable-next-line typescript/no-implied-eval -- see above
    ofRow: new Function('row', `${largest}${grown}${large}return false;`) as Suspicion['ofRow'],
    // oxlint-disable-next-line typescript/no-implied-eval -- see above
    ofRows: new Function('rows', `${largest}${first}${loop}return false;`) as Suspicion['ofRows'],
  };
}

/** SQLite turns every integer in a column of text or real affinity into that (sqlite.org/datatype3.html, section 3.1). */
function mayHoldIntegers({ type }: ResultColumn): boolean {
  return type === null || /INT/i.test(type) || !/CHAR|CLOB|TEXT|REAL|FLOA|DOUB/i.test(type);
}

/** Turns a row that was read with bigints into one with numbers, or throws when that would lose digits. */
export function toSafeNumbers(row: Row): Row {
  for (const [name, value] of Object.entries(row)) {
    if (typeof value !== 'bigint') continue;
    const number = Number(value);
    if (!Number.isSafeInteger(number))
      throw new DatabaseError('WRONG_USE', `column ${name} holds an integer beyond 2^53, which a number cannot hold`, {
        advice: "open the database with integers: 'bigint', or with 'number' to accept rounding",
      });
    (row as Record<string, SqlValue>)[name] = number;
  }
  return row;
}

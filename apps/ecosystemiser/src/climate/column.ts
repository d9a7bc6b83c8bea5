/** One number for every hour of a year, to read and not to write: the language cannot freeze an array of doubles, the type does. */
export interface Column extends Iterable<number> {
  readonly length: number;
  readonly [hour: number]: number;
}

/** The value of an hour. An hour outside the column is a bug of the caller. */
export function valueAt(column: Column, hour: number): number {
  const value = column[hour];
  if (value === undefined) throw new Error(`BUG: hour ${hour} is outside a column of ${column.length} hours`);
  return value;
}

import type { Row, SqlValue } from '../driver/driver.ts';
import type { RowShape } from './row-shape.ts';

/** What one column of packed rows is made of. Numbers, because they cross threads. */
const NUMBERS = 0;
const TEXTS = 1;
const INTEGERS = 2;
const VALUES = 3;
type ColumnKind = typeof NUMBERS | typeof TEXTS | typeof INTEGERS | typeof VALUES;

/** One column of values that lie row by row. */
interface Column {
  readonly values: readonly SqlValue[];
  readonly first: number;
  readonly width: number;
  readonly count: number;
}

/** The length of a text that is NULL. SQLite's longest text is a gigabyte. */
const NULL_LENGTH = 0xff_ff_ff_ff;

/**
 * Rows on their way to another thread, column by column: all numbers and lengths in one buffer that changes hands without being copied,
 * the texts of a column joined to one. Crossing costs some microseconds where rows as objects cost a millisecond a thousand.
 */
export interface PackedRows {
  readonly count: number;
  readonly kinds: readonly ColumnKind[];
  /** Eight bytes for each value of NUMBERS and INTEGERS, four for each length of TEXTS, in the order of the columns that have them. */
  readonly buffer: ArrayBuffer;
  /** For each column of TEXTS one text, for each of VALUES a list. */
  readonly others: readonly (string | SqlValue[])[];
}

/**
 * Packs rows of one result, given as their values in a row. Nothing is lost: the engine knows no NaN, so that stands for NULL among
 * numbers, and a column that is neither all numbers, all texts nor all bigints, but for NULL, travels as it is.
 */
export function packRows(values: readonly SqlValue[], width: number, count: number): PackedRows {
  const columns = Array.from({ length: width }, (_, first): Column => ({ values, first, width, count }));
  const kinds = columns.map(kindOf);
  const buffer = new ArrayBuffer(sizeOf(kinds, count));
  const others: (string | SqlValue[])[] = [];
  let at = 0;
  columns.forEach((column, index) => {
    switch (kinds[index]) {
      case NUMBERS:
        packNumbers(column, new Float64Array(buffer, at, count));
        at += count * 8;
        break;
      case INTEGERS:
        packIntegers(column, new BigInt64Array(buffer, at, count));
        at += count * 8;
        break;
      case TEXTS:
        others.push(packTexts(column, new Uint32Array(buffer, at, count)));
        at += paddedLengths(count);
        break;
      default:
        others.push(Array.from({ length: count }, (_, row) => values[row * width + column.first] ?? null));
    }
  });
  return { count, kinds, buffer, others };
}

/** Makes the rows again, for the shape that they were packed with. */
export function unpackRows({ count, kinds, buffer, others }: PackedRows, shape: RowShape): Row[] {
  let at = 0;
  let other = 0;
  const columns = kinds.map((kind): ArrayLike<SqlValue> => {
    const from = at;
    switch (kind) {
      case NUMBERS:
        at += count * 8;
        return numbersOf(new Float64Array(buffer, from, count));
      case INTEGERS:
        at += count * 8;
        return new BigInt64Array(buffer, from, count);
      case TEXTS:
        at += paddedLengths(count);
        return textsOf(others[other++] as string, new Uint32Array(buffer, from, count));
      case VALUES:
        return asBuffers(others[other++] as SqlValue[]);
    }
  });
  return shape.rowsOfColumns(columns, count);
}

/** Blobs as the engine gives them: crossing threads has made plain arrays of bytes of them. Changes the list. */
export function asBuffers(values: SqlValue[]): SqlValue[] {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'object' && value !== null)
      values[i] = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
  return values;
}

function sizeOf(kinds: readonly ColumnKind[], count: number): number {
  const bytes = kinds.map((kind) => (kind === VALUES ? 0 : kind === TEXTS ? paddedLengths(count) : count * 8));
  return bytes.reduce((sum, size) => sum + size, 0);
}

/** Rounded up, so that what comes behind them is aligned. */
function paddedLengths(count: number): number {
  return (count + (count & 1)) * 4;
}

function kindOf({ values, first, width, count }: Column): ColumnKind {
  let type = '';
  let nulls = false;
  for (let i = 0, at = first; i < count; i++, at += width) {
    const value = values[at];
    if (value === null) nulls = true;
    else if (type === '') type = typeof value;
    else if (typeof value !== type) return VALUES;
  }
  if (type === 'number') return NUMBERS;
  if (type === 'string') return TEXTS;
  return type === 'bigint' && !nulls ? INTEGERS : VALUES;
}

function packNumbers({ values, first, width, count }: Column, into: Float64Array): void {
  for (let i = 0, at = first; i < count; i++, at += width) into[i] = (values[at] as number | null) ?? Number.NaN;
}

function packIntegers({ values, first, width, count }: Column, into: BigInt64Array): void {
  for (let i = 0, at = first; i < count; i++, at += width) into[i] = values[at] as bigint;
}

function packTexts({ values, first, width, count }: Column, lengths: Uint32Array): string {
  let joined = '';
  for (let i = 0, at = first; i < count; i++, at += width) {
    const text = values[at] as string | null;
    lengths[i] = text === null ? NULL_LENGTH : text.length;
    if (text !== null) joined += text;
  }
  return joined;
}

/** As they are where none is NULL, which is most of the time. */
function numbersOf(numbers: Float64Array): ArrayLike<SqlValue> {
  for (const number of numbers) if (number !== number) return Array.from(numbers, nullForNaN);
  return numbers;
}

function nullForNaN(number: number): number | null {
  return Number.isNaN(number) ? null : number;
}

function textsOf(joined: string, lengths: Uint32Array): (string | null)[] {
  const texts = new Array<string | null>(lengths.length);
  let from = 0;
  for (let i = 0; i < lengths.length; i++) {
    const length = lengths[i] ?? 0;
    if (length === NULL_LENGTH) {
      texts[i] = null;
      continue;
    }
    texts[i] = joined.slice(from, from + length);
    from += length;
  }
  return texts;
}

import type { Row, SqlValue } from '../driver/driver.ts';
import { NULL_LENGTH, type ColumnOfRows } from './column-of-rows.ts';
import { INTEGERS, NUMBERS, TEXTS, VALUES, type ColumnKind, type PackedColumn } from './packed-column.ts';
import type { RowShape } from './row-shape.ts';

/** What a column has in the buffer for each row, whether it needs that or less: where one begins then needs no telling. */
const BYTES_PER_VALUE = 8;

/**
 * Rows on their way to another thread, column by column: all numbers and lengths in one buffer that changes hands without being copied,
 * the texts of a column joined to one. Crossing costs some microseconds where rows as objects cost a millisecond a thousand.
 */
export interface PackedRows {
  readonly count: number;
  readonly kinds: readonly ColumnKind[];
  /** For each column the values of NUMBERS and INTEGERS, the lengths of TEXTS, and nothing of VALUES. */
  readonly buffer: ArrayBuffer;
  /** For each column of TEXTS one text, for each of VALUES a list. */
  readonly others: readonly (string | SqlValue[])[];
}

/** A part of a large result: packages lie in a channel of their own, and not all that were sent are asked for. */
export interface Package {
  /** Of which request. */
  readonly request: number;
  readonly rows: PackedRows;
}

/**
 * Packs rows of one result. Nothing is lost: the engine knows no NaN, so that stands for NULL among numbers, and a column that is
 * neither all numbers or all texts, but for NULL, nor all bigints travels as it is.
 */
export function packRows(rows: readonly Row[], { columns }: RowShape): PackedRows {
  const count = rows.length;
  const buffer = new ArrayBuffer(columns.length * count * BYTES_PER_VALUE);
  const others: (string | SqlValue[])[] = [];
  const kinds = columns.map((column, index): ColumnKind => {
    const at = index * count * BYTES_PER_VALUE;
    return packAlike(rows, column, { buffer, at, others }) ?? packAsTheyAre(rows, column, others);
  });
  return { count, kinds, buffer, others };
}

/** Goes by the first value that is not NULL; undefined where the others are not like it. */
function packAlike(
  rows: readonly Row[],
  column: ColumnOfRows,
  {
    buffer,
    at,
    others,
  }: Pick<PackedRows, 'buffer'> & { readonly at: number; readonly others: (string | SqlValue[])[] },
): ColumnKind | undefined {
  const sample = column.sample(rows);
  // All of them NULL: as numbers, so that a column with few values is packed alike most of the time.
  if (sample === undefined || typeof sample === 'number')
    return column.numbers(rows, new Float64Array(buffer, at, rows.length)) ? NUMBERS : undefined;
  if (typeof sample === 'bigint')
    return column.integers(rows, new BigInt64Array(buffer, at, rows.length)) ? INTEGERS : undefined;
  if (typeof sample !== 'string') return undefined;
  const joined = column.texts(rows, new Uint32Array(buffer, at, rows.length));
  if (joined === undefined) return undefined;
  others.push(joined);
  return TEXTS;
}

function packAsTheyAre(rows: readonly Row[], { name }: ColumnOfRows, others: (string | SqlValue[])[]): ColumnKind {
  others.push(rows.map((row) => row[name] ?? null));
  return VALUES;
}

/** Makes the rows again, for the shape that they were packed with. */
export function unpackRows({ count, kinds, buffer, others }: PackedRows, shape: RowShape): Row[] {
  let other = 0;
  const columns = kinds.map((kind, index): PackedColumn => {
    const at = index * count * BYTES_PER_VALUE;
    switch (kind) {
      case NUMBERS:
        return { values: new Float64Array(buffer, at, count), lengths: undefined };
      case INTEGERS:
        return { values: new BigInt64Array(buffer, at, count), lengths: undefined };
      case TEXTS:
        return { values: others[other++] as string, lengths: new Uint32Array(buffer, at, count) };
      case VALUES:
      default:
        return { values: asBuffers(others[other++] as SqlValue[]), lengths: undefined };
    }
  });
  const unpacked = shape.unpacker(kinds)?.(columns, count);
  return unpacked ?? shape.rowsOfColumns(columns.map(listOf), count);
}

/** One value for each row. */
function listOf({ values, lengths }: PackedColumn): ArrayLike<SqlValue> {
  if (typeof values === 'string') return textsOf(values, lengths ?? new Uint32Array());
  return values instanceof Float64Array ? numbersOf(values) : values;
}

/** As they are where none is NULL, which is most of the time. */
function numbersOf(numbers: Float64Array): ArrayLike<SqlValue> {
  for (const number of numbers)
    if (Number.isNaN(number)) return Array.from(numbers, (one) => (Number.isNaN(one) ? null : one));
  return numbers;
}

function textsOf(joined: string, lengths: Uint32Array): (string | null)[] {
  const texts: (string | null)[] = [];
  let from = 0;
  for (const length of lengths) {
    if (length === NULL_LENGTH) {
      texts.push(null);
      continue;
    }
    texts.push(joined.slice(from, from + length));
    from += length;
  }
  return texts;
}

/** Blobs as the engine gives them: crossing threads has made plain arrays of bytes of them. Changes the list. */
export function asBuffers<T>(values: T[]): T[] {
  for (let i = 0; i < values.length; i++) {
    const value: unknown = values[i];
    if (value instanceof Uint8Array)
      values[i] = Buffer.from(value.buffer, value.byteOffset, value.byteLength) as unknown as T;
  }
  return values;
}

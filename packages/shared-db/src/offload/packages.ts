import type { Row, SqlValue } from '../driver/driver.ts';
import { packRows, type PackedRows } from './packed-rows.ts';
import type { RowShape } from './row-shape.ts';

/** Values of one package: the main thread takes some twenty microseconds to unpack so many, and does nothing else meanwhile. */
const VALUES_PER_PACKAGE = 2_000;
/** Characters and bytes of one package, unless one row has more: whoever keeps a part of a text keeps all texts of its column there. */
const MOST_PER_PACKAGE = 256 * 1_024;

/** A large result in parts, each of which is unpacked in a turn of its own. */
export function* packagesOf(rows: readonly Row[], shape: RowShape): Generator<PackedRows> {
  const most = Math.max(1, Math.floor(VALUES_PER_PACKAGE / shape.names.length));
  for (let from = 0; from < rows.length; from += most)
    yield* partsOf(rows.length <= most ? rows : rows.slice(from, from + most), shape);
}

function* partsOf(rows: readonly Row[], shape: RowShape): Generator<PackedRows> {
  const packed = packedIfItFits(rows, shape);
  if (packed !== undefined && (rows.length === 1 || lengthOf(packed) <= MOST_PER_PACKAGE)) {
    yield packed;
    return;
  }
  const half = rows.length >> 1;
  yield* partsOf(rows.slice(0, half), shape);
  yield* partsOf(rows.slice(half), shape);
}

/** Undefined where texts of several rows are longer together than a text may be. */
function packedIfItFits(rows: readonly Row[], shape: RowShape): PackedRows | undefined {
  try {
    return packRows(rows, shape);
  } catch (error) {
    if (rows.length > 1 && error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Characters of its texts and bytes of its blobs. */
function lengthOf({ others }: PackedRows): number {
  return others.reduce((sum, other) => sum + (typeof other === 'string' ? other.length : bytesOf(other)), 0);
}

function bytesOf(values: readonly SqlValue[]): number {
  return values.reduce<number>((sum, value) => sum + lengthOfValue(value), 0);
}

function lengthOfValue(value: SqlValue): number {
  return typeof value === 'string' ? value.length : value instanceof Uint8Array ? value.byteLength : 0;
}

import type { Row, SqlValue } from '../driver/driver.ts';
import { ColumnOfRows } from './column-of-rows.ts';
import { unpackedValue, unpackingBegins, type ColumnKind, type PackedColumn } from './packed-column.ts';

/** Makes `count` rows of packed columns. */
type Unpacker = (columns: readonly PackedColumn[], count: number) => Row[];

/** Of a wider result it is no quicker. */
const WIDEST_UNPACKED = 32;
/** How many ways of packing one shape are remembered: most have one, and sparse columns make each package another. */
const MOST_UNPACKERS = 16;

/**
 * The columns of a result, and what takes rows apart and puts them together again: compiled, because a loop over names costs several
 * times as much. The engine compiles its rows in the same way, so those that are put together here are like its own.
 */
export class RowShape {
  /** In the order in which a row has them. */
  readonly names: readonly string[];
  /** Adds the values of rows to a list, one row after the other. */
  readonly flatten: (rows: readonly Row[], values: SqlValue[]) => void;
  /** Makes `count` rows of the values that begin at `from`. */
  readonly rows: (values: readonly SqlValue[], from: number, count: number) => Row[];
  /** Makes `count` rows of one list of values for each column. */
  readonly rowsOfColumns: (columns: readonly ArrayLike<SqlValue>[], count: number) => Row[];
  /** Of a way of packing that has been met once, undefined. */
  readonly #unpackers = new Map<string, Unpacker | undefined>();
  #columns: readonly ColumnOfRows[] | undefined;

  constructor(names: readonly string[]) {
    this.names = names;
    // The names are JSON literals and the rest is constant: nothing of the data is ever code.
    const keys = names.map((name) => `[${JSON.stringify(name)}]`);
    const pushed = keys.map((key) => `r${key}`).join(',');
    this.flatten = compiled(
      ['rows', 'values'],
      `for(let i=0;i<rows.length;i++){const r=rows[i];values.push(${pushed});}`,
    );
    const flat = literal(names, (index) => `values[at+${index}]`);
    this.rows = compiled(
      ['values', 'from', 'count'],
      `const rows=new Array(count);for(let i=0,at=from;i<count;i++,at+=${names.length})rows[i]=${flat};return rows;`,
    );
    const lists = names.map((_, index) => `const c${index}=columns[${index}];`).join('');
    const packed = literal(names, (index) => `c${index}[i]`);
    this.rowsOfColumns = compiled(
      ['columns', 'count'],
      `${lists}const rows=new Array(count);for(let i=0;i<count;i++)rows[i]=${packed};return rows;`,
    );
  }

  /**
   * What makes rows of columns of these kinds in one loop, where the values are taken from where they lie: it takes half of the time of a
   * loop for each column. Undefined where that is not worth compiling it: of a wide result, and before they are met a second time.
   */
  unpacker(kinds: readonly ColumnKind[]): Unpacker | undefined {
    if (kinds.length > WIDEST_UNPACKED) return undefined;
    const key = kinds.join('');
    let unpacker = this.#unpackers.get(key);
    if (unpacker !== undefined) return unpacker;
    if (this.#unpackers.has(key)) unpacker = this.#compiledFor(kinds);
    else if (this.#unpackers.size >= MOST_UNPACKERS) return undefined;
    this.#unpackers.set(key, unpacker);
    return unpacker;
  }

  #compiledFor(kinds: readonly ColumnKind[]): Unpacker {
    const begins = kinds.map((_, index) => unpackingBegins(index)).join('');
    const row = literal(this.names, (index) => unpackedValue(kinds[index] as ColumnKind, index));
    return compiled(
      ['columns', 'count'],
      `${begins}let v;const rows=new Array(count);for(let i=0;i<count;i++)rows[i]=${row};return rows;`,
    );
  }

  /** To read them out one by one. Made when they are first asked for: only what packs rows needs them. */
  get columns(): readonly ColumnOfRows[] {
    this.#columns ??= this.names.map((name) => new ColumnOfRows(name));
    return this.#columns;
  }

  /** Whether a row of the same statement has these columns still: somebody may have changed the schema. */
  fits(row: Row): boolean {
    let index = 0;
    for (const name in row) if (name !== this.names[index++]) return false;
    return index === this.names.length;
  }
}

/** The same way of writing as the engine's: rows of both have one hidden class and are as quick to use. */
function literal(names: readonly string[], value: (index: number) => string): string {
  return `({${names.map((name, index) => `${JSON.stringify(name)}:${value(index)}`).join(',')}})`;
}

function compiled<F>(parameters: readonly string[], body: string): F {
  // oxlint-disable-next-line typescript/no-implied-eval -- the names in it are JSON literals, see above
  return new Function(...parameters, body) as F;
}

import type { SqlValue } from '../driver/driver.ts';
import { NULL_LENGTH } from './column-of-rows.ts';

/** What one column of packed rows is made of. Numbers, because they cross threads. */
export const NUMBERS = 0;
export const TEXTS = 1;
export const INTEGERS = 2;
export const VALUES = 3;
export type ColumnKind = typeof NUMBERS | typeof TEXTS | typeof INTEGERS | typeof VALUES;

/** One column of packed rows, as it has arrived. */
export interface PackedColumn {
  /** One for each row; of TEXTS, all of them joined. */
  readonly values: ArrayLike<SqlValue> | string;
  /** Of TEXTS: how long each is. */
  readonly lengths: Uint32Array | undefined;
}

/** What is declared before the loop over rows in which `unpackedValue` stands, for the column of that index among `columns`. */
export function unpackingBegins(index: number): string {
  return `const c${index}=columns[${index}].values,l${index}=columns[${index}].lengths;let a${index}=0;`;
}

/** The value of row `i`, in words of JavaScript that may use `v`. The engine knows no NaN, so that stands for NULL among numbers. */
export function unpackedValue(kind: ColumnKind, index: number): string {
  switch (kind) {
    case NUMBERS:
      return `(v=c${index}[i])===v?v:null`;
    case TEXTS:
      return `(v=l${index}[i])===${NULL_LENGTH}?null:c${index}.slice(a${index},a${index}+=v)`;
    case INTEGERS:
    case VALUES:
    default:
      return `c${index}[i]`;
  }
}

import type { Row, SqlValue } from '../driver/driver.ts';

/** The length of a text that is NULL. SQLite's longest text is a gigabyte. */
export const NULL_LENGTH = 0xff_ff_ff_ff;

/** One column of rows, read out by loops that are compiled for its name: they take a third of the time of those that are not. */
export class ColumnOfRows {
  readonly name: string;
  /** Each gives up at the first value that is another kind; what it has written by then is of no use. */
  readonly numbers: (rows: readonly Row[], into: Float64Array) => boolean;
  readonly integers: (rows: readonly Row[], into: BigInt64Array) => boolean;
  /** All of them joined, their lengths by themselves. */
  readonly texts: (rows: readonly Row[], lengths: Uint32Array) => string | undefined;

  constructor(name: string) {
    this.name = name;
    this.numbers = loop(
      name,
      `if(typeof v==='number')into[i]=v;else if(v===null)into[i]=NaN;else return false;`,
      'return true;',
    );
    this.integers = loop(name, `if(typeof v==='bigint')into[i]=v;else return false;`, 'return true;');
    this.texts = loop(
      name,
      `if(typeof v==='string'){into[i]=v.length;joined+=v;}else if(v===null)into[i]=${NULL_LENGTH};else return undefined;`,
      'return joined;',
    );
  }

  /** The first value that is not NULL. */
  sample(rows: readonly Row[]): SqlValue | undefined {
    return rows.find((row) => row[this.name] !== null)?.[this.name];
  }
}

function loop<F>(name: string, body: string, end: string): F {
  const source = `let joined='';for(let i=0;i<rows.length;i++){const v=rows[i][${JSON.stringify(name)}];${body}}${end}`;
  // oxlint-disable-next-line typescript/no-implied-eval -- the name is a JSON literal and the rest is constant: no data is ever code
  return new Function('rows', 'into', source) as F;
}

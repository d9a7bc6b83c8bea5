import { isDeepStrictEqual } from 'node:util';
import { systemClock } from '@hive/shared-db';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packagesOf } from '../../dist/offload/packages.js';
import { packRows, unpackRows, type Package } from '../../dist/offload/packed-rows.js';
import { RowShape } from '../../dist/offload/row-shape.js';
import { Unpacking } from '../../dist/offload/unpacking.js';
import { replay } from '../support/replay.ts';

type Row = Readonly<Record<string, null | number | bigint | string | Uint8Array>>;

const number = fc.double({ noNaN: true });
const integer = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.string({
  unit: fc.oneof(fc.constantFrom('', '\0', 'ÿ', 'Ā', '\u{1F600}'), fc.string({ maxLength: 2 })),
});
const blob = fc.uint8Array().map((bytes) => Buffer.from(bytes));
const nothing = fc.constant(null);
/** Most columns are alike; some have everything in them. */
const column = fc.constantFrom(
  number,
  integer,
  text,
  blob,
  nothing,
  fc.option(number),
  fc.option(integer),
  fc.option(text),
  fc.option(blob),
  fc.oneof(number, integer, text, blob, nothing),
);
const name = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('1', 'a"b', '\\', "');", '\u2028', 'constructor'));
const rows = fc
  .uniqueArray(
    name.filter((one) => one !== '__proto__'),
    { minLength: 1, maxLength: 6 },
  )
  .chain((names) =>
    fc.tuple(fc.constant(names), fc.array(column, { minLength: names.length, maxLength: names.length })),
  )
  .chain(([names, columns]) =>
    fc
      .array(fc.tuple(...columns), { minLength: 1, maxLength: 20 })
      .map((lists) =>
        lists.map((values): Row => Object.fromEntries(names.map((one, index) => [one, values[index] ?? null]))),
      ),
  );

/** Whether rows are the same on the other side. */
function crossed(given: readonly Row[], shape: RowShape): boolean {
  const packed = packRows(given, shape);
  const arrived = structuredClone(packed, { transfer: [packed.buffer] });
  return isDeepStrictEqual(unpackRows(arrived, shape), given);
}

describe('rows on their way to another thread', () => {
  it('are the same when they have been packed, have crossed, and have been unpacked', () => {
    fc.assert(
      fc.property(rows, (given) => {
        const shape = new RowShape(Object.keys(given[0] ?? {}));
        // What comes again is unpacked in another way.
        for (let time = 0; time < 3; time++) expect(crossed(given, shape)).toBe(true);
      }),
      replay({ numRuns: 500 }),
    );
  });

  it('are the same when each package is packed in another way, and when they are wide', () => {
    const wide = Array.from({ length: 200 }, (_, index) => `column ${index}`);
    for (const names of [wide, wide.slice(0, 12)]) {
      const shape = new RowShape(names);
      for (let packages = 0; packages < 60; packages++) {
        const kindOf = (index: number): null | number | string =>
          [null, index, `text ${packages}`][(index * packages) % 3] ?? null;
        const row = Object.fromEntries(names.map((one, index) => [one, kindOf(index)]));
        expect(crossed([row, row], shape)).toBe(true);
      }
    }
  });

  it('are the same when their values are sent in a row', () => {
    fc.assert(
      fc.property(rows, (given) => {
        const shape = new RowShape(Object.keys(given[0] ?? {}));
        const values: Row[string][] = [null];
        shape.flatten(given, values);
        expect(isDeepStrictEqual(shape.rows(values, 1, given.length), given)).toBe(true);
      }),
      replay({ numRuns: 200 }),
    );
  });

  it('travel as few large things: a thousand numbers and texts are one buffer and one text', () => {
    const given = Array.from({ length: 1_000 }, (_, id) => ({ id, name: `name ${id}` }));
    const { kinds, others, buffer } = packRows(given, new RowShape(['id', 'name']));
    expect({ kinds, others: others.length, bytes: buffer.byteLength }).toEqual({
      kinds: [0, 1],
      others: 1,
      bytes: 16_000,
    });
  });
});

describe('the shape of a row', () => {
  it('fits rows with the same columns in the same order and no others', () => {
    const shape = new RowShape(['a', 'b']);
    expect(shape.fits({ a: 1, b: 2 })).toBe(true);
    expect(shape.fits({ b: 2, a: 1 })).toBe(false);
    expect(shape.fits({ a: 1 })).toBe(false);
    expect(shape.fits({ a: 1, b: 2, c: 3 })).toBe(false);
  });
});

describe('a result of many packages', () => {
  it('has fewer rows in each where their texts are longer together than a text may be', () => {
    // Joined they would be one character too long; nothing of it is ever written out.
    const text = 'x'.repeat(2 ** 27);
    const many = Array.from({ length: 5 }, (_, id) => ({ id, text }));
    const packages = Array.from(packagesOf(many, new RowShape(['id', 'text'])));
    expect(packages.map(({ count }) => count)).toEqual([1, 1, 1, 1, 1]);
  });

  it('never has packages of another that were sent before that one failed', async () => {
    const shape = new RowShape(['n']);
    const of = (request: number, n: number): Package => ({ request, rows: packRows([{ n }], shape) });
    const sent = [of(1, 10), of(1, 11), of(2, 20), of(2, 21)];
    const unpacking = new Unpacking(systemClock, () => sent.shift());
    const arrived = new Promise((resolve) => {
      unpacking.add(2, 2, shape, resolve);
    });
    expect(await arrived).toEqual([{ n: 20 }, { n: 21 }]);
  });
});

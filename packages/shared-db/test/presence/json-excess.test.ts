import { jsonExcess } from '@hive/shared-db/presence';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replay } from '../support/replay.ts';

/** As the parts of a text that is to be parsed: brackets within words are none. */
const word = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('[[[', '{"', '\\', '\\"', '"[', ']'));

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map((part) => depthOf(part)));
}

describe('JSON from outside', () => {
  it('is not too much when its depth is that of anything of ours, whatever its words hold', () => {
    const value = fc.oneof(word, fc.array(word), fc.dictionary(word, word), fc.jsonValue({ maxDepth: 5 }));
    fc.assert(
      fc.property(value, fc.array(fc.boolean(), { maxLength: 60 }), (innermost, layers) => {
        const whole = layers.reduce<unknown>((inner, isList) => (isList ? [inner] : { '[': inner }), innermost);
        const expected = depthOf(whole) > 32 ? 'is nested too deeply' : undefined;
        expect(jsonExcess(Buffer.from(JSON.stringify(whole)))).toBe(expected);
      }),
      replay({ numRuns: 500 }),
    );
  });

  it('is judged without an exception, whatever its bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (given) => {
        expect([undefined, 'is nested too deeply']).toContain(jsonExcess(given));
      }),
      replay(),
    );
  });

  it('is too much where it is nothing but brackets', () => {
    for (const piece of ['[', '{"a":', '{'])
      expect(jsonExcess(Buffer.from(piece.repeat(100_000)))).toBe('is nested too deeply');
    for (const piece of ['[],', '{},', '{"a":1},'])
      expect(jsonExcess(Buffer.from(`[${piece.repeat(100_000)}0]`))).toBe('has too many parts for its length');
  });

  it('may have as many parts as our longest lists, which are of small objects', () => {
    const buckets = Array.from({ length: 50_000 }, () => ({ leMs: 1, count: 1 }));
    expect(jsonExcess(Buffer.from(JSON.stringify({ buckets })))).toBeUndefined();
    expect(jsonExcess(Buffer.from(JSON.stringify(Array.from({ length: 9_000 }, () => ({})))))).toBeUndefined();
  });
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram, quantileMs } from '@hive/pool';
import { replay } from './support/replay.ts';

const HOURS_38 = (2 ** 37 - 1) / 1_000;

function recorded(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe('a histogram', () => {
  it('is empty at first', () => {
    const snapshot = new Histogram().snapshot();
    expect(snapshot).toEqual({ count: 0, sumMs: 0, maxMs: 0, buckets: [] });
    expect(quantileMs(snapshot, 0.99)).toBe(0);
  });

  it('knows every quantile to one part in eight, or to a microsecond', () => {
    const duration = fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1_000, noNaN: true }),
      fc.double({ min: 0, max: HOURS_38, noNaN: true }),
    );
    fc.assert(
      fc.property(
        fc.array(duration, { minLength: 1, maxLength: 200 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, q) => {
          const sorted = values.toSorted((a, b) => a - b);
          const exact = sorted[Math.max(0, Math.ceil(q * values.length) - 1)] ?? 0;
          const found = quantileMs(recorded(values).snapshot(), q);
          expect(found).toBeGreaterThanOrEqual(exact * (1 - 1e-12));
          expect(found).toBeLessThanOrEqual(exact * 1.125 + 0.001 + 1e-9);
        },
      ),
      replay({ numRuns: 2_000 }),
    );
  });

  it('never says more than the largest value', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), (values) => {
        expect(quantileMs(recorded(values).snapshot(), 1)).toBe(Math.max(...values));
      }),
      replay(),
    );
  });

  it('counts each value in exactly one bucket, below its bound and not below the bound before', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: HOURS_38, noNaN: true }), { minLength: 1 }), (values) => {
        const { count, sumMs, maxMs, buckets } = recorded(values).snapshot();
        expect(count).toBe(values.length);
        expect(sumMs).toBeCloseTo(
          values.reduce((sum, value) => sum + value, 0),
          3,
        );
        expect(maxMs).toBe(Math.max(...values));
        let below = 0;
        for (const bucket of buckets) {
          below += bucket.count;
          expect(values.filter((value) => value * 1_000 < bucket.leMs * 1_000).length).toBe(below);
        }
        expect(below).toBe(values.length);
      }),
      replay(),
    );
  });

  it('takes one that stands for many as so many', () => {
    const one = new Histogram();
    one.record(3, 16);
    expect(one.snapshot()).toEqual(recorded(Array.from({ length: 16 }, () => 3)).snapshot());
  });

  it('takes a zero in either way', () => {
    const one = new Histogram();
    one.record(0);
    const other = new Histogram();
    other.recordZero();
    expect(other.snapshot()).toEqual(one.snapshot());
  });

  it('keeps what is longer than 38 hours in its last bucket', () => {
    const snapshot = recorded([1e9, 1e12]).snapshot();
    expect(snapshot).toMatchObject({ count: 2, maxMs: 1e12, buckets: [{ count: 2 }] });
  });
});

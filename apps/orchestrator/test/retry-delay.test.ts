import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_BACKOFF, retryDelayMs } from '../src/tasks/retry-delay.ts';

describe('the pause before a retry', () => {
  it('doubles with each attempt and lies between half and all of that', () => {
    expect([1, 2, 3, 4].map((attempt) => retryDelayMs(attempt, 0))).toEqual([500, 1_000, 2_000, 4_000]);
    expect([1, 2, 3, 4].map((attempt) => retryDelayMs(attempt, 0.999_999))).toEqual([1_000, 2_000, 4_000, 8_000]);
  });

  it('is a whole number of milliseconds within its limits for every attempt and draw', () => {
    const attempts = fc.integer({ min: 1, max: 2_000 });
    const draws = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(attempts, draws, (attempt, random) => {
        const ms = retryDelayMs(attempt, random);
        expect(Number.isInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(DEFAULT_BACKOFF.baseMs / 2);
        expect(ms).toBeLessThanOrEqual(DEFAULT_BACKOFF.capMs);
      }),
    );
  });
});

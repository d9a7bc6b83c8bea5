import { describe, expect, it } from 'vitest';
// By itself: what a group takes on a real disk cannot be told.
import { Pace } from '../../dist/lane/pace.js';

describe('the pace of a lane', () => {
  it('is not known before a group was full', () => {
    expect(new Pace().expectedMs(1_000, 5_000)).toBe(0);
  });

  it('is that of the first full group, and moves with those that follow', () => {
    const pace = new Pace();
    pace.learn(8, 4, 100);
    expect(pace.expectedMs(10, 100)).toBeCloseTo(20);
    pace.learn(64, 64, 110);
    expect(pace.expectedMs(10, 110)).toBeCloseTo(18);
    for (let n = 0; n < 50; n++) pace.learn(64, 64, 120 + n);
    expect(pace.expectedMs(10, 170)).toBeCloseTo(10, 1);
  });

  it('counts what goes by between two groups while others wait, but no single one of them for much', () => {
    const pace = new Pace();
    pace.learn(8, 8, 100);
    for (let n = 1; n <= 50; n++) pace.learn(8, 8, 100 + 32 * n, 32);
    expect(pace.expectedMs(10, 1_700)).toBeCloseTo(40, 0);
    pace.learn(8, 8, 2_500, 800);
    expect(pace.expectedMs(10, 2_500)).toBeLessThan(70);
  });

  it('is forgotten after a second', () => {
    const pace = new Pace();
    pace.learn(800, 4, 100);
    expect(pace.expectedMs(10, 1_100)).toBeCloseTo(2_000);
    expect(pace.expectedMs(10, 1_101)).toBe(0);
    pace.learn(8, 8, 5_000);
    expect(pace.expectedMs(10, 5_000)).toBeCloseTo(10);
  });
});

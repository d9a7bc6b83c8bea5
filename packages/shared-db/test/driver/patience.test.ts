import { describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '@hive/shared-db';
// By itself: how long somebody pauses shows nowhere else but in when he comes.
import { whenFree } from '../../dist/driver/patience.js';

/** Waits until the lock is free at the last of so many tries. The pauses between them, as the clock was asked for them. */
async function pausesOf(tries: number, random: () => number): Promise<readonly number[]> {
  const pauses: number[] = [];
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, callback) => {
      pauses.push(delayMs);
      return systemClock.after(0, callback);
    },
  };
  let tried = 0;
  await whenFree(
    () => {
      if (++tried < tries) throw new Error('taken');
    },
    {
      clock,
      random,
      deadline: Infinity,
      signal: undefined,
      isBusy: () => true,
      line: undefined,
      onBusy: () => undefined,
      slowMs: Infinity,
      onSlow: () => undefined,
      giveUp: () => Promise.reject(new Error('gave up')),
      aborted: () => new Error('aborted'),
    },
  );
  return pauses;
}

describe('who waits for a lock', () => {
  it('tries about once a millisecond, and not always at the same pace: fractions that no timer knows are none', async () => {
    const chances = Array.from({ length: 99 }, (_, n) => n / 99);
    const pauses = await pausesOf(100, () => chances.shift() ?? 0);
    // What a timer of the system makes of them.
    const lasted = pauses.map((ms) => Math.max(1, Math.trunc(ms)));
    expect(new Set(lasted)).toEqual(new Set([1, 2]));
    expect(lasted.reduce((sum, ms) => sum + ms, 0) / lasted.length).toBeLessThan(1.5);
  });
});

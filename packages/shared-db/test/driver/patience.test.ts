import { describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '@hive/shared-db';
// By itself: how long somebody pauses shows nowhere else but in when he comes.
import { whenFree, type Patience } from '../../dist/driver/patience.js';

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
    patienceOf(clock, random),
  );
  return pauses;
}

/** Of somebody who never gives up. */
function patienceOf(clock: Clock, random: () => number): Patience {
  return {
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
  };
}

/** What somebody does between his tries who is eager so often. */
async function stepsOf(eagerTries: number, tries: number): Promise<string> {
  const steps: string[] = [];
  const clock: Clock = {
    ...systemClock,
    nextTurn: (callback) => {
      steps.push('turn');
      systemClock.nextTurn(callback);
    },
    after: (_, callback) => {
      steps.push('pause');
      return systemClock.after(0, callback);
    },
  };
  let tried = 0;
  await whenFree(
    () => {
      if (++tried < tries) throw new Error('taken');
    },
    { ...patienceOf(clock, () => 0.5), eagerTries },
  );
  return steps.join(' ');
}

describe('who waits for a lock', () => {
  it('and knows that it is about to be free tries at each turn of the event loop, so often only', async () => {
    expect(await stepsOf(3, 6)).toBe('turn turn turn pause pause');
    expect(await stepsOf(0, 3)).toBe('pause pause');
  });

  it('tries about once a millisecond, and not always at the same pace: fractions that no timer knows are none', async () => {
    const chances = Array.from({ length: 99 }, (_, n) => n / 99);
    const pauses = await pausesOf(100, () => chances.shift() ?? 0);
    // What a timer of the system makes of them.
    const lasted = pauses.map((ms) => Math.max(1, Math.trunc(ms)));
    expect(new Set(lasted)).toEqual(new Set([1, 2]));
    expect(lasted.reduce((sum, ms) => sum + ms, 0) / lasted.length).toBeLessThan(1.5);
  });
});

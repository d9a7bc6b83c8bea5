import { VirtualClock } from '@hive/pool/testing';
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

/** How often somebody who is eager for 3 ms has tried at turns of the event loop, of which each takes as long, before he pauses. */
async function eagerTries(turnMs: number): Promise<number> {
  const clock = new VirtualClock();
  const slow: Clock = {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    turns: () => clock.turns(),
    nextTurn: (callback) => {
      turns++;
      clock.after(turnMs, callback);
    },
    after: (delayMs, callback) => {
      expect(delayMs).toBeGreaterThanOrEqual(1);
      isPausing = true;
      return clock.after(delayMs, callback);
    },
  };
  let turns = 0;
  let isPausing = false;
  const had = whenFree(
    () => {
      if (!isPausing) throw new Error('taken');
    },
    { ...patienceOf(slow, () => 0.5), eagerMs: 3 },
  );
  await clock.advance(100);
  await had;
  return turns;
}

describe('who waits for a lock', () => {
  it('and knows that it is about to be free tries at each turn of the event loop, for some milliseconds only', async () => {
    expect(await eagerTries(0.5)).toBe(6);
    expect(await eagerTries(1)).toBe(3);
    expect(await eagerTries(50)).toBe(1);
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

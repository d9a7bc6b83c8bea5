import { assert, boolean, double, nat, option, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
// By themselves: what they decide on cannot be brought about exactly with a real log.
import { limitsFor } from '../../dist/checkpoints/limits.js';
import {
  askAgainMs,
  deferMs,
  IDLE_MS,
  lookAfterMs,
  nextStep,
  PINNED_RETRY_MS,
  type LogState,
} from '../../dist/checkpoints/plan.js';

const LIMITS = limitsFor(4_096);
const EMPTY: LogState = { frames: 0, backfilled: 0, isGrowing: true, quietMs: 0, pinnedMs: undefined };

function stepFor(state: Partial<LogState>): string {
  return nextStep({ ...EMPTY, ...state }, LIMITS);
}

describe('a log', () => {
  it.for<readonly [string, Partial<LogState>, string]>([
    ['is left alone while it is short and written', { frames: 999 }, 'none'],
    ['is brought into the file from a thousand frames on', { frames: 1_000 }, 'passive'],
    ['counts what is in the file already', { frames: 1_800, backfilled: 900 }, 'none'],
    ['is brought into the file when nobody writes', { frames: 1, isGrowing: false, quietMs: IDLE_MS }, 'passive'],
    ['is not, a moment before', { frames: 1, isGrowing: false, quietMs: IDLE_MS - 1 }, 'none'],
    ['needs nothing when all is in the file', { frames: 9, backfilled: 9, isGrowing: false, quietMs: IDLE_MS }, 'none'],
    ['is begun anew when it is over its limit', { frames: 2_001, backfilled: 1_950 }, 'restart'],
    ['is first brought into the file when much is left', { frames: 2_001, backfilled: 1_400 }, 'passive-restart'],
    ['has writers wait when it is far too long', { frames: 8_001, backfilled: 8_000 }, 'pause-restart'],
    // The next writer does so by himself.
    ['is not begun anew for nobody', { frames: 5_000, backfilled: 5_000, isGrowing: false, quietMs: 9_000 }, 'none'],
    ['waits for a reader who stays', { frames: 9_000, pinnedMs: PINNED_RETRY_MS - 1 }, 'none'],
    ['is tried again, though', { frames: 9_000, pinnedMs: PINNED_RETRY_MS }, 'passive-restart'],
  ])('%s', ([, state, step]) => {
    expect(stepFor(state)).toBe(step);
  });

  it('is never begun anew with more than a little left to copy, and never left for ever with something in it', () => {
    const states = record({
      frames: nat(20_000),
      share: double({ min: 0, max: 1, noNaN: true }),
      isGrowing: boolean(),
      quietMs: nat(5_000),
      pinnedMs: option(nat(1_000), { nil: undefined }),
    });
    assert(
      property(states, ({ share, ...state }) => {
        const backfilled = Math.floor(state.frames * share);
        const backlog = state.frames - backfilled;
        const step = nextStep({ ...state, backfilled }, LIMITS);
        if (step === 'restart') expect(backlog).toBeLessThanOrEqual(500);
        const mayStay = backlog === 0 || (state.pinnedMs ?? PINNED_RETRY_MS) < PINNED_RETRY_MS;
        if (state.quietMs >= IDLE_MS && !mayStay) expect(step).not.toBe('none');
      }),
    );
  });

  it('is looked at more and more seldom while nobody writes', () => {
    expect([0, 1, 2, 3, 4, 1_000].map(lookAfterMs)).toEqual([20, 40, 80, 160, 160, 160]);
  });

  it('is left to another process that is at it for a shorter time the longer it is', () => {
    expect([2_001, 6_000, 6_001, 8_000, 8_001].map((frames) => deferMs(frames, LIMITS))).toEqual([80, 80, 40, 40, 0]);
  });

  it('has its writers asked ever more seldom while that is in vain, but not when it is far too long', () => {
    expect([1, 2, 3, 9, 99].map((times) => askAgainMs(times, 8_000, LIMITS))).toEqual([200, 400, 800, 30_000, 30_000]);
    expect([1, 2, 3, 9, 99].map((times) => askAgainMs(times, 8_001, LIMITS))).toEqual([100, 100, 100, 100, 100]);
  });

  it('of large pages has its limits in bytes, of small ones in frames', () => {
    expect(limitsFor(512)).toEqual(LIMITS);
    expect(limitsFor(65_536)).toEqual({
      passiveFrames: 63,
      restartFrames: 125,
      turnFrames: 375,
      pauseFrames: 500,
      hardFrames: 750,
    });
    for (const pageBytes of [512, 4_096, 8_192, 65_536])
      expect(limitsFor(pageBytes).hardFrames * (pageBytes + 24)).toBeLessThan(64 * 1024 * 1024);
  });
});

import type { LogLimits } from './limits.ts';

/** How long nobody must have written before the rest of a log is brought into the file. */
export const IDLE_MS = 1_000;
/** How often a log is looked at while somebody writes. At full speed some 2,000 frames come in that time. */
const LOOK_MS = 20;
/** How seldom at most, until nobody has written for `IDLE_MS`. */
const SELDOM_MS = 160;
/** How often a checkpoint is tried that a reader is in the way of. */
export const PINNED_RETRY_MS = 250;
/** How soon the log is begun anew that somebody was just writing to: a transaction is usually over by then. */
export const RESTART_RETRY_MS = 2;
/** After how many tries in vain writers are asked to wait for a moment. */
export const TRIES_BEFORE_ASKING = 4;
/** What may be left in a log when the write lock is taken to begin it anew: copied while everybody waits, in a millisecond or two. */
export const LITTLE_FRAMES = 500;

/** How long the write lock is tried for to begin the log anew, at least and at most, and how many frames stand for a millisecond. */
const LEAST_LOCK_MS = 2;
const MOST_LOCK_MS = 50;
const FRAMES_PER_LOCK_MS = 500;

/** What a look at a log has found, and what is remembered of the looks before. */
export interface LogState {
  readonly frames: number;
  /** Those of them that are in the database file. */
  readonly backfilled: number;
  /** Whether anybody has written since the last look. */
  readonly isGrowing: boolean;
  /** How long nobody in this process has. */
  readonly quietMs: number;
  /** How long ago a reader was in the way who had been so before; undefined where none is. */
  readonly pinnedMs: number | undefined;
}

/**
 * What to do about a log: nothing, bring frames into the file beside the writers, or begin the log anew, where too much is left after
 * bringing them there first.
 */
export type Step = 'none' | 'passive' | 'restart' | 'passive-restart';

/** Decides. Pure. */
export function nextStep(state: LogState, limits: LogLimits): Step {
  const { frames, backfilled, isGrowing, quietMs, pinnedMs } = state;
  const backlog = frames - backfilled;
  if (pinnedMs !== undefined && pinnedMs < PINNED_RETRY_MS) return 'none';
  // Where all of it is in the file and nobody reads the log, the next writer begins it anew by himself.
  if (isGrowing && frames > limits.restartFrames) return backlog > LITTLE_FRAMES ? 'passive-restart' : 'restart';
  if (backlog >= limits.passiveFrames) return 'passive';
  return backlog > 0 && quietMs >= IDLE_MS ? 'passive' : 'none';
}

/** How long to wait until the next look, after so many looks between which nobody has written. Pure. */
export function lookAfterMs(quietLooks: number): number {
  return Math.min(LOOK_MS * 2 ** Math.min(quietLooks, 10), SELDOM_MS);
}

/**
 * How long the write lock is tried for when the log is to be begun anew: the longer it is, the longer. On a machine that is overloaded
 * whoever has the lock may not even be running. Pure.
 */
export function lockTriedMs(frames: number): number {
  return Math.min(MOST_LOCK_MS, Math.max(LEAST_LOCK_MS, frames / FRAMES_PER_LOCK_MS));
}

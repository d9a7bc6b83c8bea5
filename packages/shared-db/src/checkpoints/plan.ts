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

/** How long nobody is asked to wait after that has been in vain for the first time, then twice as long each time, up to the second. */
const ASK_AGAIN_MS = 100;
const ASK_AGAIN_AT_LAST_MS = 30_000;

/** How long a log is left to another process that is at it, and how long one that is so long that two in each other's way are the lesser evil. */
const DEFER_MS = 80;
const DEFER_LONG_LOG_MS = 40;

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
 * What to do about a log: nothing, bring frames into the file beside the writers, or begin the log anew: where too much is left after
 * bringing them there first, and where it is far too long after asking the writers to wait.
 */
export type Step = 'none' | 'passive' | 'restart' | 'passive-restart' | 'pause-restart';

/** Decides. Pure. */
export function nextStep(state: LogState, limits: LogLimits): Step {
  const { frames, backfilled, isGrowing, quietMs, pinnedMs } = state;
  const backlog = frames - backfilled;
  if (pinnedMs !== undefined && pinnedMs < PINNED_RETRY_MS) return 'none';
  // Waiting does not help against a reader, who may stay for long.
  if (isGrowing && frames > limits.pauseFrames && pinnedMs === undefined) return 'pause-restart';
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

/** How long, on an average, a log is left to another process that is at it: two in each other's way bring less into the file. Pure. */
export function deferMs(frames: number, { turnFrames, pauseFrames }: LogLimits): number {
  if (frames > pauseFrames) return 0;
  return frames > turnFrames ? DEFER_LONG_LOG_MS : DEFER_MS;
}

/** How long nobody is asked to wait any more after that has been in vain so many times in a row. Pure. */
export function askAgainMs(inVain: number, frames: number, { pauseFrames }: LogLimits): number {
  if (frames > pauseFrames) return ASK_AGAIN_MS;
  return Math.min(ASK_AGAIN_MS * 2 ** Math.min(inVain, 10), ASK_AGAIN_AT_LAST_MS);
}

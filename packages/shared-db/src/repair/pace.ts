/** Before the first attempt; most of what fails for a moment is well again after it. */
const FIRST_MS = 250;
/** Between two attempts at most: each reads the whole file. */
export const LONGEST_PAUSE_MS = 60_000;

/**
 * How long to wait before the next attempt to verify a file, after so many in vain: a quarter of a second, then twice as long each
 * time, a minute at most; between half of that and all of it, so that several processes do not go in step. Pure.
 */
export function pauseMs(inVain: number, random: () => number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_MS * 2 ** inVain) * (0.5 + 0.5 * random());
}

/** The pause for a file that was found damaged: nothing that passes by itself. Pure. */
export function longPauseMs(random: () => number): number {
  return LONGEST_PAUSE_MS * (0.5 + 0.5 * random());
}

/** How long a failed task waits for its next attempt. */
export interface Backoff {
  /** After the first failure. Default 1 s: long enough for a restart of whatever was asked. */
  readonly baseMs: number;
  /** Never longer. Default 5 min: what is down longer is looked at by a person, and should go on soon after. */
  readonly capMs: number;
}

export const DEFAULT_BACKOFF: Backoff = Object.freeze({ baseMs: 1_000, capMs: 300_000 });

/**
 * The pause after a failed attempt (1 is the first): doubled each time, capped, and between half and all of that, so that tasks
 * which failed together do not come back together. `random` is in [0, 1).
 */
export function retryDelayMs(attempt: number, random: number, { baseMs, capMs }: Backoff = DEFAULT_BACKOFF): number {
  const longest = Math.min(capMs, baseMs * 2 ** (attempt - 1));
  return Math.ceil(longest * (0.5 + 0.5 * random));
}

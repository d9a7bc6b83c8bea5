/** Weight of the newest group in the smoothed time that a write takes. */
const SMOOTHING = 0.2;
/** What writes took before that says nothing about those that wait now. */
const STALE_MS = 1_000;
/** A single group counts at most as so many times what was usual, and a millisecond: one that was held up says little about the next. */
const MOST_GROWTH = 4;
const LEAST_COUNTED_MS = 1;

/**
 * How long a write takes while more wait than fit into a group, with all that goes by between two groups: the turns of other processes, and
 * transactions. Only such groups are counted: one that has taken all that waited is as long as it likes, and says nothing of how many it
 * could have taken.
 */
export class Pace {
  #eachMs = 0;
  #learntAt = -Infinity;

  /**
   * A group of so many was committed while others waited.
   *
   * @param sinceMs how long ago the one before it was, where others have waited since then
   */
  learn(groupMs: number, members: number, now: number, sinceMs = groupMs): void {
    if (this.#isStale(now)) this.#eachMs = groupMs / members;
    else {
      const counted = Math.min(sinceMs / members, MOST_GROWTH * this.#eachMs + LEAST_COUNTED_MS);
      this.#eachMs += SMOOTHING * (counted - this.#eachMs);
    }
    this.#learntAt = now;
  }

  /** How long so many take, one after the other; 0 where that is not known. */
  expectedMs(waiting: number, now: number): number {
    return this.#isStale(now) ? 0 : waiting * this.#eachMs;
  }

  #isStale(now: number): boolean {
    return now - this.#learntAt > STALE_MS;
  }
}

/** Weight of the newest group in the smoothed time that a write takes. */
const SMOOTHING = 0.2;
/** What writes took before that says nothing about those that wait now. */
const STALE_MS = 1_000;

/**
 * How long a write takes while more wait than fit into a group. Only such groups are counted: one that has taken all that waited is as long
 * as it likes, and says nothing of how many it could have taken.
 */
export class Pace {
  #eachMs = 0;
  #learntAt = -Infinity;

  /** A group of so many was committed while others waited. */
  learn(groupMs: number, members: number, now: number): void {
    const before = this.#isStale(now) ? groupMs / members : this.#eachMs;
    this.#eachMs = before + SMOOTHING * (groupMs / members - before);
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

/** A sync that is likely to take less is made at once: going to the thread pool and back costs as much. */
const AT_ONCE_MS = 1;
/** A single slow one says nothing about the next. */
const MOST_COUNTED_MS = 2 * AT_ONCE_MS;
/** But one that has stopped everybody for so long counts for much more: the next dozen are made elsewhere. */
const STALL_MS = 10;
const STALL_COUNTED_MS = 20 * AT_ONCE_MS;
/** Weight of the newest sync in what the next one is likely to take. */
const SMOOTHING = 0.2;
/** So many are made elsewhere until one is tried at once; as long as that is slow, twice as many each time. */
const FIRST_TRIAL = 16;
const LAST_TRIAL = 1024;

/**
 * How long syncs take, and so where the next one is made: at once, while the event loop stands still, or in the thread pool. What
 * takes long there need not be the disk: on a busy machine it is the way there and back, of milliseconds, for a sync of a third of one.
 * So one is tried at once now and then, and less and less often where that was slow.
 */
export class SyncPace {
  #likelyMs = 0;
  #trialAfter = FIRST_TRIAL;
  #untilTrial = FIRST_TRIAL;

  /** Asked before each sync that could be made at once: whether waiting for it costs less than having it done elsewhere. */
  isAtOnce(): boolean {
    return this.#isQuick() || --this.#untilTrial <= 0;
  }

  /** One was made at once, for which the event loop stood still. */
  tookAtOnce(ms: number): void {
    if (this.#isQuick() || this.#untilTrial > 0) this.#count(ms);
    else this.#tried(ms);
  }

  /** One was made in the thread pool, the way there and back included. */
  tookElsewhere(ms: number): void {
    this.#count(ms);
  }

  #isQuick(): boolean {
    return this.#likelyMs < AT_ONCE_MS;
  }

  #tried(ms: number): void {
    const isQuick = ms < AT_ONCE_MS;
    if (isQuick) this.#likelyMs = ms;
    this.#trialAfter = isQuick ? FIRST_TRIAL : Math.min(2 * this.#trialAfter, LAST_TRIAL);
    this.#untilTrial = this.#trialAfter;
  }

  #count(ms: number): void {
    const counted = ms < STALL_MS ? Math.min(ms, MOST_COUNTED_MS) : STALL_COUNTED_MS;
    this.#likelyMs += SMOOTHING * (counted - this.#likelyMs);
  }
}

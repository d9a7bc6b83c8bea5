import { Histogram, quantileMs, type HistogramSnapshot } from '@hive/pool';

/** How long one stretch lasts, of which the last two are looked at: what was slow an hour ago is no news. */
const STRETCH_MS = 60_000;
/** Of fewer groups one in a hundred says nothing: then it is asked what half of them took. */
const MANY = 100;
/** Of fewer than these, one a second or so, that says nothing either. */
const ENOUGH = 50;

/** How long groups took from BEGIN until they would last, and transactions from COMMIT: since the start, and lately. */
export class CommitTimes {
  readonly #all = new Histogram();
  #before = new Histogram();
  #now = new Histogram();
  #since = 0;

  record(ms: number, now: number): void {
    if (now - this.#since >= STRETCH_MS) {
      // After a long pause there is nothing that is late any more.
      this.#before = now - this.#since < 2 * STRETCH_MS ? this.#now : new Histogram();
      this.#now = new Histogram();
      this.#since = now;
    }
    this.#all.record(ms);
    this.#now.record(ms);
  }

  get all(): HistogramSnapshot {
    return this.#all.snapshot();
  }

  /** The time that one in a hundred took at least, or half of them where they were few, in the stretch in which that is longer. */
  lateMs(now: number): number | undefined {
    const stretches = now - this.#since < 2 * STRETCH_MS ? [this.#before, this.#now] : [];
    const times = stretches.map((stretch) => stretch.snapshot()).filter(({ count }) => count >= ENOUGH);
    return times.length === 0 ? undefined : Math.max(...times.map(lateOf));
  }
}

function lateOf(times: HistogramSnapshot): number {
  return quantileMs(times, times.count < MANY ? 0.5 : 0.99);
}

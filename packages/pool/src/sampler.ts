/** When callers come further apart than this, each is timed: reading the clock is a thousandth of it. */
const SPARSE_MS = 0.05;

/** Decides who is timed: some in a dense stream, for reading the clock costs as much as the lease; everybody in a sparse one. */
export class Sampler {
  readonly #every: number;
  #stride = 1;
  #left = 0;
  #takenAt = 0;

  constructor(every: number) {
    this.#every = every;
  }

  /** One in so many is timed at present. */
  get stride(): number {
    return this.#stride;
  }

  /** Counts a caller; whether it is the one to be timed. Then `take` must follow. */
  isDue(): boolean {
    return --this.#left <= 0;
  }

  /** The caller comes at `now`. The stride doubles while the stream is dense, so that no long use hides in the beginning of one. */
  take(now: number): void {
    const apartMs = (now - this.#takenAt) / this.#stride;
    this.#takenAt = now;
    this.#stride = apartMs > SPARSE_MS ? 1 : Math.min(2 * this.#stride, this.#every);
    this.#left = this.#stride;
  }

  /** Whoever comes next is timed. */
  expectNext(): void {
    this.#left = 0;
  }
}

import type { Clock } from './clock.ts';
import { Sampler } from './sampler.ts';

/** What time it is for a pool. It reads the clock only where that is needed: doing so costs as much as a lease. */
export class Timekeeper {
  readonly clock: Clock;
  /** The last reading of the clock: good enough for what is not timed. */
  now: number;
  #sampler: Sampler;

  constructor(clock: Clock, timeEvery: number) {
    this.clock = clock;
    this.now = clock.now();
    this.#sampler = new Sampler(timeEvery);
  }

  /** Reads the clock. */
  read(): number {
    this.now = this.clock.now();
    return this.now;
  }

  /** Whether the caller who has just come is to be timed; the clock has been read then. */
  isDue(): boolean {
    if (!this.#sampler.isDue()) return false;
    this.#sampler.take(this.read());
    return true;
  }

  /** One caller in so many is timed at present. */
  get stride(): number {
    return this.#sampler.stride;
  }

  /** Whoever comes next is timed. */
  expectNext(): void {
    this.#sampler.expectNext();
  }

  /** From now on everybody is timed. */
  timeAll(): void {
    this.#sampler = new Sampler(1);
  }
}

import type { Clock } from '@hive/pool/clock';
import { Sampler } from '@hive/pool/sampler';

/** In a dense stream one in so many is timed: reading the clock twice costs as much as everything else that is counted. */
const TIME_EVERY = 16;
/** What `start` says where nothing is timed. No clock counts backwards. */
const NOT_TIMED = -1;

/**
 * Times something that is done often. What comes more than 50 us apart is timed each time; of a denser stream one in sixteen is, and
 * stands for the others. Costs a nanosecond or two when it does not read the clock.
 */
export class Stopwatch extends Sampler {
  readonly #clock: Clock;
  /** How long it took in all, an estimate where not everything was timed. */
  sumMs = 0;
  /** The longest of those that were timed. */
  maxMs = 0;

  constructor(clock: Clock) {
    super(TIME_EVERY);
    this.#clock = clock;
  }

  /** Returns what `stop` wants to know. */
  start(): number {
    if (!this.isDue()) return NOT_TIMED;
    const now = this.#clock.now();
    this.take(now);
    return now;
  }

  /** Returns how long it took, in milliseconds; 0 when it was not timed. */
  stop(startedAt: number): number {
    if (startedAt === NOT_TIMED) return 0;
    const ms = this.#clock.now() - startedAt;
    this.add(ms, this.stride);
    return ms;
  }

  /** Adds what somebody else has timed; it stands for `times`. */
  add(ms: number, times = 1): void {
    this.sumMs += ms * times;
    if (ms > this.maxMs) this.maxMs = ms;
  }
}

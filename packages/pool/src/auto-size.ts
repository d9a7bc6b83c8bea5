/** Between which sizes a pool may find its own. */
export interface SizeBounds {
  readonly min: number;
  readonly max: number;
}

/** What a pool is like at one moment, a second after the last look at it. */
export interface PoolSight {
  readonly now: number;
  /** How long callers have waited in all, those who wait now among them. */
  readonly waitedMs: number;
  /** Whether everything that the limit allows is open: else callers wait for what is being opened, and more room is no cure. */
  readonly full: boolean;
  /** How many resources, of as many as `size` allows, nobody has used for a second; those that were never opened among them. */
  readonly unused: number;
}

/** What was seen of a pool in one interval. */
export interface Interval extends Pick<PoolSight, 'full'> {
  /** How many callers were in the queue, on average over the interval. */
  readonly queued: number;
  /** How many resources nobody has used in the whole interval. */
  readonly unused: number;
}

/** Looks further apart than this tell of an event loop that stood still or a pool that was empty; closer ones, of hardly anything. */
const LONGEST_MS = 2_000;
const SHORTEST_MS = 500;
/** So many waiting, on average, are a queue and no chance. */
const QUEUE = 0.5;
/** After so many intervals with a queue, one behind the other, the pool grows: one alone may be the pause of a garbage collector. */
const PRESSED = 2;
/** After so many intervals without a queue, at the least, it may shrink: longer than most pauses between bursts. */
const PATIENCE = 60;
/** Who was wrong to shrink waits twice as long the next time, and at last an hour. */
const MOST_PATIENCE = 3_600;
/** A shrinking that lasted for longer was right: what was taken back then is another day's. */
const LASTING = 2 * MOST_PATIENCE;

/**
 * Finds the size of a pool inside its bounds. Grows fast, by what waits and up to double, after two intervals with a queue. Shrinks slowly,
 * by half of what nobody has used in 60 intervals; and where that had to be taken back within two hours, after twice as many the next
 * time, up to 3,600.
 * A shrinking lies 60 intervals at least behind each growth and each queue, which begin the count anew; a growth may follow at once.
 * Pure but for what it remembers: it knows no clock.
 */
export class AutoSize {
  readonly bounds: SizeBounds;
  #pressed = 0;
  #calm = 0;
  /** The fewest that were unused in one of the calm intervals. */
  #leastUnused = Infinity;
  #patience = PATIENCE;
  /** What it was before the first shrinking of those behind each other: further ones are quicker, and prove nothing where all are taken back. */
  #patienceBefore = PATIENCE;
  /** Intervals since that one. */
  #sinceShrunk = 0;
  #lastMove: 'none' | 'grown' | 'shrunk' = 'none';
  #seen: PoolSight | undefined;

  constructor(bounds: SizeBounds) {
    this.bounds = bounds;
  }

  /** The size from here on, by what has been since the last look. */
  look(size: number, sight: PoolSight): number {
    const { now, waitedMs, full, unused } = sight;
    const earlier = this.#seen;
    this.#seen = sight;
    const ms = now - (earlier?.now ?? -Infinity);
    if (earlier === undefined || ms > LONGEST_MS || ms < SHORTEST_MS) return size;
    // Who gave up has waited and is not in the sum any more.
    return this.next(size, { queued: Math.max(0, waitedMs - earlier.waitedMs) / ms, full, unused });
  }

  /** The size from here on: mostly the one that it has. To be told of every interval, in order. */
  next(size: number, interval: Interval): number {
    this.#sinceShrunk++;
    if (interval.queued >= QUEUE) return this.#press(size, interval);
    this.#pressed = 0;
    this.#calm++;
    this.#leastUnused = Math.min(this.#leastUnused, Math.max(0, interval.unused));
    return this.#calm < this.#patience ? size : this.#shrink(size);
  }

  #press(size: number, { queued, full }: Interval): number {
    this.#beginAnew();
    this.#pressed = full ? this.#pressed + 1 : 0;
    if (this.#pressed < PRESSED || size >= this.bounds.max) return size;
    this.#pressed = 0;
    if (this.#lastMove === 'shrunk') this.#learn();
    this.#lastMove = 'grown';
    return Math.min(this.bounds.max, size + Math.ceil(Math.min(queued, size)));
  }

  #learn(): void {
    this.#patience = this.#sinceShrunk > LASTING ? PATIENCE : Math.min(2 * this.#patienceBefore, MOST_PATIENCE);
  }

  #shrink(size: number): number {
    const unused = this.#leastUnused;
    this.#beginAnew();
    const next = Math.max(this.bounds.min, size - Math.ceil(unused / 2));
    // The last one that was not needed stays: without it, the next chance would make a queue.
    if (unused < 2 || next >= size) return size;
    if (this.#lastMove === 'shrunk') this.#patience = Math.max(this.#patience / 2, PATIENCE);
    else this.#beginShrinking();
    this.#lastMove = 'shrunk';
    return next;
  }

  #beginShrinking(): void {
    this.#patienceBefore = this.#patience;
    this.#sinceShrunk = 0;
  }

  #beginAnew(): void {
    this.#calm = 0;
    this.#leastUnused = Infinity;
  }
}

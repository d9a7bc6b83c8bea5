/** Each doubling of the value is split into this many buckets, which bounds the error of a quantile at one in eight. */
const STEPS = 8;
/** One microsecond is the finest that is told apart; 2^37 us, about 38 hours, the coarsest. */
const DOUBLINGS = 37;
const BUCKETS = STEPS * (DOUBLINGS - 2);

/** A frozen picture of a histogram. All times are milliseconds. */
export interface HistogramSnapshot {
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
  /** Upper bound and count of each bucket that holds something, in rising order; counts are not cumulative. */
  readonly buckets: readonly { readonly leMs: number; readonly count: number }[];
}

/** Counts durations in logarithmic buckets. Recording costs a few nanoseconds and never allocates. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  /** Records a duration `times` over: what is sampled stands for those beside it. */
  record(ms: number, times = 1): void {
    this.#count += times;
    this.#sumMs += ms * times;
    if (ms > this.#maxMs) this.#maxMs = ms;
    const us = ms * 1000;
    const index = us < STEPS ? us | 0 : bucketOf(us);
    this.#counts[index] = (this.#counts[index] as number) + times;
  }

  /** The same as `record(0)`, without the arithmetic. */
  recordZero(): void {
    this.#count++;
    this.#counts[0] = (this.#counts[0] as number) + 1;
  }

  /** All that was recorded, added up. */
  get sumMs(): number {
    return this.#sumMs;
  }

  snapshot(): HistogramSnapshot {
    const buckets: { leMs: number; count: number }[] = [];
    this.#counts.forEach((count, index) => {
      if (count > 0) buckets.push({ leMs: upperBoundUs(index) / 1000, count });
    });
    return Object.freeze({
      count: this.#count,
      sumMs: this.#sumMs,
      maxMs: this.#maxMs,
      buckets: Object.freeze(buckets.map((bucket) => Object.freeze(bucket))),
    });
  }
}

/** The value below which the fraction `q` (0 to 1) of what was recorded lies; 0 when nothing was. */
export function quantileMs(histogram: HistogramSnapshot, q: number): number {
  let remaining = Math.ceil(histogram.count * q);
  for (const { leMs, count } of histogram.buckets) {
    remaining -= count;
    if (remaining <= 0) return Math.min(leMs, histogram.maxMs);
  }
  return histogram.maxMs;
}

// Below STEPS microseconds a bucket is one microsecond wide; above, a doubling has STEPS buckets.
function bucketOf(us: number): number {
  const whole = us < 2 ** 31 ? us | 0 : Math.min(us, 2 ** DOUBLINGS - 1);
  if (whole < 2 ** 31) {
    const doubling = 31 - Math.clz32(whole);
    return STEPS * (doubling - 3) + (whole >>> (doubling - 3));
  }
  const doubling = Math.floor(Math.log2(whole));
  return Math.min(BUCKETS - 1, STEPS * (doubling - 3) + Math.floor(whole / 2 ** (doubling - 3)));
}

function upperBoundUs(index: number): number {
  if (index < 2 * STEPS) return index + 1;
  const doubling = Math.floor(index / STEPS) + 2;
  return ((index % STEPS) + STEPS + 1) * 2 ** (doubling - 3);
}

/** A scheduled callback. A timer keeps the process alive unless `unref` was called. */
export interface Timer {
  ref(): void;
  unref(): void;
  cancel(): void;
}

/** The longest delay that a timer of the platform can express: 2^31 - 1 ms, 24 days. */
export const LONGEST_MS = 2_147_483_647;

/**
 * Time as a parameter: everything that waits or measures asks a clock, so that a test can move it.
 * `systemClock` is the real one; `VirtualClock` (in `@hive/pool/testing`) stands still until it is told to go on.
 */
export interface Clock {
  /** Monotonic milliseconds with a fraction. Only differences mean something. */
  now(): number;
  /** Milliseconds since 1970, for display only; it may jump. */
  wallTime(): number;
  /** Calls back once, at least `delayMs` from now. The timer keeps the process alive until it is unref'd or cancelled. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls back in the next turn of the event loop, behind the timers and I/O that are due. Keeps the process alive. */
  nextTurn(callback: () => void): void;
  /** How many turns the event loop has made. Two equal answers mean that no timer and no I/O ran in between. */
  turns(): number;
}

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void) {
    this.#timeout = setTimeout(callback, delayMs);
  }

  ref(): void {
    this.#timeout.ref();
  }

  unref(): void {
    this.#timeout.unref();
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }
}

// Bound once: a bound call is a fifth faster than the method call, and the pool reads the clock twice a lease.
const now = performance.now.bind(performance);

/** The machine's own time. */
export const systemClock: Clock = Object.freeze({
  now,
  wallTime: (): number => Date.now(),
  after: (delayMs: number, callback: () => void): Timer => new SystemTimer(delayMs, callback),
  nextTurn: (callback: () => void): void => {
    setImmediate(callback);
  },
  turns: (): number => performance.nodeTiming.uvMetricsInfo.loopCount,
});

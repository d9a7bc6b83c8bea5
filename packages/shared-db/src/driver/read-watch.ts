import type { Clock, Timer } from '@hive/pool';

/** How often it is looked for reads that are over their limits. */
const LOOK_MS = 1_000;

/** A read that goes on. */
export interface WatchedRead {
  /** How long it may last. */
  readonly limitMs: number;
  /** When it was first looked at; reads that end before that cost no look at the clock. */
  seenAt: number | undefined;
  /** Ends it. */
  readonly expire: () => void;
}

/**
 * Ends reads that are over their limits, by a second or, with a limit that is no whole number of them, two at most: each keeps a snapshot, and all that is written meanwhile in the log. Costs a
 * read some tens of nanoseconds. Never keeps the process alive.
 */
export class ReadWatch {
  readonly #clock: Clock;
  readonly #reads = new Set<WatchedRead>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(read: WatchedRead): void {
    this.#reads.add(read);
    if (this.#timer === undefined) this.#arm();
  }

  end(read: WatchedRead): void {
    this.#reads.delete(read);
  }

  #arm(): void {
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#look();
    });
    this.#timer.unref();
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#reads.size === 0) return;
    const now = this.#clock.now();
    for (const read of this.#reads) {
      read.seenAt ??= now;
      if (now - read.seenAt < read.limitMs) continue;
      this.#reads.delete(read);
      read.expire();
    }
    this.#arm();
  }
}

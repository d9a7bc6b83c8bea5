import type { Clock, Timer } from '@hive/pool';

/** One timer for a moment that moves often and mostly later: it is left as it is, and looks again when it rings too early. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: Timer | undefined;
  #at = Infinity;

  /** @param ring may be called too early. */
  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** @param keepsAlive whether the process waits for it. */
  set(dueAt: number | undefined, keepsAlive = false): void {
    if (dueAt !== undefined && dueAt < this.#at) {
      this.#timer?.cancel();
      this.#at = dueAt;
      this.#timer = this.#clock.after(Math.max(0, dueAt - this.#clock.now()), () => {
        this.#timer = undefined;
        this.#at = Infinity;
        this.#ring();
      });
    }
    if (keepsAlive) this.#timer?.ref();
    else this.#timer?.unref();
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#at = Infinity;
  }
}

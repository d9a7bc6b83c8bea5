import { LONGEST_MS, type Clock, type Timer } from './clock.ts';

/** One timer that is moved instead of many that are made. It does not keep the process alive unless told to. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: Timer | undefined;
  #at = Infinity;
  #keepsAlive = false;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at `at`, unless it rings earlier already. */
  by(at: number, now: number): void {
    if (at >= this.#at) return;
    this.#timer?.cancel();
    this.#at = at;
    this.#timer = this.#clock.after(Math.min(Math.max(1, Math.ceil(at - now)), LONGEST_MS), () => {
      this.#timer = undefined;
      this.#at = Infinity;
      this.#ring();
    });
    if (!this.#keepsAlive) this.#timer.unref();
  }

  /** Whether the process must stay alive for it. */
  keepAlive(keep: boolean): void {
    if (keep === this.#keepsAlive) return;
    this.#keepsAlive = keep;
    if (keep) this.#timer?.ref();
    else this.#timer?.unref();
  }

  /** It rings no more, whatever it is told. */
  cancel(): void {
    this.#timer?.cancel();
    this.#at = -Infinity;
  }
}

import type { Clock, Timer } from '@hive/shared-db';

/** Renews a turn again and again while a handler runs, and says when it is lost. Ends when it is disposed of. */
export class Renewal implements Disposable {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #renew: () => Promise<boolean>;
  readonly #lost: () => void;
  #timer: Timer | undefined;
  #ended = false;

  constructor(clock: Clock, everyMs: number, renew: () => Promise<boolean>, lost: () => void) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#renew = renew;
    this.#lost = lost;
    this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#clock.after(this.#everyMs, () => void this.#attempt());
    // What the handler waits for decides whether the process stays, not this.
    this.#timer.unref();
  }

  async #attempt(): Promise<void> {
    let ours = true;
    try {
      ours = await this.#renew();
    } catch {
      // A bus that cannot be written now may be in a moment; if it cannot, the turn runs out by itself.
    }
    if (this.#ended) return;
    if (ours) this.#schedule();
    else this.#lost();
  }
}

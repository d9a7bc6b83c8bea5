import type { Timer } from '@hive/pool';
import { VirtualClock } from '@hive/pool/testing';

/** A virtual clock that tells when somebody has set a timer: only then does moving it have an effect. */
export class WatchedClock extends VirtualClock {
  #set = 0;
  #watchers: { readonly count: number; readonly tell: () => void }[] = [];

  /** How many timers have been set since the clock was made. */
  get timers(): number {
    return this.#set;
  }

  override after(delayMs: number, callback: () => void): Timer {
    const timer = super.after(delayMs, callback);
    this.#set++;
    this.#watchers = this.#watchers.filter(({ count, tell }) => {
      if (count > this.#set) return true;
      tell();
      return false;
    });
    return timer;
  }

  /** Resolves when this many timers have been set since the clock was made. */
  timersSet(count: number): Promise<void> {
    if (this.#set >= count) return Promise.resolve();
    return new Promise((tell) => {
      this.#watchers.push({ count, tell });
    });
  }
}

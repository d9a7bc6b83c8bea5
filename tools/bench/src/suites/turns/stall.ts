import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

/** How often the event loop is looked at: by the runtime itself, which costs those who wait less than a timer of ours. */
const TICK_MS = 1;

/** The longest that the event loop of this process stands still, from one moment to another. */
export class Stall {
  readonly #delay: ReturnType<typeof monitorEventLoopDelay>;

  private constructor(delay: ReturnType<typeof monitorEventLoopDelay>) {
    this.#delay = delay;
  }

  /** Resolves when it is looked at: what blocks it before the first look is taken for its beginning, and not seen. */
  static async watch(): Promise<Stall> {
    const delay = monitorEventLoopDelay({ resolution: TICK_MS });
    delay.enable();
    await pause(2 * TICK_MS);
    return new Stall(delay);
  }

  /** In milliseconds. Who has not let the loop turn since has stalled it until now: that is seen at the next look. */
  async end(): Promise<number> {
    await pause(2 * TICK_MS);
    this.#delay.disable();
    return Math.max(0, this.#delay.max / 1e6 - TICK_MS);
  }
}

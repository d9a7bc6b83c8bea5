import type { Clock, Timer } from '@hive/shared-db';
import { pauseAfter } from './pause.ts';

/** Pauses after failures: quick enough not to be noticed when a lock was in the way, slow enough to leave a broken disk alone. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/** What an errand does and whom it tells. */
export interface ErrandSettings {
  readonly clock: Clock;
  /** Whether its pauses keep the process alive. */
  readonly keepAlive: boolean;
  /** The work. Resolves with the milliseconds after which it wants to run again unasked; undefined: only when asked. */
  readonly run: () => Promise<number | undefined> | number | undefined;
  readonly failed: (error: unknown, failures: number, pauseMs: number) => void;
}

/** For work that cannot fail. */
export function neverFails(error: unknown): never {
  throw new Error('BUG: this work must not fail', { cause: error });
}

/**
 * Work that runs when it is asked for: never twice at once, once more when it was asked for meanwhile, and again after a growing
 * pause when it failed. Nothing shortens a pause.
 */
export class Errand {
  readonly #settings: ErrandSettings;
  #asked = false;
  #failures = 0;
  #pause: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(settings: ErrandSettings) {
    this.#settings = settings;
  }

  wake(): void {
    if (this.#stopped) return;
    this.#asked = true;
    if (this.#pause === undefined) this.#running ??= this.#work();
  }

  /** Resolves when what is running, and what was asked for before, has ended. A pause is not waited for. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pause?.cancel();
    await this.#running;
  }

  async #work(): Promise<void> {
    let pauseMs: number | undefined;
    while (this.#asked && pauseMs === undefined) {
      this.#asked = false;
      pauseMs = await this.#attempt();
    }
    if (pauseMs !== undefined && !this.#stopped) this.#rest(pauseMs);
    // Here and not when the promise settles: whoever wakes it in between would find it running, and nothing would run.
    this.#running = undefined;
  }

  async #attempt(): Promise<number | undefined> {
    try {
      const pauseMs = await this.#settings.run();
      this.#failures = 0;
      return pauseMs;
    } catch (error) {
      const pauseMs = pauseAfter(++this.#failures, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
      this.#settings.failed(error, this.#failures, pauseMs);
      return pauseMs;
    }
  }

  #rest(pauseMs: number): void {
    this.#pause = this.#settings.clock.after(pauseMs, () => {
      this.#pause = undefined;
      this.wake();
    });
    if (!this.#settings.keepAlive) this.#pause.unref();
  }
}

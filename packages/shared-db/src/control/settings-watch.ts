import type { Clock, Timer } from '@hive/pool';
import { markOf } from './file-mark.ts';

/** How often the file is looked at: a person who has saved it does not wait long, and a look is one call of the system. */
const LOOK_MS = 1_000;

/**
 * Tells when a file has become another one and then stayed so from one look to the next: editors write in several steps, and rename. By
 * `stat`, not by notices of the system, which miss files that take the place of another. Never keeps the process alive.
 */
export class SettingsWatch {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #changed: () => void;
  #timer: Timer | undefined;
  /** What was told of last, and what was seen last. */
  #told: string;
  #seen: string;

  constructor(path: string, clock: Clock, changed: () => void) {
    this.#path = path;
    this.#clock = clock;
    this.#changed = changed;
    this.#told = this.#seen = this.#mark();
    this.#lookLater();
  }

  close(): void {
    this.#timer?.cancel();
  }

  #lookLater(): void {
    this.#timer = this.#clock.after(LOOK_MS, () => {
      this.#look();
    });
    this.#timer.unref();
  }

  #look(): void {
    const mark = this.#mark();
    const isSteady = mark === this.#seen;
    this.#seen = mark;
    this.#lookLater();
    if (!isSteady || mark === this.#told) return;
    this.#told = mark;
    this.#changed();
  }

  #mark(): string {
    return markOf(this.#path).text;
  }
}

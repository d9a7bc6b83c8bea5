import type { Clock } from './clock.ts';

/** How long promise reactions may chain before the event loop is owed a turn: with a checkpoint in between still under 10 ms. */
const BREATH_MS = 4;

/**
 * Decides when a chain of promise reactions owes the event loop a breath, and holds back what would prolong the chain.
 * A loop of awaited acquires runs entirely in microtasks: timers and sockets would never be served. Costs one comparison
 * where the time is known anyway; nothing is armed while the loop turns by itself.
 */
export class Breather {
  readonly #clock: Clock;
  readonly #breathMs: number;
  #checkedAt: number;
  #turns: number;
  #held: (() => void)[] | undefined;

  constructor(clock: Clock, breathMs: number = BREATH_MS) {
    this.#clock = clock;
    this.#breathMs = breathMs;
    this.#checkedAt = clock.now();
    this.#turns = clock.turns();
  }

  /** True while the loop is owed a turn: whatever would resume a caller now goes through `hold`. */
  get holding(): boolean {
    return this.#held !== undefined;
  }

  /** Tells the time; returns whether the loop is owed a turn. */
  check(now: number): boolean {
    if (this.#held !== undefined) return true;
    return now - this.#checkedAt >= this.#breathMs && this.#isOwed(now);
  }

  #isOwed(now: number): boolean {
    this.#checkedAt = now;
    const turns = this.#clock.turns();
    if (turns !== this.#turns) {
      this.#turns = turns;
      return false;
    }
    this.#held = [];
    this.#clock.nextTurn(() => {
      this.#release();
    });
    return true;
  }

  /** Keeps `resume` until the loop has turned. Order is kept. */
  hold(resume: () => void): void {
    this.#held?.push(resume);
  }

  #release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#checkedAt = this.#clock.now();
    this.#turns = this.#clock.turns();
    for (const resume of held) resume();
  }
}

/** Remembers that creation fails, and says when the next attempt may run. */
export class Backoff {
  readonly #firstMs: number;
  readonly #longestMs: number;
  readonly #random: () => number;
  #failures = 0;
  #horizon = 0;
  #retryAt = 0;
  #cause: unknown;

  constructor(firstMs: number, longestMs: number, random: () => number) {
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
    this.#random = random;
  }

  /** How many rounds of attempts have failed since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** What the last failed attempt said. */
  get cause(): unknown {
    return this.#cause;
  }

  /** No attempt runs before this; 0 while attempts succeed. */
  get retryAt(): number {
    return this.#retryAt;
  }

  /** Attempts up to number `newest` ran side by side with this one: their failures are one round and count once. */
  failed(attempt: number, newest: number, now: number, cause: unknown): void {
    this.#cause = cause;
    if (attempt <= this.#horizon) return;
    this.#horizon = newest;
    this.#failures++;
    const pauseMs = Math.min(this.#longestMs, this.#firstMs * 2 ** (this.#failures - 1));
    this.#retryAt = now + pauseMs * (0.5 + 0.5 * this.#random());
  }

  succeeded(): void {
    this.#failures = 0;
    this.#retryAt = 0;
  }
}

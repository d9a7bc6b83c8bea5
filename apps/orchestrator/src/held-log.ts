/**
 * The lines of a log while it is not certain that there is anything to log about: whoever is refused is told why in one sentence
 * and nothing else.
 */
export class HeldLog {
  readonly #sink: (text: string) => void;
  #held: string[] | undefined = [];

  constructor(sink: (text: string) => void) {
    this.#sink = sink;
  }

  write(line: string): void {
    if (this.#held === undefined) this.#sink(line);
    else this.#held.push(line);
  }

  /** Lets go of what was held; from now on every line goes through at once. */
  release(): void {
    for (const line of this.#held ?? []) this.#sink(line);
    this.#held = undefined;
  }
}

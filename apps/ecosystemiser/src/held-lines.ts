import type { TextSink } from './io.ts';

/**
 * The log of a start that may be refused: its lines are held until it is certain that there is something to log. Who is refused is
 * told so in one sentence, and nothing else.
 */
export class HeldLines implements TextSink {
  readonly #sink: TextSink;
  #held: string[] | undefined = [];

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  write(line: string): void {
    if (this.#held === undefined) this.#sink.write(line);
    else this.#held.push(line);
  }

  /** Lets the held lines out, and from now on every line. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const line of held) this.#sink.write(line);
  }
}

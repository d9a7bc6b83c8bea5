import { eitherSignal } from '../either-signal.ts';
import type { DatabaseError } from '../errors.ts';

/** Takes a piece of work away from whoever does it: once, from outside, and not any more when it has come to its end. */
export class Revocation {
  readonly #waits = new AbortController();
  #why: (() => DatabaseError) | undefined;
  #tell: ((why: () => DatabaseError) => void) | undefined;
  #over = false;
  readonly #whyNot: () => unknown;

  /** @param whyNot says why the work may not begin, though nobody has taken it away; undefined where it may. */
  constructor(whyNot: () => unknown) {
    this.#whyNot = whyNot;
  }

  /** What the work waits under: its own caller's signal, and this. */
  signalWith(callers: AbortSignal | undefined): AbortSignal {
    const { signal } = this.#waits;
    return callers === undefined ? signal : eitherSignal(callers, signal);
  }

  /** Ends the work, unless it is over. Says whether that made a difference. */
  revoke(why: () => DatabaseError): boolean {
    if (this.#over || this.#why !== undefined) return false;
    this.#why = why;
    this.#waits.abort();
    this.#tell?.(why);
    return true;
  }

  /** Is told at once when the work is taken away. That it has been already is for `assertStands` to say. */
  attend(tell: (why: () => DatabaseError) => void): void {
    this.#tell = tell;
  }

  /** The work has come so far that it ends by itself: nothing can be taken away any more. */
  settle(): void {
    this.#over = true;
  }

  /** What a wait that has failed is to be told as: why the work was taken away, where that is the reason. */
  explain(error: unknown): unknown {
    return this.#why?.() ?? error;
  }

  assertStands(): void {
    const why = this.#why?.() ?? this.#whyNot();
    if (why !== undefined) throw why;
  }
}

/** So many are remembered by name, the last ones. Each is looked for in every snapshot. */
const MOST = 20;

/** Databases that were closed while they must not be written. Closing them has changed nothing of it, and an operator has to know. */
export class LeftFenced {
  /** Whether it is still so, by name. */
  readonly #isLeft = new Map<string, () => boolean>();

  /** One was closed. */
  remember(name: string, isLeft: () => boolean): void {
    this.#isLeft.set(name, isLeft);
    const [oldest] = this.#isLeft.keys();
    if (this.#isLeft.size > MOST && oldest !== undefined) this.#isLeft.delete(oldest);
  }

  /** It is open again, and says by itself how it is. */
  forget(name: string): void {
    this.#isLeft.delete(name);
  }

  /** Whoever has verified a file meanwhile, or has put another in its place, has ended that. */
  names(): readonly string[] {
    for (const [name, isLeft] of this.#isLeft) if (!isLeft()) this.#isLeft.delete(name);
    return Object.freeze([...this.#isLeft.keys()]);
  }
}

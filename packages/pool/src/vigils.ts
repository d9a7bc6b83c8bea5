import type { Entry } from './entry.ts';

interface Vigil<R> {
  readonly left: Set<Entry<R>>;
  readonly pending: (entry: Entry<R>) => boolean;
  readonly resolve: () => void;
}

/** Those who wait until resources have reached a state. */
export class Vigils<R> {
  readonly #vigils = new Set<Vigil<R>>();

  get length(): number {
    return this.#vigils.size;
  }

  /** Resolves when `pending` holds for none of the entries any more. */
  until(entries: Iterable<Entry<R>>, pending: (entry: Entry<R>) => boolean): Promise<void> {
    const left = new Set(Array.from(entries).filter((entry) => pending(entry)));
    if (left.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#vigils.add({ left, pending, resolve });
    });
  }

  moved(entry: Entry<R>): void {
    for (const vigil of this.#vigils) {
      if (!vigil.left.has(entry) || vigil.pending(entry)) continue;
      vigil.left.delete(entry);
      if (vigil.left.size > 0) continue;
      this.#vigils.delete(vigil);
      vigil.resolve();
    }
  }
}

import type { Entry } from './entry.ts';

interface Vigil<R> {
  readonly left: Set<Entry<R>>;
  readonly pending: (entry: Entry<R>) => boolean;
  readonly resolve: () => void;
}

/** Those who wait until resources have reached a state. Costs one comparison a move while nobody does. */
export class Vigils<R> {
  readonly #vigils = new Set<Vigil<R>>();

  /** Resolves when `pending` holds for none of the entries any more. */
  until(entries: Iterable<Entry<R>>, pending: (entry: Entry<R>) => boolean): Promise<void> {
    const left = new Set(Array.from(entries).filter((entry) => pending(entry)));
    if (left.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#vigils.add({ left, pending, resolve });
    });
  }

  moved(entry: Entry<R>): void {
    if (this.#vigils.size === 0) return;
    for (const vigil of this.#vigils) {
      if (!vigil.left.has(entry) || vigil.pending(entry)) continue;
      vigil.left.delete(entry);
      if (vigil.left.size > 0) continue;
      this.#vigils.delete(vigil);
      vigil.resolve();
    }
  }
}

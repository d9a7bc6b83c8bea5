import { AutoSize, type SizeBounds } from './auto-size.ts';
import type { Books } from './books.ts';
import { CREATING } from './entry.ts';
import { HOUSEKEEPING_MS } from './housekeeping.ts';

/** Finds the size of a pool, once in a round of housekeeping. */
export class Sizing<R> {
  readonly #books: Books<R>;
  readonly #autoSize: AutoSize;

  constructor(books: Books<R>, bounds: SizeBounds) {
    this.#books = books;
    this.#autoSize = new AutoSize(bounds);
  }

  /** Between which sizes. */
  get bounds(): SizeBounds {
    return this.#autoSize.bounds;
  }

  /** The size from here on: mostly the one that it has. */
  look(now: number): number {
    const { roster, queue, chronicle } = this.#books;
    const { size, staying } = roster;
    let { waitedMs } = chronicle;
    for (const { since } of queue) waitedMs += now - since;
    // Last in, first out: what lies at the bottom nobody needed.
    const idle = roster.idle.filter(({ since }) => now - since >= HOUSEKEEPING_MS).length;
    const full = staying - roster.counted(CREATING) >= roster.limit;
    const found = this.#autoSize.look(size, { now, waitedMs, full, unused: size - staying + idle });
    // Never fewer than are reserved.
    const least = (queue.ledger?.reserved ?? 0) - roster.maxOverflow;
    return Math.max(least, found);
  }
}

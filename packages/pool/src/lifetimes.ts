import type { Books } from './books.ts';
import type { Entry } from './entry.ts';
import { HOUSEKEEPING_MS } from './housekeeping.ts';

/** How long before its end, at least, a resource gets a successor: two rounds of housekeeping, so that none ends unnoticed. */
const SUCCESSION_MS = 2 * HOUSEKEEPING_MS;

/** How long resources live. */
export class Lifetimes<R> {
  readonly #books: Books<R>;
  #maxLifetimeMs: number;

  constructor(books: Books<R>) {
    this.#books = books;
    this.#maxLifetimeMs = books.settings.maxLifetimeMs;
  }

  /** Takes another limit, for what is open as well. */
  retune(maxLifetimeMs: number): void {
    if (maxLifetimeMs === this.#maxLifetimeMs) return;
    this.#maxLifetimeMs = maxLifetimeMs;
    const now = this.#books.time.read();
    // What has come to its end goes: its successor may be here already.
    for (const entry of this.#books.roster)
      if (entry.openedAt !== undefined && now < entry.expiresAt) this.begin(entry, entry.openedAt);
  }

  /** Says of a resource that was opened at that time when it is to go. */
  begin(entry: Entry<R>, openedAt: number): void {
    const { lifetimeJitter, random } = this.#books.settings;
    const limitMs = this.#maxLifetimeMs > 0 ? this.#maxLifetimeMs : Infinity;
    entry.openedAt = openedAt;
    entry.expiresAt = openedAt + limitMs;
    entry.retireAt =
      limitMs === Infinity
        ? Infinity
        : entry.expiresAt - Math.min(SUCCESSION_MS, limitMs / 2) - limitMs * lifetimeJitter * random();
  }
}

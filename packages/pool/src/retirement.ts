import type { Books } from './books.ts';
import type { Closer } from './closer.ts';
import { IDLE, stays, type Entry } from './entry.ts';
import type { Opener } from './opener.ts';

/** Ends what nobody has used for long and what has lived long enough. */
export class Retirement<R> {
  readonly #books: Books<R>;
  readonly #opener: Opener<R>;
  readonly #closer: Closer<R>;

  constructor(books: Books<R>, opener: Opener<R>, closer: Closer<R>) {
    this.#books = books;
    this.#opener = opener;
    this.#closer = closer;
  }

  /** A round of housekeeping. */
  look(now: number): void {
    for (const entry of Array.from(this.#books.roster)) {
      if (entry.state.kind === IDLE) this.#retireIdle(entry, now);
      if (now >= entry.retireAt && now < entry.expiresAt && stays(entry)) this.#replace(entry, now);
    }
  }

  #retireIdle(entry: Entry<R>, now: number): void {
    const { settings, roster } = this.#books;
    const { idleTimeoutMs, overflowIdleTimeoutMs, minIdle } = settings;
    const idleMs = now - entry.since;
    if (now >= entry.expiresAt) this.#closer.closeIdle(entry, 'lifetime');
    else if (roster.staying > roster.size && idleMs >= overflowIdleTimeoutMs) this.#closer.closeIdle(entry, 'overflow');
    else if (idleTimeoutMs > 0 && idleMs >= idleTimeoutMs && roster.idle.length > minIdle)
      this.#closer.closeIdle(entry, 'idle');
  }

  /**
   * Opens the successor of an ageing resource while there is room, so that nobody ever waits for the change. Where there is none
   * it goes without: all that were opened together would else go together on their last day.
   */
  #replace(entry: Entry<R>, now: number): void {
    const { roster } = this.#books;
    if (entry.replacing || !this.#opener.mayOpen(now)) return;
    if (roster.staying > roster.size || !roster.hasRoom) {
      this.#end(entry, now);
      return;
    }
    entry.replacing = true;
    const successor = this.#opener.open();
    void roster.untilOpened(successor).then(() => {
      entry.replacing = false;
      if (stays(successor)) this.#end(entry, now);
    });
  }

  /** Ends a resource that has lived long enough: now, or when whoever has it is done. */
  #end(entry: Entry<R>, now: number): void {
    if (entry.state.kind === IDLE) this.#closer.closeIdle(entry, 'lifetime');
    else entry.expiresAt = now;
  }
}

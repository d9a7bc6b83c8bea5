import type { Books } from './books.ts';
import type { Closer } from './closer.ts';
import { CLOSING, CREATING } from './entry.ts';
import { wrongOption } from './settings.ts';
import { Limit, type LimitedPool, type Seat } from './shared-limit.ts';

/** What a pool answers to a limit that it has together with others. */
class Sharing<R> implements LimitedPool {
  readonly #books: Books<R>;
  readonly #closer: Closer<R>;
  readonly wake: () => void;

  constructor(books: Books<R>, closer: Closer<R>, wake: () => void) {
    this.#books = books;
    this.#closer = closer;
    this.wake = wake;
  }

  get name(): string {
    return this.#books.settings.name;
  }

  closing(): number {
    return this.#books.roster.counted(CLOSING);
  }

  wants(): boolean {
    const { roster, queue } = this.#books;
    return roster.isOpen && queue.wanting > roster.counted(CREATING) && roster.live < roster.limit;
  }

  /** Closes what has lain idle longest. */
  yieldIdle(): boolean {
    const { time, roster } = this.#books;
    const [entry] = roster.idle;
    if (entry === undefined) return false;
    time.read();
    this.#closer.closeIdle(entry, 'overflow');
    return true;
  }
}

/** The pool's seat at the limit that it shares, if it shares one; `wake` is called when there is room for it. Throws `CONFIG` for what is none. */
export function seatOf<R>(books: Books<R>, closer: Closer<R>, wake: () => void): Seat | undefined {
  const { sharedLimit } = books.settings;
  if (sharedLimit === undefined) return undefined;
  if (!(sharedLimit instanceof Limit)) throw wrongOption('sharedLimit', sharedLimit, 'what createLimit has made');
  return sharedLimit.seat(new Sharing(books, closer, wake));
}

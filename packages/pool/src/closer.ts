import type { Books } from './books.ts';
import { CLOSING, GONE_STATE, payBack, type Entry } from './entry.ts';
import { callHook } from './hook.ts';
import type { DestroyReason } from './observer.ts';

/** Ends resources. */
export class Closer<R> {
  readonly #books: Books<R>;
  readonly #freed: () => void;

  /** `freed` is told when a resource has begun to go, and when it is gone. */
  constructor(books: Books<R>, freed: () => void) {
    this.#books = books;
    this.#freed = freed;
  }

  /** Ends a resource that is live. It counts until the hook has come back, or until its time is up. */
  close(entry: Entry<R>, reason: DestroyReason): void {
    const { time, roster, chronicle } = this.#books;
    payBack(entry.hold, time.now);
    roster.move(entry, { kind: CLOSING, reason });
    chronicle.tally.destroyed[reason]++;
    this.#destroy(entry.resource as R, (timedOut) => {
      if (timedOut) roster.abandoned++;
      roster.move(entry, GONE_STATE);
      entry.resource = undefined;
      chronicle.destroyed(entry.id, reason);
      if (timedOut) chronicle.abandoned(entry.id, 'destroy');
      this.#freed();
    });
    // It may have been the last to serve the queue, and closing may take long.
    this.#freed();
  }

  /** Ends one that is idle. */
  closeIdle(entry: Entry<R>, reason: DestroyReason): void {
    this.#books.roster.pickIdle(entry);
    this.close(entry, reason);
  }

  /** Ends those that have been idle longest, all where nothing else is said; returns which. */
  closeLongestIdle(reason: DestroyReason, most?: number): readonly Entry<R>[] {
    const idle = this.#books.roster.takeLongestIdle(most);
    for (const entry of idle) this.close(entry, reason);
    return idle;
  }

  /** Ends a resource that came when the pool had given it up already: it was never live. */
  closeLate({ id }: Entry<R>, resource: R): void {
    const { roster, chronicle } = this.#books;
    chronicle.tally.destroyed.late++;
    this.#destroy(resource, (timedOut) => {
      if (!timedOut) roster.abandoned--;
      chronicle.destroyed(id, 'late');
    });
  }

  #destroy(resource: R, ended: (timedOut: boolean) => void): void {
    const { settings, time, roster } = this.#books;
    const { destroyTimeoutMs, destroy } = settings;
    callHook<void>({
      clock: time.clock,
      timeoutMs: destroyTimeoutMs,
      name: 'destroy',
      run: () => destroy(resource),
      done: (outcome) => {
        ended(!outcome.ok && outcome.timedOut);
      },
      late: () => {
        roster.abandoned--;
      },
    });
  }
}

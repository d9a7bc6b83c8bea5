import { Backoff } from './backoff.ts';
import type { Books } from './books.ts';
import type { Closer } from './closer.ts';
import { creationsWanted } from './creation-policy.ts';
import { CREATING, GONE_STATE, LEASED, newEntry, RESETTING, VALIDATING, type Entry } from './entry.ts';
import { callHook, type Outcome } from './hook.ts';
import type { Housekeeping } from './housekeeping.ts';
import type { LeaseHome } from './lease.ts';
import type { Lifetimes } from './lifetimes.ts';

/** How soon the queue is looked at again while nobody knows how long a creation takes. */
const FIRST_REVIEW_MS = 10;

/** Whom an opener works for, and with whom. */
interface Surroundings<R> {
  readonly home: LeaseHome<R>;
  readonly lifetimes: Lifetimes<R>;
  readonly housekeeping: Housekeeping;
  readonly closer: Closer<R>;
  /** Told of a resource that works and belongs to nobody yet. */
  readonly opened: (entry: Entry<R>) => void;
  /** Told that an attempt has failed. */
  readonly failed: () => void;
}

/** Opens resources: no more than are wanted, and after a failure no sooner than is reasonable. */
export class Opener<R> {
  readonly #books: Books<R>;
  readonly #surroundings: Surroundings<R>;
  readonly #backoff: Backoff;
  #lastEntryId = 0;

  constructor(books: Books<R>, surroundings: Surroundings<R>) {
    const { backoffMs, maxBackoffMs, random } = books.settings;
    this.#books = books;
    this.#surroundings = surroundings;
    this.#backoff = new Backoff(backoffMs, maxBackoffMs, random);
  }

  // Whether to open one

  mayOpen(now: number): boolean {
    return this.#books.roster.isOpen && now >= this.#backoff.retryAt;
  }

  /** Whether those who wait need another one. */
  isWanted(now: number): boolean {
    const { settings, roster, queue, chronicle } = this.#books;
    if (!this.mayOpen(now)) return false;
    const wanted = creationsWanted({
      waiting: queue.wanting,
      serving: roster.counted(LEASED) + roster.counted(VALIDATING) + roster.counted(RESETTING),
      creating: roster.counted(CREATING),
      room: roster.limit - roster.live,
      maxCreating: this.failures > 0 ? 1 : settings.maxCreating,
      useMs: chronicle.useMs,
      createMs: chronicle.createMs,
      oldestWaitMs: queue.oldestWaitMs(now),
    });
    return wanted > 0;
  }

  /** When to ask that again, if nothing happens before. */
  reviewAt(now: number): number {
    const { retryAt } = this.#backoff;
    return now < retryAt ? retryAt : now + (this.#books.chronicle.createMs ?? FIRST_REVIEW_MS);
  }

  /** How many rounds of attempts have failed since the last success. */
  get failures(): number {
    return this.#backoff.failures;
  }

  /** What the last failed attempt said. */
  get cause(): unknown {
    return this.#backoff.cause;
  }

  /** No attempt runs before this; 0 while attempts succeed. */
  get retryAt(): number {
    return this.#backoff.retryAt;
  }

  /** Creation keeps failing and nothing is left that could serve anybody: waiting would only delay the bad news. */
  get isBroken(): boolean {
    const { settings, roster } = this.#books;
    return this.#backoff.failures >= settings.failFastAfter && roster.staying === roster.counted(CREATING);
  }

  // Opening it

  /** Opens what `minIdle` asks for. */
  fill(): void {
    const { settings, time, roster } = this.#books;
    const { minIdle, maxCreating } = settings;
    const wants = (): boolean =>
      this.mayOpen(time.now) &&
      roster.counted(CREATING) < maxCreating &&
      roster.idle.length + roster.counted(CREATING) < minIdle &&
      roster.live < roster.size &&
      roster.hasRoom;
    while (wants()) this.open();
  }

  /** Opens one. */
  open(): Entry<R> {
    const { settings, time, roster } = this.#books;
    const { createTimeoutMs, create } = settings;
    const { home, housekeeping } = this.#surroundings;
    const abort = new AbortController();
    const entry = newEntry<R>(home, ++this.#lastEntryId, roster.generation, abort, time.now);
    roster.add(entry);
    housekeeping.begin(time.now);
    callHook<R>({
      clock: time.clock,
      timeoutMs: createTimeoutMs,
      name: 'create',
      run: () => create({ signal: abort.signal }),
      done: (outcome) => {
        if (entry.state.kind === CREATING) this.#opened(entry, outcome);
        else if (outcome.ok || !outcome.timedOut) this.#openedLate(entry, outcome);
      },
      late: (outcome) => {
        this.#openedLate(entry, outcome);
      },
    });
    return entry;
  }

  #opened(entry: Entry<R>, outcome: Outcome<R>): void {
    const { time, chronicle } = this.#books;
    const { lifetimes, opened } = this.#surroundings;
    const now = time.read();
    if (!outcome.ok) {
      this.#failed(entry, outcome.error, outcome.timedOut);
      return;
    }
    this.#backoff.succeeded();
    entry.resource = outcome.value;
    lifetimes.begin(entry, now);
    chronicle.created(entry.id, now - entry.since);
    opened(entry);
  }

  #failed(entry: Entry<R>, error: unknown, timedOut: boolean): void {
    const { time, roster, chronicle } = this.#books;
    if (timedOut) this.abandon(entry);
    else roster.move(entry, GONE_STATE);
    this.#backoff.failed(entry.id, this.#lastEntryId, time.now, error);
    chronicle.createFailed(error, this.failures);
    this.#surroundings.failed();
  }

  /** Waits no longer for one that is being opened. */
  abandon(entry: Entry<R>): void {
    const { roster, chronicle } = this.#books;
    if (entry.state.kind !== CREATING) throw new Error('BUG: only a creation can be abandoned as one');
    const { abort } = entry.state;
    roster.abandoned++;
    roster.move(entry, GONE_STATE);
    abort.abort(new Error('the pool no longer waits for this creation'));
    chronicle.abandoned(entry.id, 'create');
  }

  /** A creation that the pool had given up has come back. Its resource was never live and goes at once. */
  #openedLate(entry: Entry<R>, outcome: Outcome<R>): void {
    if (outcome.ok) this.#surroundings.closer.closeLate(entry, outcome.value);
    else this.#books.roster.abandoned--;
  }
}

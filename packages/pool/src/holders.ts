import type { Books } from './books.ts';
import type { BudgetAccount } from './budget-account.ts';
import type { Closer } from './closer.ts';
import { conclude, IDLE, isHeld, LEASED, type Entry, type Trace } from './entry.ts';
import { LeakWatch } from './leak-watch.ts';
import type { LeaseInfo } from './lease.ts';
import type { DestroyReason } from './observer.ts';
import { placeOfCall, textOfPlace } from './place-of-call.ts';
import type { LeaseOptions, Tuning } from './pool.ts';

const NO_TRACE: Trace = Object.freeze({
  acquiredAt: undefined,
  toTheEnd: false,
  endedAt: undefined,
  leakThresholdMs: undefined,
});

/** Who has what, for how long, and whether it looks as if it had been forgotten. */
export class Holders<R> {
  readonly #books: Books<R>;
  readonly #closer: Closer<R>;
  readonly #leaks: LeakWatch<R>;
  #collector: FinalizationRegistry<{ readonly entry: WeakRef<Entry<R>>; readonly id: number }> | undefined;
  /** When the last lease was collected. */
  #collectedAt: number | undefined;

  constructor(books: Books<R>, closer: Closer<R>) {
    this.#books = books;
    this.#closer = closer;
    this.#leaks = new LeakWatch(books.settings);
  }

  /** Takes other limits; what is not named stays. */
  retune(tuning: Tuning): void {
    this.#leaks.retune(tuning);
  }

  // What is known of leases

  /** Where a lease is being asked for, when that is to be remembered. Small, so that it costs the others nothing. */
  trace(options: LeaseOptions, timed: boolean): Trace | undefined {
    return timed || this.#leaks.captures || options.capture !== undefined ? this.#traceOf(options, timed) : undefined;
  }

  #traceOf({ capture, owner, leakThresholdMs }: LeaseOptions, timed: boolean): Trace | undefined {
    if (capture === false) return undefined;
    if (capture instanceof Error) return { acquiredAt: capture, toTheEnd: true, endedAt: undefined, leakThresholdMs };
    if (capture === true)
      return { acquiredAt: placeOfCall('acquired'), toTheEnd: true, endedAt: undefined, leakThresholdMs };
    if (!this.#leaks.isCaptured(owner, timed ? this.#books.time.now : undefined)) return undefined;
    return { ...NO_TRACE, acquiredAt: placeOfCall('acquired') };
  }

  /** All leases, longest first. */
  leases(): readonly LeaseInfo[] {
    const { time, roster } = this.#books;
    time.read();
    const leases: LeaseInfo[] = [];
    for (const entry of roster) if (entry.state.kind === LEASED) leases.push(this.describe(entry));
    return leases.toSorted((a, b) => b.ageMs - a.ageMs);
  }

  /** The numbers of those that count in a budget. */
  leasesOf(account: BudgetAccount): readonly number[] {
    return Array.from(this.#books.roster).flatMap(({ state, hold }) =>
      state === hold && hold.account === account ? [hold.id] : [],
    );
  }

  /** How long the oldest lease is held, and how many look like leaks: nobody's stack is put into words for that. */
  figures(now: number): { readonly oldestLeaseMs: number; readonly suspects: number } {
    let oldestLeaseMs = 0;
    let suspects = 0;
    for (const entry of this.#books.roster) {
      if (entry.state.kind !== LEASED) continue;
      oldestLeaseMs = Math.max(oldestLeaseMs, now - entry.since);
      if (this.#leaks.isSuspect(entry, now)) suspects++;
    }
    return { oldestLeaseMs, suspects };
  }

  /** The lease that has a resource. */
  describe(entry: Entry<R>): LeaseInfo {
    const { id, owner, allowedMs, trace, account } = entry.hold;
    const { now } = this.#books.time;
    return Object.freeze({
      id,
      resourceId: entry.id,
      owner,
      budget: account?.name,
      ageMs: now - entry.since,
      idleMs: this.#leaks.idleMs(entry, now),
      suspect: this.#leaks.isSuspect(entry, now),
      allowedMs,
      acquiredAt: textOfPlace(trace?.acquiredAt),
    });
  }

  /** Whether the lease that has the resource looks like a leak at this moment. */
  isSuspect(entry: Entry<R>): boolean {
    return this.#leaks.isSuspect(entry, this.#books.time.now);
  }

  /** How long ago the last lease was found that had been dropped; undefined where there was none. */
  collectedAgoMs(now: number): number | undefined {
    return this.#collectedAt === undefined ? undefined : now - this.#collectedAt;
  }

  /** Tells the observer that a lease has begun, after so long a wait. */
  tellAcquired(entry: Entry<R>, waitMs: number): void {
    this.#books.chronicle.tell((observer) => observer.acquired?.(this.describe(entry), waitMs));
  }

  /** Tells the observer that a lease is being given back. */
  tellReleased(entry: Entry<R>): void {
    this.#books.chronicle.tell((observer) => observer.released?.(this.describe(entry)));
  }

  // Taking them away

  /** Takes a lease from its holder; returns what it was. */
  revoke(entry: Entry<R>, how: string, reason: DestroyReason): LeaseInfo {
    const { chronicle } = this.#books;
    const info = this.describe(entry);
    conclude(entry.hold, how);
    chronicle.tally.revoked++;
    this.#closer.close(entry, reason);
    chronicle.tell((observer) => observer.revoked?.(info, how));
    return info;
  }

  // Looking for leaks

  /** A round of housekeeping. */
  look(now: number): void {
    this.watchHandles();
    for (const entry of Array.from(this.#books.roster)) this.#watchForLeak(entry, now);
  }

  /**
   * Lets the garbage collector tell about leases that are dropped. Only those that live through a round of housekeeping are
   * registered: registering every one would cost more than the lease itself. Nothing that is kept for them may keep the lease: a resource that
   * is gone remembers where that was, and a stack that nobody has read yet has hold of everybody in it.
   */
  watchHandles(): void {
    for (const entry of this.#books.roster) {
      const { state } = entry;
      if (state.kind !== LEASED || state.handle === undefined) continue;
      this.#collector ??= new FinalizationRegistry((lost) => {
        const found = lost.entry.deref();
        if (found !== undefined) this.#collect(found, lost.id);
      });
      // Read once it is text.
      textOfPlace(state.trace?.acquiredAt);
      this.#collector.register(state.handle, { entry: new WeakRef(entry), id: state.id });
      state.handle = undefined;
    }
  }

  /** The handle of a lease is gone: unless that has ended before, nobody can use or release its resource any more. */
  #collect(entry: Entry<R>, id: number): void {
    const { time, chronicle } = this.#books;
    if (!isHeld(entry, id)) return;
    this.#collectedAt = time.read();
    chronicle.tally.collected++;
    this.#leaks.mark(entry.hold.owner);
    const info = this.describe(entry);
    this.#closer.close(entry, 'collected');
    chronicle.tell((observer) => observer.collected?.(info));
  }

  #watchForLeak(entry: Entry<R>, now: number): void {
    const { chronicle } = this.#books;
    const { hold, state } = entry;
    // What is idle is looked at as well: a use after this round is its next holder's.
    if (state.kind === IDLE) this.#leaks.look(entry, now);
    const due = state.kind === LEASED ? this.#leaks.due(entry, now) : undefined;
    if (due === undefined) return;
    if (due === 'first') {
      chronicle.tally.suspected++;
      this.#leaks.mark(hold.owner);
      // With a trace it comes back by the way on which that is noticed.
      hold.trace ??= { ...NO_TRACE };
    }
    chronicle.tell((observer) => observer.suspected?.(this.describe(entry)));
  }

  /** Whether the lease that has the resource, or had it last, was ever suspected. */
  wasSuspected(entry: Entry<R>): boolean {
    return this.#leaks.wasReported(entry);
  }

  /** A lease that was suspected comes back. */
  returnLate(entry: Entry<R>): void {
    const { time, chronicle } = this.#books;
    time.read();
    chronicle.tally.returnedLate++;
    chronicle.tell((observer) => observer.returnedLate?.(this.describe(entry)));
  }

  /** Counts what the ledger says of those who have something. */
  findFault(): string | undefined {
    const { time, roster, queue } = this.#books;
    for (const { name, leased } of queue.ledger?.stats(time.now) ?? []) {
      const held = Array.from(roster).filter(({ state, hold }) => state === hold && hold.account?.name === name);
      if (held.length !== leased) return `budget ${name} has ${held.length} leases, ${leased} counted`;
    }
    return undefined;
  }
}

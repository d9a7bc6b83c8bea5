import type { BudgetAccount } from './budget-account.ts';
import { mayHaveMore, type BudgetStats, type BudgetTerms, type Claim } from './budgets.ts';
import type { Waiter } from './waiters.ts';

/** The place of a waiter among those of its budget. */
export interface Place<R> {
  readonly waiter: Waiter<R>;
  readonly line: BudgetLine<R>;
  /** It came as this one of all. */
  readonly turn: number;
  previous: Place<R> | undefined;
  next: Place<R> | undefined;
}

/** Who waits in one budget: first come, first served; anybody can leave from the middle in constant time. */
export class BudgetLine<R> implements Claim {
  readonly account: BudgetAccount;
  waiting = 0;
  #first: Place<R> | undefined;
  #last: Place<R> | undefined;

  constructor(account: BudgetAccount) {
    this.account = account;
  }

  get first(): Waiter<R> | undefined {
    return this.#first?.waiter;
  }

  get terms(): BudgetTerms {
    return this.account.terms;
  }

  get leased(): number {
    return this.account.leased;
  }

  get spent(): number {
    return this.account.spent;
  }

  get turn(): number {
    return this.#first?.turn ?? Infinity;
  }

  /** Whether somebody waits who may have one. */
  get isClaiming(): boolean {
    return this.waiting > 0 && mayHaveMore(this.account);
  }

  /** How many of those who wait may have one. */
  get claims(): number {
    return Math.max(0, Math.min(this.waiting, this.terms.max - this.leased));
  }

  /** Whether the budget is none any more and nobody is left in it. */
  get isOver(): boolean {
    return this.account.retired && this.leased === 0 && this.waiting === 0;
  }

  /** Somebody comes, as this one of all; returns its place. */
  join(waiter: Waiter<R>, turn: number): Place<R> {
    const place: Place<R> = { waiter, line: this, turn, previous: this.#last, next: undefined };
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    this.waiting++;
    return place;
  }

  leave(place: Place<R>): void {
    if (place.previous === undefined) this.#first = place.next;
    else place.previous.next = place.next;
    if (place.next === undefined) this.#last = place.previous;
    else place.next.previous = place.previous;
    // One that the collector has grown slow to look at would keep alive all that came after it.
    place.previous = undefined;
    place.next = undefined;
    this.waiting--;
  }

  /** What the budget has, as a message says it. */
  inWords(): string {
    const { name, leased, terms } = this.account;
    const most = terms.max === Infinity ? '' : ` of ${terms.max}`;
    const reserved = terms.reserved === 0 ? '' : ` (${terms.reserved} reserved)`;
    return `budget ${JSON.stringify(name)}: ${leased}${most} leased${reserved}, ${this.waiting} waiting`;
  }

  /** `limit` is what the budget may have where nothing else is said. */
  stats(now: number, limit: number): BudgetStats {
    const { name, terms, leased, granted, waited, timeouts } = this.account;
    return Object.freeze({
      name,
      reserved: terms.reserved,
      max: terms.max === Infinity ? limit : terms.max,
      weight: terms.weight,
      leased,
      waiting: this.waiting,
      oldestWaitMs: now - (this.first?.since ?? now),
      counters: Object.freeze({ granted, waited, timeouts }),
    });
  }
}

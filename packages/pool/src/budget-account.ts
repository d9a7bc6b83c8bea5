import { isBelowReserve, type BudgetTerms } from './budgets.ts';

/** What a lease costs beside the time that it is held: many that fall between two readings of the clock are not free. */
const GRANT_MS = 0.05;

/** What one budget may have, what it has, and what it has borrowed. */
export class BudgetAccount {
  readonly name: string;
  terms: BudgetTerms;
  /** It is no budget any more; who has or waits for something of it is still served. */
  retired = false;
  leased = 0;
  /**
   * Virtual time, as in start-time fair queueing: it passes for each lease beyond the reserve, the faster the smaller the weight. The
   * one for whom the least has passed is next.
   */
  spent = 0;
  #settledAt: number;
  granted = 0;
  waited = 0;
  timeouts = 0;

  constructor(name: string, terms: BudgetTerms, now: number) {
    this.name = name;
    this.terms = terms;
    this.#settledAt = now;
  }

  /** Charges what has been borrowed until now. */
  settle(now: number): void {
    const borrowed = Math.max(0, this.leased - this.terms.reserved);
    this.spent += (borrowed * (now - this.#settledAt)) / this.terms.weight;
    this.#settledAt = now;
  }

  /** Whoever has asked for nothing has saved nothing: it begins where the others are. */
  catchUp(spent: number): void {
    if (this.spent < spent) this.spent = spent;
  }

  /** Has one more. Needs to be settled. */
  lend(): void {
    if (!isBelowReserve(this)) this.spent += GRANT_MS / this.terms.weight;
    this.leased++;
    this.granted++;
  }
  /** Has one less. */
  giveBack(now: number): void {
    this.settle(now);
    this.leased--;
  }
}

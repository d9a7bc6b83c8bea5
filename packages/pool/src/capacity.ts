import type { SizeBounds } from './auto-size.ts';
import type { Books } from './books.ts';
import { BudgetLedger } from './budget-ledger.ts';
import { parseBudgets } from './budget-terms.ts';
import type { Budgets } from './budgets.ts';
import { parseResize } from './call-options.ts';
import type { Closer } from './closer.ts';
import { LEASED, type Entry } from './entry.ts';
import type { Opener } from './opener.ts';
import type { Resize } from './pool.ts';
import { checkedBounds } from './settings.ts';
import { Sizing } from './sizing.ts';

/** Whom a capacity works for. */
interface Surroundings<R> {
  readonly closer: Closer<R>;
  readonly opener: Opener<R>;
  /** Told when there may be more for those who wait. */
  readonly demand: () => void;
}

/** How many resources a pool may have, and who may have how many of them: as an operator says, and as it finds by itself. */
export class Capacity<R> {
  readonly #books: Books<R>;
  readonly #surroundings: Surroundings<R>;
  #sizing: Sizing<R> | undefined;

  constructor(books: Books<R>, surroundings: Surroundings<R>) {
    this.#books = books;
    this.#surroundings = surroundings;
    const { autoSize, budgets } = books.settings;
    this.#sizing = autoSize && new Sizing(books, autoSize);
    if (budgets !== undefined) this.#keepBudgets(budgets);
  }

  async resize(limits: Resize): Promise<void> {
    const { settings, time, roster } = this.#books;
    const { size, maxOverflow } = parseResize(limits, roster, settings.minIdle, this.#sizing?.bounds);
    time.read();
    await roster.untilGone(this.#limitTo(size, maxOverflow));
  }

  setAutoSize(bounds: SizeBounds | undefined): void {
    const { settings, roster } = this.#books;
    this.#sizing = bounds && new Sizing(this.#books, checkedBounds(bounds, roster.size, settings.minIdle));
  }

  setBudgets(budgets: Budgets): void {
    const { time, roster, queue } = this.#books;
    const now = time.read();
    if (queue.ledger === undefined) this.#keepBudgets(budgets);
    else queue.ledger.setTerms(parseBudgets(budgets, roster.limit), now);
    this.#surroundings.demand();
  }

  /** A round of housekeeping: another size, where it is to find that. */
  look(now: number): void {
    const { roster } = this.#books;
    if (this.#sizing === undefined || !roster.isOpen) return;
    const size = this.#sizing.look(now);
    if (size !== roster.size) this.#limitTo(size, roster.maxOverflow);
  }

  /** Returns what was idle and is too much now: it is being closed. */
  #limitTo(size: number, maxOverflow: number): readonly Entry<R>[] {
    const { roster, queue } = this.#books;
    const { closer, opener, demand } = this.#surroundings;
    queue.ledger?.setLimit(size + maxOverflow);
    roster.setLimits(size, maxOverflow);
    const surplus = closer.closeLongestIdle('overflow', Math.max(0, roster.staying - roster.limit));
    demand();
    opener.fill();
    return surplus;
  }

  /** From now on there are budgets; what is in use and who waits is the default's. Each use is timed: time is what they share. */
  #keepBudgets(budgets: Budgets): void {
    const { time, roster, queue } = this.#books;
    const { now } = time;
    const ledger = new BudgetLedger<R>(parseBudgets(budgets, roster.limit), roster.limit, now);
    time.timeAll();
    for (const { state } of roster) if (state.kind === LEASED) ledger.charge(state, undefined, now);
    queue.keepBudgets(ledger);
  }
}

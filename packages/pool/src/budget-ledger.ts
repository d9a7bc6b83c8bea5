import { BudgetAccount } from './budget-account.ts';
import { BudgetLine, type Place } from './budget-line.ts';
import { checkReserves, unknownBudget } from './budget-terms.ts';
import {
  DEFAULT_BUDGET,
  isBelowReserve,
  mayHaveMore,
  precedes,
  type BudgetStats,
  type BudgetTerms,
} from './budgets.ts';
import type { Hold } from './entry.ts';
import type { PoolError } from './errors.ts';
import type { Waiter } from './waiters.ts';

/**
 * How often everything may go round below the reserves while somebody waits whose budget has nothing reserved and nothing at all:
 * the next one is his. It matters only where everything is reserved, or where less can be opened than is reserved.
 */
const PATIENCE_ROUNDS = 4;
/**
 * Whoever has used less than its share may have as much more later: what its share is in so many milliseconds. Without that a budget
 * that asks for less than its share, but not at regular times, would wait for one that asks for more; and no budget ever waits
 * longer than this because others have saved.
 */
const CREDIT_MS = 1_000;

/** The budgets of a pool: who has what, who waits where, and who is next. That takes one step for each budget in which somebody waits. */
export class BudgetLedger<R> {
  /** How many leases there can be. */
  #limit: number;
  #terms: ReadonlyMap<string, BudgetTerms> = new Map();
  /** The sum of all. */
  #weights = 0;
  readonly #lines = new Map<string, BudgetLine<R>>();
  /** Those in which somebody waits. */
  readonly #busy = new Set<BudgetLine<R>>();
  #turn = 0;
  /** The most that anybody had spent who then had one beyond its reserve. */
  #spent = 0;
  /** How many in a row were handed out below a reserve while somebody waited who had nothing. */
  #passedOver = 0;

  constructor(terms: ReadonlyMap<string, BudgetTerms>, limit: number, now: number) {
    this.#limit = limit;
    this.setTerms(terms, now);
  }

  /** From now on these budgets exist. Who has something of another keeps it, and who waits in another is still served. */
  setTerms(terms: ReadonlyMap<string, BudgetTerms>, now: number): void {
    this.#terms = terms;
    this.#weights = 0;
    for (const { weight } of terms.values()) this.#weights += weight;
    for (const line of this.#lines.values()) this.#retire(line, now);
    for (const [name, own] of terms) {
      const account = this.#lines.get(name)?.account;
      if (account === undefined) {
        this.#lines.set(name, new BudgetLine(new BudgetAccount(name, own, now)));
        continue;
      }
      account.terms = own;
      account.retired = false;
    }
  }

  #retire(line: BudgetLine<R>, now: number): void {
    const { account } = line;
    if (line.isOver) this.#lines.delete(account.name);
    account.settle(now);
    account.retired = true;
    account.terms = { ...account.terms, reserved: 0 };
  }

  /** How many are reserved in all. */
  get reserved(): number {
    return Array.from(this.#terms.values()).reduce((sum, { reserved }) => sum + reserved, 0);
  }

  /** There can be more leases now, or fewer. Throws `CONFIG` when that is less than is reserved; nothing is changed then. */
  setLimit(limit: number): void {
    checkReserves(this.#terms, limit);
    this.#limit = limit;
  }

  /** Why callers cannot name this budget. */
  refusal(name: string | undefined): PoolError | undefined {
    return this.#has(name) ? undefined : unknownBudget(name, [...this.#terms.keys()]);
  }

  /** Whether whoever comes now may have what is free: nobody is waiting who could have it. */
  mayTake(name: string | undefined): boolean {
    if (!this.#has(name)) return false;
    for (const line of this.#busy) if (line.isClaiming) return false;
    return mayHaveMore(this.account(name));
  }

  /** The account of a budget that exists. */
  account(name?: string): BudgetAccount {
    return this.#line(name).account;
  }

  /** The account of a budget that has its most; undefined for one that may have more, or does not exist. */
  spentAccount(name: string = DEFAULT_BUDGET): BudgetAccount | undefined {
    const account = this.#lines.get(name)?.account;
    return account === undefined || mayHaveMore(account) ? undefined : account;
  }

  /** Whether all wait in a budget who may: of a queue of `most` its share by weight, and one at least. */
  isFull(name: string | undefined, most: number): boolean {
    const { waiting, terms } = this.#line(name);
    return waiting >= Math.max(1, Math.floor((most * terms.weight) / this.#weights));
  }

  // Waiting

  /** Somebody begins to wait. */
  join(waiter: Waiter<R>, name: string | undefined, now: number): void {
    const line = this.#line(name);
    if (line.waiting === 0) {
      line.account.settle(now);
      line.account.catchUp(this.#spent - this.#credit);
      this.#busy.add(line);
    }
    waiter.place = line.join(waiter, ++this.#turn);
  }

  /** Somebody waits no more. */
  leave({ place }: Waiter<R>): void {
    if (place === undefined) return;
    place.line.leave(place);
    if (place.line.waiting === 0) this.#busy.delete(place.line);
  }

  /** How many of those who wait may have one. */
  get claims(): number {
    let claims = 0;
    for (const line of this.#busy) claims += line.claims;
    return claims;
  }

  /** Who gets what comes free now; undefined when nobody waits who may have it. */
  next(now: number): Waiter<R> | undefined {
    let best: BudgetLine<R> | undefined;
    let needy: BudgetLine<R> | undefined;
    for (const line of this.#busy) {
      if (!line.isClaiming) continue;
      line.account.settle(now);
      if (best === undefined || precedes(line, best)) best = line;
      if (isNeedy(line.account) && (needy === undefined || precedes(line, needy))) needy = line;
    }
    const isTheirTurn = needy !== undefined && this.#passedOver >= PATIENCE_ROUNDS * this.#limit;
    return isTheirTurn ? needy?.first : best?.first;
  }

  /** Since when the first has waited of those who may have one. */
  get waitingSince(): number | undefined {
    let since: number | undefined;
    for (const { isClaiming, first } of this.#busy)
      if (isClaiming && first !== undefined) since = Math.min(since ?? Infinity, first.since);
    return since;
  }

  // Having

  /** A budget has a lease that begins now. */
  charge(hold: Hold<R>, name: string | undefined, now: number): void {
    this.#charge(hold, this.account(name), now);
  }

  /** The budget in which somebody waited has the lease that he gets. */
  chargeWaiter(hold: Hold<R>, { line }: Place<R>, now: number): void {
    line.account.waited++;
    this.#charge(hold, line.account, now);
  }

  #charge(hold: Hold<R>, account: BudgetAccount, now: number): void {
    hold.account = account;
    account.settle(now);
    account.catchUp(this.#spent - this.#credit);
    const isReserved = isBelowReserve(account);
    if (!isReserved) this.#spent = Math.max(this.#spent, account.spent);
    this.#passedOver = isReserved && this.#isSomebodyNeedy() ? this.#passedOver + 1 : 0;
    account.lend();
  }

  stats(now: number): readonly BudgetStats[] {
    const lines = Array.from(this.#lines.values()).filter(({ isOver }) => !isOver);
    return Object.freeze(lines.map((line) => line.stats(now, this.#limit)));
  }

  /** How much of what it could have spent a budget may save. */
  get #credit(): number {
    return (CREDIT_MS * this.#limit) / this.#weights;
  }

  #has(name: string = DEFAULT_BUDGET): boolean {
    return this.#terms.has(name);
  }

  #line(name: string = DEFAULT_BUDGET): BudgetLine<R> {
    const line = this.#lines.get(name);
    if (line === undefined) throw new Error(`BUG: there is no budget ${name}`);
    return line;
  }

  #isSomebodyNeedy(): boolean {
    for (const { isClaiming, account } of this.#busy) if (isClaiming && isNeedy(account)) return true;
    return false;
  }
}

/** Whether a budget has nothing, and nothing reserved that would bring it some. */
function isNeedy({ leased, terms }: BudgetAccount): boolean {
  return leased === 0 && terms.reserved === 0;
}

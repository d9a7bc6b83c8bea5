import type { Budgets, BudgetStats, Pool } from '@hive/pool';

interface Terms {
  readonly reserved: number;
  readonly max: number;
}

const DEFAULT = 'default';
/** How often everything may go round below the reserves before it is the turn of somebody who has nothing. */
const PATIENCE_ROUNDS = 4;

/** What budgets there are, as those who set them know it, and whether what a pool hands out is right by them. */
export class BudgetBook {
  #terms = new Map<string, Terms>();
  /** Those that were budgets once: who waits in one is still served. */
  readonly #former = new Map<string, Terms>();
  /** How many in a row were handed out below a reserve. */
  #belowInARow = 0;

  constructor(budgets: Budgets) {
    this.#set(budgets);
  }

  knows(name: string = DEFAULT): boolean {
    return this.#terms.has(name);
  }

  /** How many leases a budget may have. */
  most(name: string = DEFAULT): number {
    return this.#of(name).max;
  }

  fitInto(limit: number): boolean {
    return reservedBy(this.#terms.values()) <= limit;
  }

  /** Whether a pool has to accept these; they are what counts then. */
  accept(budgets: Budgets, limit: number): boolean {
    const isRight = isFit(budgets, limit);
    if (isRight) this.#set(budgets);
    return isRight;
  }

  /** How many wait who may have one. */
  claims({ budgets }: { readonly budgets: readonly BudgetStats[] | undefined }): number {
    return (budgets ?? []).reduce(
      (sum, { name, waiting, leased }) => sum + Math.max(0, Math.min(waiting, this.most(name) - leased)),
      0,
    );
  }

  /** Counted in what the pool says of its leases, not of its budgets. */
  leased(pool: Pool<unknown>, name: string = DEFAULT): number {
    return pool.leases().filter(({ budget }) => budget === name).length;
  }

  /** What is wrong with a lease that a budget has just got. */
  granted(pool: Pool<unknown>, name: string = DEFAULT, limit = 0): string | undefined {
    const leased = this.leased(pool, name);
    const { max, reserved } = this.#of(name);
    if (leased > max) return `budget ${name} has ${leased}, its most is ${max}`;
    if (leased <= reserved) {
      this.#belowInARow++;
      return undefined;
    }
    const isOwed = leased === 1 && this.#belowInARow >= PATIENCE_ROUNDS * limit;
    this.#belowInARow = 0;
    const poor = pool.waiters().find(({ budget = DEFAULT }) => {
      const has = this.leased(pool, budget);
      return has < this.#of(budget).reserved;
    });
    if (poor === undefined || isOwed) return undefined;
    return `budget ${name} got its number ${leased} while ${poor.budget} had less than it has reserved`;
  }

  #of(name: string): Terms {
    const terms = this.#terms.get(name) ?? this.#former.get(name);
    if (terms === undefined) throw new Error(`there has never been a budget ${name}`);
    return terms;
  }

  #set(budgets: Budgets): void {
    for (const [name, { max }] of this.#terms) this.#former.set(name, { reserved: 0, max });
    const parsed = Object.entries(budgets).map(
      ([name, { reserved = 0, max = Infinity }]) => [name, { reserved, max }] as const,
    );
    this.#terms = new Map([[DEFAULT, { reserved: 0, max: Infinity }], ...parsed]);
  }
}

/** Whether budgets are right for a pool of `limit`. */
export function isFit(budgets: Budgets, limit: number): boolean {
  const all = Object.values(budgets).map(({ reserved = 0, max = Infinity }) => ({ reserved, max }));
  return reservedBy(all) <= limit && all.every(({ reserved, max }) => reserved <= max);
}

function reservedBy(all: Iterable<Terms>): number {
  let sum = 0;
  for (const { reserved } of all) sum += reserved;
  return sum;
}

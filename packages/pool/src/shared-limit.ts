import { PoolError } from './errors.ts';
import { inWords } from './settings.ts';

const MOST = 1_000_000;
/** How many pools a message names. */
const MOST_NAMED = 5;

/** One limit over all pools of a process that reach the same server; made by `createLimit`. */
export interface SharedLimit {
  /** How many resources may be live in all of its pools together. */
  readonly most: number;
  /** Changes it. Less closes what is idle now and what is in use when it comes back. Throws `CONFIG` for what is no limit. */
  resize(most: number): void;
  stats(): SharedLimitStats;
}

/** Who has what of a shared limit. */
export interface SharedLimitStats {
  readonly most: number;
  readonly live: number;
  /** The pools that have something or wait for it, by name. */
  readonly pools: readonly { readonly name: string; readonly live: number; readonly waiting: boolean }[];
}

/** What a shared limit asks of a pool. */
export interface LimitedPool {
  readonly name: string;
  /** How many of its resources are on their way out. */
  closing(): number;
  /** Whether somebody waits in it for whom one would have to be opened. */
  wants(): boolean;
  /** Closes one that is idle; whether there was one. */
  yieldIdle(): boolean;
  /** There is room for one of its own. */
  wake(): void;
}

/**
 * Makes a limit to be given to several pools: `createPool({ sharedLimit, ... })`. At the limit, what is idle in one pool is closed for
 * another that has somebody waiting; where nothing is idle, what comes back in the pool that has most is, until both have as many.
 * Of pools that wait the one that has least is next. Throws `CONFIG` for what is no limit.
 */
export function createLimit(most: number): SharedLimit {
  return new Limit(most);
}

/** The seats that all pools of a limit have together. */
export class Limit implements SharedLimit {
  #most: number;
  #live = 0;
  #turn = 0;
  #waking = false;
  /** Those that have something or wait for it: a pool that nobody uses is not kept alive by its limit. */
  readonly #seats = new Set<Seat>();

  constructor(most: number) {
    this.#most = checkMost(most);
  }

  get most(): number {
    return this.#most;
  }

  get room(): number {
    return this.#most - this.#live;
  }

  seat(pool: LimitedPool): Seat {
    return new Seat(this, pool);
  }

  resize(most: number): void {
    this.#most = checkMost(most);
    this.wake();
    this.reclaim();
  }

  stats(): SharedLimitStats {
    const pools = Array.from(this.#seats, ({ pool, live, isWaiting }) =>
      Object.freeze({ name: pool.name, live, waiting: isWaiting }),
    );
    return Object.freeze({ most: this.#most, live: this.#live, pools: Object.freeze(pools) });
  }

  /** A pool has more, or less. */
  count(seat: Seat, change: 1 | -1): void {
    this.#live += change;
    this.keep(seat);
  }

  /** Remembers a pool as long as it has or wants something. */
  keep(seat: Seat): void {
    if (seat.live > 0 || seat.waitsSince !== undefined) this.#seats.add(seat);
    else this.#seats.delete(seat);
  }

  /** The place of whoever begins to wait. */
  nextTurn(): number {
    return ++this.#turn;
  }

  /** Wakes those who wait as long as there is room, the one that has least first. */
  wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    for (let next = this.#next(); this.room > 0 && next !== undefined; next = this.#next()) {
      next.waitsNoMore();
      next.pool.wake();
    }
    this.#waking = false;
  }

  /** Has idle ones closed, from who has most, until as many are on their way out as are wanted. */
  reclaim(): void {
    const byWealth = Array.from(this.#seats).toSorted((a, b) => b.live - a.live);
    for (const { pool } of byWealth) while (this.isShort && pool.yieldIdle());
  }

  /** Whether more is wanted than is on its way out. */
  get isShort(): boolean {
    let wanted = -this.room;
    for (const seat of this.#seats) wanted += Number(seat.isWaiting) - seat.pool.closing();
    return wanted > 0;
  }

  /** Whether more is live than may be, what is on its way out apart. */
  get isExceeded(): boolean {
    let staying = this.#live;
    for (const { pool } of this.#seats) staying -= pool.closing();
    return staying > this.#most;
  }

  /** Whether a pool has so much more than one that waits that both are nearer to each other when it has one less. */
  isRich(seat: Seat): boolean {
    const staying = ({ live, pool }: Seat): number => live - pool.closing();
    let richest = 0;
    for (const other of this.#seats) richest = Math.max(richest, staying(other));
    const poorest = this.#next();
    if (poorest === undefined || poorest === seat) return false;
    // Where there are more pools than there may be resources, they take turns.
    return staying(seat) - poorest.live >= 2 || (poorest.live === 0 && richest === 1);
  }

  /** The one that waits and has least; of those, the one that has waited longest. */
  #next(): Seat | undefined {
    let next: Seat | undefined;
    for (const seat of this.#seats) {
      if (!seat.isWaiting) continue;
      if (next === undefined || seat.live < next.live || (seat.live === next.live && seat.turn < next.turn))
        next = seat;
    }
    return next;
  }
}

/** What one pool has of a shared limit. */
export class Seat {
  readonly #limit: Limit;
  readonly pool: LimitedPool;
  /** How many of the pool's resources count. */
  live = 0;
  waitsSince: number | undefined;

  constructor(limit: Limit, pool: LimitedPool) {
    this.#limit = limit;
    this.pool = pool;
  }

  get room(): number {
    return this.#limit.room;
  }

  /** When it began to wait, among others. */
  get turn(): number {
    return this.waitsSince ?? Infinity;
  }

  /** Who has waited and wants nothing any more does not wait: nobody has to sign off. */
  get isWaiting(): boolean {
    return this.waitsSince !== undefined && this.pool.wants();
  }

  /** The pool opens one. */
  take(): void {
    this.live++;
    this.#limit.count(this, 1);
  }

  /** One of the pool's is gone. `wake` must follow. */
  giveUp(): void {
    this.live--;
    this.#limit.count(this, -1);
  }

  /** Who has all that there may be, as a message says it; undefined where there is room. */
  inWords(): string | undefined {
    if (this.room > 0) return undefined;
    const { live, most, pools } = this.#limit.stats();
    const shares = pools.toSorted((a, b) => b.live - a.live).map(({ name, live: share }) => `${name} ${share}`);
    return `${live} of the shared limit of ${most} live: ${shares.slice(0, MOST_NAMED).join(', ')}`;
  }

  /** Lets those who wait have what has come free. */
  wake(): void {
    this.#limit.wake();
  }

  /** Whether the pool may open one. When not, it waits, and one that is idle elsewhere is closed for it. */
  request(): boolean {
    if (this.room > 0) {
      this.waitsNoMore();
      return true;
    }
    this.waitsSince ??= this.#limit.nextTurn();
    this.#limit.keep(this);
    this.#limit.reclaim();
    if (this.room <= 0) {
      // Whoever was closed at once may have woken this one, which was not listening yet.
      this.waitsSince ??= this.#limit.nextTurn();
      this.#limit.keep(this);
      return false;
    }
    this.waitsNoMore();
    return true;
  }

  waitsNoMore(): void {
    if (this.waitsSince === undefined) return;
    this.waitsSince = undefined;
    this.#limit.keep(this);
  }

  /** Whether the pool has to close one that has come back: nobody in it needs it, or somebody elsewhere needs it more. */
  owes(isSpare: boolean): boolean {
    if (this.waitsSince === undefined && this.room > 0) return false;
    if (!this.#limit.isShort) return false;
    return isSpare || this.#limit.isExceeded || this.#limit.isRich(this);
  }
}

function checkMost(most: unknown): number {
  if (Number.isInteger(most) && (most as number) >= 1 && (most as number) <= MOST) return most as number;
  throw new PoolError('CONFIG', `the shared limit is ${inWords(most)}; expected a whole number from 1 to ${MOST}`);
}

import type { Books } from './books.ts';
import { CLOSING, CREATING, IDLE, KIND_NAMES, LEASED, RESETTING, VALIDATING, type Entry, type Trace } from './entry.ts';
import { PoolError, type PoolErrorCode } from './errors.ts';
import type { Holders } from './holders.ts';
import type { Opener } from './opener.ts';
import { textOfPlace } from './place-of-call.ts';
import type { SharedLimit } from './shared-limit.ts';
import type { PoolStats } from './stats.ts';
import { waiterInfo, type Waiter, type WaiterInfo } from './waiters.ts';

/** How many of a long queue an error names. */
const NAMED_AHEAD = 10;

function sharedOf(limit: SharedLimit | undefined): Pick<PoolStats, 'sharedLimit'> {
  if (limit === undefined) return {};
  const { most, live } = limit.stats();
  return { sharedLimit: Object.freeze({ most, live }) };
}

/** What a pool says of itself: in figures, and in words to whoever gets nothing from it. */
export class Report<R> {
  readonly #books: Books<R>;
  readonly #opener: Opener<R>;
  readonly #holders: Holders<R>;

  constructor(books: Books<R>, opener: Opener<R>, holders: Holders<R>) {
    this.#books = books;
    this.#opener = opener;
    this.#holders = holders;
  }

  /** `handedOut` is how many leases there have been. */
  stats(handedOut: number): PoolStats {
    const { settings, time, roster, queue, chronicle } = this.#books;
    const now = time.read();
    queue.dateNewcomers(now);
    return Object.freeze({
      name: settings.name,
      status: roster.status,
      size: roster.size,
      maxOverflow: roster.maxOverflow,
      minIdle: settings.minIdle,
      live: roster.live,
      leased: roster.counted(LEASED),
      idle: roster.counted(IDLE),
      creating: roster.counted(CREATING),
      validating: roster.counted(VALIDATING),
      resetting: roster.counted(RESETTING),
      closing: roster.counted(CLOSING),
      abandoned: roster.abandoned,
      waiting: queue.length,
      oldestWaitMs: now - (queue.first?.since ?? now),
      ...this.#holders.figures(now),
      collectedAgoMs: this.#holders.collectedAgoMs(now),
      generation: roster.generation,
      budgets: queue.ledger?.stats(now),
      ...sharedOf(settings.sharedLimit),
      ...chronicle.figures(handedOut),
    });
  }

  waiters(): readonly WaiterInfo[] {
    const { time, queue } = this.#books;
    const now = time.read();
    queue.dateNewcomers(now);
    return Array.from(queue, (waiter) => waiterInfo(waiter, now));
  }

  /** `waiter` is who is told: of the queue only those before it are in its way. */
  error(code: PoolErrorCode, what: string, cause?: unknown, waiter?: Waiter<R>): PoolError {
    const { time, roster, queue } = this.#books;
    const holders = this.#holders.leases();
    const waiting = queue.length;
    const others = ([IDLE, CREATING, VALIDATING, RESETTING, CLOSING] as const)
      .filter((kind) => roster.counted(kind) > 0)
      .map((kind) => `${roster.counted(kind)} ${KIND_NAMES[kind]}, `);
    const counts = `${holders.length} of ${roster.limit} leased, ${others.join('')}${waiting} waiting`;
    const longest = holders.slice(0, 3).map(({ owner, ageMs }) => lasting(owner, ageMs));
    const held = longest.length === 0 ? '' : `; held longest by ${longest.join(', ')}`;
    const ahead = queue.before(waiter, NAMED_AHEAD).map((one) => waiterInfo(one, time.now));
    const [next] = ahead;
    const first = next === undefined ? '' : `; waiting longest: ${lasting(next.owner, next.waitMs)}`;
    const shares = [waiter?.place?.line.inWords(), roster.seat?.inWords()].filter((share) => share !== undefined);
    const text = `${this.#title}: ${what} (${[counts, ...shares].join('; ')})${held}${first}`;
    return new PoolError(code, text, { cause, holders, waiting, ahead });
  }

  /** Why a caller is sent away whose time is up. */
  timeout(waiter: Waiter<R>, waitMs: number): PoolError {
    const late = `no resource came free within ${Math.round(waitMs)} ms`;
    if (this.#books.roster.status === 'suspended')
      return this.error('POOL_SUSPENDED', `the pool is suspended and ${late}`, undefined, waiter);
    return this.#opener.failures > 0
      ? this.error('POOL_TIMEOUT', `opening one fails and ${late}`, this.#opener.cause, waiter)
      : this.error('POOL_TIMEOUT', late, undefined, waiter);
  }

  /** Why callers are sent away at once when nothing can be opened. */
  createFailed(): PoolError {
    const { failures, cause } = this.#opener;
    const text = cause instanceof Error ? cause.message : String(cause);
    const times = failures === 1 ? '' : ` ${failures} times in a row`;
    return this.error('CREATE_FAILED', `opening a resource failed${times}: ${text}`, cause);
  }

  /** What whoever uses a lease is told that has ended. */
  stale(
    { id: resourceId, hold }: Entry<R>,
    id: number,
    owner: string | undefined,
    trace: Trace | undefined,
  ): PoolError {
    const whose = owner === undefined ? '' : ` of ${owner}`;
    const acquiredAt = textOfPlace(trace?.acquiredAt);
    const places = [acquiredAt, textOfPlace(trace?.endedAt)].filter((place) => place !== undefined);
    const ended = hold.id === id ? hold.ended : undefined;
    const now = ended === undefined ? "may be somebody else's now" : 'is gone';
    const what = `lease ${id}${whose} was ${ended ?? 'released'}; resource ${resourceId} ${now}`;
    return new PoolError('LEASE_STALE', [`${this.#title}: ${what}`, ...places].join('\n'), { acquiredAt });
  }

  get #title(): string {
    return `pool ${JSON.stringify(this.#books.settings.name)}`;
  }
}

function lasting(owner: string | undefined, ms: number): string {
  return `${owner ?? 'unnamed'} for ${(ms / 1000).toFixed(1)} s`;
}

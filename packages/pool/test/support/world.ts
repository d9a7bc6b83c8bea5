import {
  createPool,
  type Budgets,
  type FlushMode,
  type Lease,
  type Pool,
  type PoolError,
  type PoolStats,
} from '@hive/pool';
import { verifyPool, VirtualClock } from '@hive/pool/testing';
import { BudgetBook } from './budget-book.ts';
import { LeakBook, type KnownLease } from './leak-book.ts';
import { watch, type Watched } from './watched.ts';
import { Workshop, type Resource } from './workshop.ts';

/** The pool of one run. */
export interface Setup {
  readonly size: number;
  readonly maxOverflow: number;
  readonly minIdle: number;
  readonly maxWaiting: number;
  readonly maxCreating: number;
  readonly timeEvery: number;
  readonly validates: boolean;
  readonly resets: boolean;
  readonly validateAfterIdleMs: number;
  /** Whether the pool is told how often a resource was used. */
  readonly tellsUse: boolean;
  /** Those that the run begins with; without them it has none. */
  readonly budgets?: Budgets;
}

export const HOOKS = ['create', 'destroy', 'validate', 'reset'] as const;
export type Hook = (typeof HOOKS)[number];
/** What ends a lease. */
export type Ending = 'release' | 'destroy' | 'takeAway';
/** How a hook answers: at once, well or badly; or when the run says so, which may be too late or never. */
export type Mood = 'ok' | 'fail' | 'later';

interface Call {
  readonly hook: Hook;
  readonly answer: (ok: boolean) => void;
}

/** One call of `acquire`. */
interface Ask {
  readonly number: number;
  readonly budget: string | undefined;
  readonly deadline: number;
  readonly controller: AbortController | undefined;
  state: 'waiting' | 'served' | 'refused';
}

interface Held extends KnownLease {
  readonly lease: Lease<Resource>;
}

const LEAK_MS = 5_000;

/**
 * A pool, and a book beside it that is kept by what callers and hooks see, not by what the pool says of itself. `verify` compares the
 * two and throws when a rule is broken.
 */
export class World {
  readonly clock = new VirtualClock();
  readonly pool: Pool<Resource>;
  readonly moods: Record<Hook, Mood> = { create: 'ok', destroy: 'ok', validate: 'ok', reset: 'ok' };
  /** Hooks that have not answered yet. */
  readonly calls: Call[] = [];
  /** Happens within the next hook that is called, once. */
  interruption: (() => void) | undefined;
  /** Leases in use, and leases that have ended. */
  held: Held[] = [];
  readonly ended: Lease<Resource>[] = [];
  readonly #shop = new Workshop();
  readonly #leaks: LeakBook;
  readonly #asks: Ask[] = [];
  readonly #verbs: Watched<unknown>[] = [];
  readonly #seen = { served: 0, aborted: 0, timeouts: 0, overloaded: 0, stale: 0, revoked: 0, ends: 0, endings: 0 };
  #limit: number;
  readonly #budgets: BudgetBook | undefined;
  #live = 0;
  #servedWhenSuspended: number | undefined;
  #revoking = false;
  #forceAt: number | undefined;

  constructor({ validates, resets, tellsUse, ...setup }: Setup) {
    this.#limit = setup.size + setup.maxOverflow;
    this.#leaks = new LeakBook({
      clock: this.clock,
      thresholdMs: LEAK_MS,
      tellsUse,
      held: () => this.held,
      broken: (rule) => {
        this.#broken(rule);
      },
    });
    this.#budgets = setup.budgets === undefined ? undefined : new BudgetBook(setup.budgets);
    this.pool = createPool<Resource>({
      ...setup,
      clock: this.clock,
      random: () => 0.5,
      create: () => this.#call('create', () => this.#shop.make()),
      destroy: (resource) => {
        resource.end();
        this.#seen.ends++;
        return this.#call<void>(
          'destroy',
          () => {},
          () => {
            this.#seen.endings++;
          },
        );
      },
      ...(validates ? { validate: (resource) => this.#use('validate', resource, true) } : {}),
      ...(resets ? { reset: (resource) => this.#use('reset', resource, undefined) } : {}),
      acquireTimeoutMs: 1_000,
      createTimeoutMs: 60,
      destroyTimeoutMs: 60,
      validateTimeoutMs: 40,
      resetTimeoutMs: 40,
      idleTimeoutMs: 4_000,
      overflowIdleTimeoutMs: 1_500,
      maxLifetimeMs: 9_000,
      maxBackoffMs: 400,
      leakThresholdMs: LEAK_MS,
      observer: {
        ...this.#leaks.observer,
        ...(this.#budgets === undefined
          ? {}
          : {
              acquired: ({ budget }) => {
                this.#granted(budget);
              },
            }),
      },
      ...(tellsUse ? { uses: (resource) => this.#leaks.uses(resource) } : {}),
    });
  }

  get waiting(): readonly Ask[] {
    return this.#asks.filter(({ state }) => state === 'waiting');
  }

  get closing(): boolean {
    return this.#forceAt !== undefined;
  }

  // What callers do

  acquire(timeoutMs: number, abortable: boolean, wanted?: string): void {
    const budget = this.#budgets === undefined ? undefined : wanted;
    const controller = abortable ? new AbortController() : undefined;
    const ask: Ask = {
      number: this.#asks.length + 1,
      budget,
      deadline: this.clock.now() + timeoutMs,
      controller,
      state: 'waiting',
    };
    this.#asks.push(ask);
    // Whoever names no budget has the default, and the other way round.
    const name = budget === 'default' ? undefined : budget;
    const wasKnown = this.#budgets?.knows(budget) ?? true;
    const promise = this.pool.acquire({
      timeoutMs,
      signal: controller?.signal,
      owner: `caller ${ask.number}`,
      budget: name,
    });
    // A hook that ran meanwhile may have changed the budgets.
    const isKnown = wasKnown && (this.#budgets?.knows(budget) ?? true);
    promise.then(
      (lease) => {
        ask.state = 'served';
        if (!wasKnown) this.#broken(`caller ${ask.number} has a lease of budget ${budget}, which does not exist`);
        const overtaken = this.waiting.find((other) => other.number < ask.number && other.budget === budget);
        if (overtaken !== undefined) this.#broken(`caller ${ask.number} was served before caller ${overtaken.number}`);
        this.#hold(lease);
      },
      (error: PoolError) => {
        ask.state = 'refused';
        if (error.code !== 'CONFIG' || isKnown) this.#refused(ask, error);
      },
    );
  }

  tryAcquire(wanted?: string): void {
    const { status, ...stats } = this.pool.stats();
    const budget = this.#budgets?.knows(wanted) === true ? wanted : undefined;
    const before = this.#budgets?.leased(this.pool, budget) ?? 0;
    const lease = this.pool.tryAcquire({ budget });
    if (lease === undefined) return;
    if (before >= (this.#budgets?.most(budget) ?? Infinity)) this.#broken(`budget ${budget} has more than it may`);
    const waiting = this.#budgets?.claims(stats) ?? stats.waiting;
    if (waiting > 0) this.#broken('somebody who does not wait overtook the queue');
    if (status !== 'open') this.#broken(`a ${status} pool handed out a lease`);
    this.#hold(lease);
  }

  end(index: number, how: Ending): void {
    const [held] = this.held.splice(index % this.held.length, 1);
    if (held === undefined) return;
    if (!held.lease.active) {
      this.#takenAway(held);
      return;
    }
    held.resource.leave(`lease ${held.lease.id}`);
    held.lease[how]();
    this.#leaks.ended(held, how === 'takeAway' ? 'revoked' : 'given back');
    this.ended.push(held.lease);
  }

  use(index: number, how: 'shortly' | 'for a while'): void {
    const held = this.held[index % this.held.length];
    if (held?.lease.active === true) this.#leaks.use(held, how);
  }

  endAgain(index: number, how: Ending): void {
    this.ended[index % this.ended.length]?.[how]();
    this.#seen.stale++;
  }

  // What operators do

  resize(size: number, maxOverflow: number): void {
    if (this.#budgets?.fitInto(size + maxOverflow) !== false) this.#limit = size + maxOverflow;
    // In a hook, what exists may have grown since the last look, under the old limit.
    this.#live = this.pool.stats().live;
    this.#verbs.push(watch(this.pool.resize({ size, maxOverflow })));
  }

  setBudgets(budgets: Budgets): void {
    const book = this.#budgets;
    if (book === undefined) return;
    const before = this.pool.stats().budgets;
    const isRight = book.accept(budgets, this.#limit);
    let refusal: unknown;
    try {
      this.pool.setBudgets(budgets);
    } catch (error) {
      refusal = error;
    }
    if (isRight === (refusal === undefined)) {
      if (!isRight && JSON.stringify(before) !== JSON.stringify(this.pool.stats().budgets))
        this.#broken('budgets that were refused have changed something');
      return;
    }
    this.#broken(`budgets ${JSON.stringify(budgets)} were ${isRight ? 'refused' : 'accepted'}`);
  }

  suspend(): void {
    this.pool.suspend();
    this.#servedWhenSuspended ??= this.#servedByPool;
  }

  resume(): void {
    this.#servedWhenSuspended = undefined;
    this.pool.resume();
  }

  warm(): void {
    this.#verbs.push(watch(this.pool.warm()));
  }

  flush(mode: FlushMode): void {
    this.#dropRevoked();
    this.#revoking ||= mode === 'all' || mode === 'leaked';
    this.#verbs.push(watch(this.pool.flush(mode)));
    const looks = this.held.map((held) => ({ lease: held.lease, ...this.#leaks.looks(held) }));
    this.#dropRevoked();
    for (const { lease, leaked, used } of looks) {
      if (lease.active && (mode === 'all' || (mode === 'leaked' && leaked)))
        this.#broken(`flush('${mode}') left lease ${lease.id}`);
      if (!lease.active && (mode === 'idle' || mode === 'graceful' || (mode === 'leaked' && used)))
        this.#broken(`flush('${mode}') took lease ${lease.id}`);
    }
  }

  close(graceMs: number): void {
    this.#forceAt ??= this.clock.now() + graceMs;
    this.#verbs.push(watch(this.pool.close({ graceMs })));
  }

  async tick(ms: number): Promise<void> {
    this.#revoking ||= this.closing;
    await this.clock.advance(ms);
    const late = this.waiting.find(({ deadline }) => deadline <= this.clock.now());
    if (late !== undefined) this.#broken(`caller ${late.number} waits beyond its deadline`);
    const spared = this.held.find(({ lease }) => lease.active);
    if (spared !== undefined && this.#forceAt !== undefined && this.clock.now() >= this.#forceAt)
      this.#broken(`lease ${spared.lease.id} outlives the grace period`);
    if (!this.closing) this.#leaks.verifyTold();
  }

  // What must always hold

  verify(): void {
    verifyPool(this.pool);
    const stats = this.pool.stats();
    this.#verifyLeases(stats);
    this.#verifyLimit(stats);
    this.#verifyQueue(stats);
    this.#verifyCounters(stats);
    this.#leaks.verifyCounters(stats);
    this.#revoking = false;
    this.#throwFaults();
  }

  #verifyLeases({ leased, status }: PoolStats): void {
    this.#dropRevoked();
    if (leased !== this.held.length) this.#broken(`${this.held.length} hold a lease, the pool says ${leased}`);
    if (new Set(this.held.map(({ resource }) => resource)).size < leased) this.#broken('a resource is in two leases');
    const zombie = this.ended.find(({ active }) => active);
    if (zombie !== undefined) this.#broken(`lease ${zombie.id} has ended and still works`);
    if (status === 'closed' && leased > 0) this.#broken('a lease lives on in a closed pool');
  }

  #verifyLimit({ live, leased, idle, creating, validating, resetting, closing, abandoned }: PoolStats): void {
    if (leased + idle + creating + validating + resetting + closing !== live) this.#broken('the kinds do not add up');
    if (live > Math.max(this.#limit, this.#live)) this.#broken(`${live} live, the limit is ${this.#limit}`);
    this.#live = live;
    const opening = this.calls.filter(({ hook }) => hook === 'create').length;
    const existing = opening + this.#shop.made.length - this.#seen.endings;
    if (existing !== live + abandoned)
      this.#broken(`${existing} exist, the pool knows of ${live} and ${abandoned} abandoned`);
  }

  #verifyQueue({ waiting, idle, validating, status, budgets }: PoolStats): void {
    const claims = this.#budgets?.claims({ budgets }) ?? waiting;
    if (waiting !== this.waiting.length) this.#broken(`${this.waiting.length} wait, the pool says ${waiting}`);
    if (status === 'open' && idle > 0 && claims > validating) this.#broken('somebody waits beside an idle resource');
    if (this.closing && waiting > 0) this.#broken('somebody waits in a closed pool');
    if (this.#servedWhenSuspended !== undefined && this.#servedByPool !== this.#servedWhenSuspended)
      this.#broken('a suspended pool handed out a lease');
  }

  #verifyCounters({ counters }: PoolStats): void {
    const { served, aborted, timeouts, overloaded, stale, revoked, ends } = this.#seen;
    const destroyed = Object.values(counters.destroyed).reduce((sum, count) => sum + count, 0);
    const compared = {
      served: [served, counters.immediate + counters.waited],
      aborted: [aborted, counters.aborted],
      timeouts: [timeouts, counters.timeouts],
      overloaded: [overloaded, counters.overloaded],
      staleReleases: [stale, counters.staleReleases],
      revoked: [revoked, counters.revoked],
      destroyed: [ends, destroyed],
      created: [this.#shop.made.length, counters.created + counters.destroyed.late],
      observerErrors: [0, counters.observerErrors],
    };
    for (const [name, [seen, counted]] of Object.entries(compared))
      if (seen !== counted) this.#broken(`${name}: ${seen} seen, ${counted} counted`);
  }

  /** Everybody behaves from now on: whoever waits is served. Then the pool closes, and nothing is left. */
  async finish(): Promise<PoolStats> {
    for (const hook of HOOKS) this.moods[hook] = 'ok';
    this.interruption = undefined;
    if (!this.closing) await this.#serveEverybody();
    this.close(0);
    await this.#settleEverything(6_000);
    this.verify();
    const stats = this.pool.stats();
    if (stats.status !== 'closed' || stats.live > 0 || stats.abandoned > 0)
      this.#broken(`after its close the pool is ${stats.status}, ${stats.live} live, ${stats.abandoned} abandoned`);
    const pending = this.#verbs.filter(({ state }) => state === 'pending').length;
    if (pending > 0) this.#broken(`${pending} verbs have no answer`);
    if (this.#shop.alive.length > 0) this.#broken(`resources ${this.#shop.alive.join()} outlive the pool`);
    if (this.clock.aliveTimers > 0) this.#broken('a closed pool keeps the process alive');
    this.#throwFaults();
    return stats;
  }

  async #serveEverybody(): Promise<void> {
    this.resume();
    const patient = this.waiting.filter(({ deadline }) => deadline > this.clock.now() + 60_000);
    for (let round = 0; round < 20; round++) {
      while (this.held.length > 0) this.end(0, 'release');
      await this.#settleEverything(500);
    }
    const starved = patient.find(({ state }) => state !== 'served');
    if (starved !== undefined) this.#broken(`caller ${starved.number} is ${starved.state} in a healthy pool`);
  }

  async #settleEverything(ms: number): Promise<void> {
    for (const call of this.calls.splice(0)) call.answer(true);
    await this.tick(ms);
    this.verify();
  }

  // Keeping the book

  /** Called by the pool at the moment when it hands something out. */
  #granted(budget: string | undefined): void {
    const fault = this.#budgets?.granted(this.pool, budget, this.#limit);
    if (fault !== undefined) this.#broken(fault);
  }

  get #servedByPool(): number {
    const { immediate, waited } = this.pool.stats().counters;
    return immediate + waited;
  }

  #hold(lease: Lease<Resource>): void {
    this.#seen.served++;
    if (!lease.active) {
      if (!this.#revoking) this.#broken(`lease ${lease.id} was dead on arrival`);
      this.#revoked(lease);
      return;
    }
    const { resource } = lease;
    resource.enter(`lease ${lease.id}`);
    this.held.push({ id: lease.id, lease, resource, since: this.clock.now() });
  }

  #dropRevoked(): void {
    const revoked = this.held.filter(({ lease }) => !lease.active);
    if (revoked.length > 0 && !this.#revoking) this.#broken(`lease ${revoked[0]?.lease.id} ended by itself`);
    for (const held of revoked) this.#takenAway(held);
    this.held = this.held.filter(({ lease }) => lease.active);
  }

  #takenAway(held: Held): void {
    this.#leaks.ended(held, 'revoked');
    this.#revoked(held.lease);
  }

  #revoked(lease: Lease<Resource>): void {
    this.#seen.revoked++;
    this.ended.push(lease);
  }

  #refused(ask: Ask, { code }: PoolError): void {
    switch (code) {
      case 'POOL_TIMEOUT':
      case 'POOL_SUSPENDED':
        this.#seen.timeouts++;
        if (this.clock.now() < ask.deadline) this.#broken(`caller ${ask.number} was sent away before its deadline`);
        break;
      case 'ABORTED':
        this.#seen.aborted++;
        if (ask.controller?.signal.aborted !== true) this.#broken(`caller ${ask.number} never aborted`);
        break;
      case 'OVERLOADED':
        this.#seen.overloaded++;
        break;
      case 'POOL_CLOSED':
        if (!this.closing) this.#broken('the pool is not closed');
        break;
      case 'CREATE_FAILED':
        break;
      case 'CONFIG':
      case 'LEASE_STALE':
        this.#broken(`caller ${ask.number} was refused with ${code}`);
    }
  }

  #use<T>(hook: Hook, resource: Resource, value: T): T | Promise<T> {
    resource.enter(hook);
    return this.#call(
      hook,
      () => value,
      () => {
        resource.leave(hook);
      },
    );
  }

  /** Answers in the hook's mood. `done` runs with the answer, whatever it is. */
  #call<T>(hook: Hook, make: () => T, done: () => void = (): void => {}): T | Promise<T> {
    const { interruption } = this;
    this.interruption = undefined;
    interruption?.();
    const mood = this.moods[hook];
    if (mood === 'later')
      return new Promise((resolve, reject) => {
        this.calls.push({
          hook,
          answer: (ok) => {
            done();
            if (ok) resolve(make());
            else reject(new Error(`${hook} fails`));
          },
        });
      });
    done();
    if (mood === 'fail') throw new Error(`${hook} fails`);
    return make();
  }

  #broken(rule: string): void {
    this.#shop.faults.push(rule);
  }

  #throwFaults(): void {
    if (this.#shop.faults.length > 0) throw new Error(this.#shop.faults.join('; '));
  }
}

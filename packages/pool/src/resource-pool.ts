import { Alarm } from './alarm.ts';
import { AutoSize, type SizeBounds } from './auto-size.ts';
import { Backoff } from './backoff.ts';
import { checkAcquireOptions, checkLeaseOptions, checkResize, isDuration } from './call-options.ts';
import { Breather } from './breather.ts';
import type { BudgetAccount } from './budget-account.ts';
import { BudgetLedger } from './budget-ledger.ts';
import { parseBudgets, unknownBudget } from './budget-terms.ts';
import type { Budgets } from './budgets.ts';
import { LONGEST_MS, type Clock, type Timer } from './clock.ts';
import { creationsWanted } from './creation-policy.ts';
import {
  CLOSING,
  CREATING,
  GONE,
  IDLE,
  isHeld,
  KIND_NAMES,
  LEASED,
  mayFollow,
  newEntry,
  RESETTING,
  VALIDATING,
  type Entry,
  type EntryKind,
  type EntryState,
  type Hold,
  type Trace,
} from './entry.ts';
import { PoolError, type PoolErrorCode } from './errors.ts';
import { Histogram } from './histogram.ts';
import { callHook, isThenable, type Outcome } from './hook.ts';
import { LeakWatch } from './leak-watch.ts';
import { Lease, type LeaseHome, type LeaseInfo } from './lease.ts';
import type { DestroyReason, PoolObserver } from './observer.ts';
import { placeOfCall } from './place-of-call.ts';
import type {
  AcquireOptions,
  CloseReport,
  FlushMode,
  FlushReport,
  LeaseOptions,
  Pool,
  Resize,
  Tuning,
} from './pool.ts';
import { Sampler } from './sampler.ts';
import {
  checkLimit,
  checkedBounds,
  inWords,
  parseSettings,
  withinBounds,
  wrongOption,
  type PoolOptions,
  type PoolSettings,
} from './settings.ts';
import { Limit, type Seat, type SharedLimit } from './shared-limit.ts';
import { newTally, type PoolStats } from './stats.ts';
import { Vigils } from './vigils.ts';
import { WaitQueue, type Waiter, type WaiterInfo } from './waiters.ts';

/** Makes a pool. Throws `PoolError` with code `CONFIG` for a wrong option; nothing has been opened then. */
export function createPool<R>(options: PoolOptions<R>): Pool<R> {
  return new ResourcePool(parseSettings(options));
}

const HOUSEKEEPING_MS = 1_000;
/** How long before its end, at least, a resource gets a successor: two rounds of housekeeping, so that none ends unnoticed. */
const SUCCESSION_MS = 2 * HOUSEKEEPING_MS;
/** Weight of the newest sample in the smoothed durations: about the last dozen count. */
const SMOOTHING = 0.15;
/** How soon the queue is looked at again while nobody knows how long a creation takes. */
const FIRST_REVIEW_MS = 10;
const DEFAULT_GRACE_MS = 5_000;
/** How many of a long queue an error names. */
const NAMED_AHEAD = 10;
const NO_OPTIONS: AcquireOptions = Object.freeze({});
const IDLE_STATE = Object.freeze({ kind: IDLE });
const GONE_STATE = Object.freeze({ kind: GONE });

/** The state machine. Every change of a resource goes through `#move`; every freed capacity ends in `#demand`. */
export class ResourcePool<R> implements Pool<R>, LeaseHome<R> {
  readonly #settings: PoolSettings<R>;
  readonly #clock: Clock;
  readonly #observer: PoolObserver;
  readonly #breather: Breather;
  /** A resource that comes back is idle at once: nobody validates, resets, observes or accounts for it. */
  #returnsPlainly: boolean;
  readonly #backoff: Backoff;
  #autoSize: AutoSize | undefined;
  #size: number;
  #maxOverflow: number;
  #limit: number;
  #maxLifetimeMs: number;
  #status: PoolStats['status'] = 'open';
  #generation = 1;

  readonly #entries = new Set<Entry<R>>();
  /** How many resources are of each kind, by the kind's number. */
  readonly #count = new Int32Array(KIND_NAMES.length);
  /** Last in, first out: what was used last is the least likely to need validation. */
  readonly #idle: Entry<R>[] = [];
  readonly #queue = new WaitQueue<R>();
  /** Who of the queue is next, where there are budgets. */
  #ledger: BudgetLedger<R> | undefined;
  /** What the pool has of a limit that it shares. */
  readonly #seat: Seat | undefined;
  /** The first of those in the queue who came in this turn of the event loop, when not all of them are timed. */
  #newcomer: Waiter<R> | undefined;
  /** They will be dated when the loop turns. */
  #dating = false;
  readonly #vigils = new Vigils<R>();
  #abandoned = 0;
  #lastEntryId = 0;
  #lastLeaseId = 0;

  #sampler: Sampler;
  readonly #leaks: LeakWatch<R>;
  /** When the last lease was collected. */
  #collectedAt: number | undefined;
  /** The last reading of the clock: good enough for what is not timed. */
  #now: number;
  #useMs: number | undefined;
  #createMs: number | undefined;
  readonly #tally = newTally();
  readonly #waitTime = new Histogram();
  readonly #useTime = new Histogram();
  readonly #createTime = new Histogram();

  readonly #deadline: Alarm;
  readonly #review: Alarm;
  readonly #housekeeping: Alarm;
  /** The queue is being served already; what happens meanwhile is taken into account. */
  #demanding = false;
  #closed: Promise<CloseReport> | undefined;
  #collector: FinalizationRegistry<{ readonly entry: Entry<R>; readonly id: number }> | undefined;

  constructor(settings: PoolSettings<R>) {
    const { clock, observer, size, maxOverflow, backoffMs, maxBackoffMs, random } = settings;
    this.#settings = settings;
    this.#clock = clock;
    this.#observer = observer;
    this.#breather = new Breather(clock);
    this.#autoSize = settings.autoSize && new AutoSize(settings.autoSize);
    this.#sampler = new Sampler(settings.timeEvery);
    this.#leaks = new LeakWatch(settings);
    this.#backoff = new Backoff(backoffMs, maxBackoffMs, random);
    this.#deadline = new Alarm(clock, () => {
      this.#expireDue();
    });
    this.#review = new Alarm(clock, () => {
      this.#demand();
    });
    this.#housekeeping = new Alarm(clock, () => {
      this.#keepHouse();
    });
    this.#size = size;
    this.#maxOverflow = maxOverflow;
    this.#limit = size + maxOverflow;
    this.#maxLifetimeMs = settings.maxLifetimeMs;
    this.#returnsPlainly = !settings.validates && !settings.resets && observer.released === undefined;
    this.#now = clock.now();
    this.#seat = this.#seatAt(settings.sharedLimit);
    if (this.#seat !== undefined) this.#returnsPlainly = false;
    if (settings.budgets !== undefined) this.#keepBudgets(settings.budgets);
    this.#fill();
  }

  get name(): string {
    return this.#settings.name;
  }

  // Borrowing

  acquire(options: AcquireOptions = NO_OPTIONS): Promise<Lease<R>> {
    const waits = options === null || options.signal?.aborted === true;
    const lease = waits ? undefined : this.#grantIdle(options);
    if (lease === undefined) return this.#wait(options);
    return this.#breather.holding ? this.#afterBreath(lease) : Promise.resolve(lease);
  }

  #afterBreath(lease: Lease<R>): Promise<Lease<R>> {
    return new Promise((resolve) => {
      this.#breather.hold(() => {
        resolve(lease);
      });
    });
  }

  tryAcquire(options: LeaseOptions = NO_OPTIONS): Lease<R> | undefined {
    const isKnown = options !== null && options.budget !== undefined && this.#wrongBudget(options.budget) === undefined;
    const lease = options === null ? undefined : this.#grantIdle(options);
    if (lease !== undefined) return lease;
    // What a hook has made of the budgets meanwhile is not the caller's mistake.
    const wrong = checkLeaseOptions('tryAcquire', options) ?? (isKnown ? undefined : this.#wrongBudget(options.budget));
    if (wrong !== undefined) throw wrong;
    return undefined;
  }

  /** A lease on an idle resource; undefined when there is none, or none that is known to work without waiting, or it is asked for wrongly. */
  #grantIdle(options: LeaseOptions): Lease<R> | undefined {
    if (options.allowedMs !== undefined && !isDuration(options.allowedMs)) return undefined;
    if (this.#ledger !== undefined || options.budget !== undefined) return this.#lendIdle(options);
    if (this.#idle.length === 0 || this.#queue.length > 0 || this.#status !== 'open') return undefined;
    const timed = this.#isTimed();
    const now = timed || !this.#settings.validates ? this.#now : this.#readClock();
    const entry = this.#takeIdle(now);
    if (entry === undefined) return undefined;
    this.#tally.immediate++;
    this.#waitTime.recordZero();
    if (timed) this.#breather.check(now);
    return this.#grant(entry, options.owner, options.allowedMs, this.#trace(options), timed, 0);
  }

  /** Whether this caller is to be timed; the clock has been read then. */
  #isTimed(): boolean {
    if (!this.#sampler.isDue()) return false;
    this.#sampler.take(this.#readClock());
    return true;
  }

  /** Where a lease is being asked for, when that is to be remembered. */
  #trace({ capture, owner }: LeaseOptions): Trace | undefined {
    if (capture !== true && (!this.#leaks.captures || !this.#leaks.isCaptured(owner))) return undefined;
    return { acquiredAt: placeOfCall('acquired'), endedAt: undefined };
  }

  /** Takes the best idle resource off the stack. Undefined when none is left, or when one is being validated first. */
  #takeIdle(now: number): Entry<R> | undefined {
    const { validates, validateAfterIdleMs } = this.#settings;
    for (
      let entry = this.#idle.pop();
      entry !== undefined;
      entry = this.#status === 'open' ? this.#idle.pop() : undefined
    ) {
      if (now >= entry.expiresAt) {
        this.#close(entry, 'lifetime');
        continue;
      }
      if (!validates || now - entry.since < validateAfterIdleMs) return entry;
      if (this.#validate(entry)) return this.#reconsider(entry);
      if (entry.state.kind === VALIDATING) return undefined;
    }
    return undefined;
  }

  /** The hook that has just found it good may have suspended, closed or flushed the pool: then it is for `#free` to say. */
  #reconsider(entry: Entry<R>): Entry<R> | undefined {
    if (this.#status === 'open' && this.#unfit(entry) === undefined) return entry;
    this.#free(entry);
    return undefined;
  }

  #grant(
    entry: Entry<R>,
    owner: string | undefined,
    allowedMs: number | undefined,
    trace: Trace | undefined,
    timed: boolean,
    waitMs: number,
  ): Lease<R> {
    const { hold } = entry;
    hold.id = ++this.#lastLeaseId;
    hold.owner = owner;
    hold.allowedMs = allowedMs;
    hold.timed = timed;
    hold.trace = trace;
    this.#move(entry, hold);
    const lease = new Lease<R>(entry, hold.id, owner, trace);
    hold.handle = lease;
    if (this.#observer.acquired !== undefined) this.#tellAcquired(entry, waitMs);
    return lease;
  }

  giveBack(entry: Entry<R>, id: number, destroy: boolean): void {
    const { hold } = entry;
    if (!isHeld(entry, id)) {
      this.#tally.staleReleases++;
      return;
    }
    if (hold.timed || this.#queue.isNextTimed) this.#endUse(entry);
    const isPlain = !destroy && hold.trace === undefined && this.#returnsPlainly;
    if (isPlain) this.#free(entry);
    else this.#takeBack(entry, id, destroy);
  }

  #endUse({ hold, since }: Entry<R>): void {
    const now = this.#readClock();
    if (!hold.timed) return;
    this.#useTime.record(now - since);
    this.#useMs = smooth(this.#useMs, now - since);
  }

  /** Takes back what needs more than to be free again: with a trace, a budget, an observer, a validator, a reset, or to be destroyed. */
  #takeBack(entry: Entry<R>, id: number, destroy: boolean): void {
    const { hold } = entry;
    // A use that was timed has just read the clock.
    if (this.#settings.validates && !hold.timed) this.#readClock();
    if (destroy || hold.trace !== undefined) conclude(hold, destroy ? 'destroyed' : undefined);
    if (hold.trace !== undefined && this.#leaks.wasReported(entry)) {
      this.#returnLate(entry);
      // The observer may have flushed it.
      if (!isHeld(entry, id)) return;
    }
    if (this.#observer.released !== undefined) {
      this.#tellReleased(entry);
      // The observer may have flushed it.
      if (!isHeld(entry, id)) return;
    }
    if (hold.account !== undefined) this.#payBack(hold);
    if (destroy) this.#close(entry, 'caller');
    else if (this.#owes(true)) this.#close(entry, 'overflow');
    else if (this.#settings.resets && this.#unfit(entry) === undefined) this.#reset(entry);
    else this.#free(entry);
  }

  stale(entry: Entry<R>, id: number, owner: string | undefined, trace: Trace | undefined): PoolError {
    const whose = owner === undefined ? '' : ` of ${owner}`;
    const places = [trace?.acquiredAt?.stack, trace?.endedAt?.stack].filter((place) => place !== undefined);
    const ended = entry.hold.id === id ? entry.hold.ended : undefined;
    const now = ended === undefined ? "may be somebody else's now" : 'is gone';
    const what = `lease ${id}${whose} was ${ended ?? 'released'}; resource ${entry.id} ${now}`;
    return new PoolError('LEASE_STALE', [`${this.#title()}: ${what}`, ...places].join('\n'));
  }

  // Budgets

  /** From now on there are budgets; what is in use and who waits is the default's. Each use is timed: time is what they share. */
  #keepBudgets(budgets: Budgets): void {
    const ledger = new BudgetLedger<R>(parseBudgets(budgets, this.#limit), this.#limit, this.#now);
    this.#dateNewcomers(this.#now);
    this.#sampler = new Sampler(1);
    this.#ledger = ledger;
    this.#returnsPlainly = false;
    for (const { state } of this.#entries) if (state.kind === LEASED) this.#charge(state, ledger.account());
    for (const waiter of this.#queue) ledger.join(waiter, undefined, this.#now);
  }

  /** What `#grantIdle` does, for a budget. */
  #lendIdle(options: LeaseOptions): Lease<R> | undefined {
    const { owner, budget, allowedMs } = options;
    const mayTake = (): boolean => this.#status === 'open' && this.#ledger?.mayTake(budget) === true;
    if (this.#idle.length === 0 || !mayTake()) return undefined;
    const timed = this.#isTimed();
    const entry = this.#takeIdle(this.#readClock());
    if (entry === undefined) return undefined;
    if (!mayTake()) {
      // The hook that has just found it good has changed the budgets, or taken what there was.
      this.#free(entry);
      return undefined;
    }
    this.#tally.immediate++;
    this.#waitTime.recordZero();
    this.#breather.check(this.#now);
    const account = this.#ledger?.account(budget);
    if (account !== undefined) this.#charge(entry.hold, account);
    return this.#grant(entry, owner, allowedMs, this.#trace(options), timed, 0);
  }

  #charge(hold: Hold<R>, account: BudgetAccount): void {
    hold.account = account;
    this.#ledger?.lend(account, this.#now);
  }

  /** A budget has one less from the moment that its lease ends, so that it counts when it is asked who is next. */
  #payBack(hold: Hold<R>): void {
    const { account } = hold;
    hold.account = undefined;
    if (account !== undefined) this.#ledger?.giveBack(account, this.#now);
  }

  #wrongBudget(budget: string | undefined): PoolError | undefined {
    if (this.#ledger !== undefined) return this.#ledger.refusal(budget);
    return budget === undefined ? undefined : unknownBudget(budget, []);
  }

  // Waiting

  #wait(options: AcquireOptions): Promise<Lease<R>> {
    const refusal = this.#refusal(options);
    if (refusal !== undefined) return this.#refuse(refusal);
    // Not `Promise.withResolvers`: the compiler sees through this form only, which is a tenth of a contended lease.
    const trace = this.#trace(options);
    return new Promise((resolve, reject) => {
      this.#enqueue(options, trace, resolve, reject);
    });
  }

  #enqueue(
    options: AcquireOptions,
    trace: Trace | undefined,
    resolve: Waiter<R>['resolve'],
    reject: Waiter<R>['reject'],
  ): void {
    const { owner, allowedMs, budget, signal, timeoutMs = this.#settings.acquireTimeoutMs } = options;
    const timed = this.#isTimed();
    const waiter: Waiter<R> = {
      owner,
      allowedMs,
      trace,
      timeoutMs,
      weight: timed ? this.#sampler.stride : 0,
      since: this.#now,
      resolve,
      reject,
      unsubscribe: undefined,
      previous: undefined,
      next: undefined,
      queued: false,
      place: undefined,
    };
    if (signal !== undefined) this.#listen(waiter, signal);
    this.#queue.push(waiter);
    this.#ledger?.join(waiter, budget, this.#now);
    this.#deadline.keepAlive(true);
    if (this.#sampler.stride > 1) this.#dateSoon(waiter);
    if (timed) this.#deadline.by(this.#now + timeoutMs, this.#now);
    this.#demand();
    if (waiter.queued && timeoutMs === 0) this.#expire(waiter, this.#now);
  }

  /**
   * In a dense stream only some who come are timed, unless they still wait when the event loop turns: from then on each is, and
   * its wait counts from there.
   */
  #dateSoon(waiter: Waiter<R>): void {
    this.#newcomer ??= waiter;
    if (this.#dating) return;
    this.#dating = true;
    this.#clock.nextTurn(() => {
      this.#dating = false;
      this.#dateNewcomers(this.#readClock());
    });
  }

  #dateNewcomers(now: number): void {
    for (let waiter = this.#newcomer; waiter !== undefined; waiter = waiter.next) {
      if (waiter.weight === 0) {
        waiter.since = now;
        this.#deadline.by(now + waiter.timeoutMs, now);
      }
      waiter.weight = 1;
    }
    this.#newcomer = undefined;
  }

  #listen(waiter: Waiter<R>, signal: AbortSignal): void {
    const leave = (): void => {
      this.#tally.aborted++;
      this.#leave(waiter, this.#error('ABORTED', 'the caller aborted its wait', signal.reason, waiter));
    };
    signal.addEventListener('abort', leave, { once: true });
    waiter.unsubscribe = () => {
      signal.removeEventListener('abort', leave);
    };
  }

  /** Why a caller may not even wait. */
  #refusal(options: AcquireOptions): PoolError | undefined {
    if (this.#isClosing()) return this.#error('POOL_CLOSED', 'the pool is closed');
    const wrong = checkAcquireOptions(options);
    if (wrong !== undefined) return wrong;
    const { signal, budget } = options;
    if (signal?.aborted === true) {
      this.#tally.aborted++;
      return this.#error('ABORTED', 'the caller had aborted before it asked', signal.reason);
    }
    const unknown = this.#wrongBudget(budget);
    if (unknown !== undefined) return unknown;
    if (this.#isBroken() && this.#readClock() < this.#backoff.retryAt) return this.#createFailed();
    if (this.#isFull(budget)) {
      this.#tally.overloaded++;
      return this.#error('OVERLOADED', `the queue${inBudget(budget)} is full`);
    }
    return undefined;
  }

  #isFull(budget: string | undefined): boolean {
    const { maxWaiting } = this.#settings;
    return this.#ledger?.isFull(budget, maxWaiting) ?? this.#queue.length >= maxWaiting;
  }

  #refuse(reason: PoolError): Promise<never> {
    this.#readClock();
    return new Promise((_, reject) => {
      this.#answer(() => {
        reject(reason);
      });
    });
  }

  #leave(waiter: Waiter<R>, reason: PoolError): void {
    this.#unqueue(waiter);
    this.#answer(() => {
      waiter.reject(reason);
    });
  }

  /** Sends a caller away; when the event loop is owed a turn, after that: who is sent away at once may come back at once. */
  #answer(settle: () => void): void {
    if (this.#breather.check(this.#now)) this.#breather.hold(settle);
    else settle();
  }

  #unqueue(waiter: Waiter<R>): void {
    if (waiter === this.#newcomer) this.#newcomer = waiter.next;
    this.#queue.remove(waiter);
    this.#ledger?.leave(waiter);
    waiter.unsubscribe?.();
    if (this.#queue.length > 0) return;
    this.#deadline.keepAlive(false);
    this.#seat?.waitsNoMore();
  }

  #expire(waiter: Waiter<R>, now: number): void {
    const waitMs = now - waiter.since;
    this.#tally.timeouts++;
    if (waiter.place !== undefined) waiter.place.line.account.timeouts++;
    this.#waitTime.record(waitMs);
    const late = `no resource came free within ${Math.round(waitMs)} ms`;
    const error =
      this.#status === 'suspended'
        ? this.#error('POOL_SUSPENDED', `the pool is suspended and ${late}`, undefined, waiter)
        : this.#backoff.failures > 0
          ? this.#error('POOL_TIMEOUT', `opening one fails and ${late}`, this.#backoff.cause, waiter)
          : this.#error('POOL_TIMEOUT', late, undefined, waiter);
    this.#leave(waiter, error);
    this.#tell(() => this.#observer.timedOut?.(waiter.owner, waitMs));
  }

  // One alarm for all deadlines: a timer of its own would cost a waiter more than the rest of its wait.
  #expireDue(): void {
    const now = this.#readClock();
    this.#dateNewcomers(now);
    for (const waiter of this.#queue) {
      const deadline = waiter.since + waiter.timeoutMs;
      if (deadline <= now) this.#expire(waiter, now);
      else this.#deadline.by(deadline, now);
    }
  }

  // Serving

  /** A resource that works and belongs to nobody goes to the head of the queue, to the idle stack, or away. Needs a fresh `#now`. */
  #free(entry: Entry<R>): void {
    const unfit = this.#isFit(entry) ? undefined : this.#unfit(entry);
    if (unfit !== undefined) {
      this.#close(entry, unfit);
      return;
    }
    const waiter = this.#queue.first === undefined ? undefined : this.#next();
    if (waiter !== undefined && this.#status === 'open') {
      this.#serve(entry, waiter);
      return;
    }
    this.#move(entry, IDLE_STATE);
    this.#idle.push(entry);
  }

  /** Who gets what comes free now. */
  #next(): Waiter<R> | undefined {
    return this.#ledger === undefined ? this.#queue.first : this.#ledger.next(this.#now);
  }

  /** How many wait who may have one. */
  #wanting(): number {
    return this.#ledger?.claims ?? this.#queue.length;
  }

  /** Hands over at the moment of release: a turn later somebody else could come in between. */
  #serve(entry: Entry<R>, waiter: Waiter<R>): void {
    const timed = waiter.weight > 0;
    const waitMs = timed ? this.#endWait(waiter) : 0;
    this.#unqueue(waiter);
    this.#tally.waited++;
    const account = waiter.place?.line.account;
    if (account !== undefined) {
      account.waited++;
      this.#charge(entry.hold, account);
    }
    const lease = this.#grant(entry, waiter.owner, waiter.allowedMs, waiter.trace, timed, waitMs);
    if (this.#breather.check(this.#now)) this.#resolveAfterBreath(waiter, lease);
    else waiter.resolve(lease);
  }

  #endWait(waiter: Waiter<R>): number {
    const waitMs = this.#now - waiter.since;
    this.#waitTime.record(waitMs, waiter.weight);
    return waitMs;
  }

  #resolveAfterBreath(waiter: Waiter<R>, lease: Lease<R>): void {
    this.#breather.hold(() => {
      waiter.resolve(lease);
    });
  }

  /** The usual answer of `#unfit`, for less. */
  #isFit(entry: Entry<R>): boolean {
    return (
      entry.generation === this.#generation &&
      this.#now < entry.expiresAt &&
      this.#entries.size <= this.#limit &&
      this.#status !== 'closing'
    );
  }

  /** Why a resource must not be handed out any more. */
  #unfit(entry: Entry<R>): DestroyReason | undefined {
    if (this.#status === 'closing') return 'closed';
    if (entry.generation !== this.#generation) return 'condemned';
    if (this.#now >= entry.expiresAt) return 'lifetime';
    if (this.#entries.size > this.#limit && this.#staying() > this.#limit) return 'overflow';
    return undefined;
  }

  /** The queue may want what is idle, or what does not exist yet. Called wherever capacity comes free or demand is added. */
  #demand(): void {
    this.#seat?.wake();
    if (this.#demanding || this.#status !== 'open' || this.#queue.length === 0) return;
    if (this.#idle.length === 0 && this.#entries.size >= this.#limit) return;
    const now = this.#readClock();
    this.#dateNewcomers(now);
    this.#demanding = true;
    this.#serveIdle(now);
    while (this.#mayCreate(now) && this.#creationsWanted(now) > 0 && this.#seat?.request() !== false) {
      this.#create();
      // The hook may have been the one to make something idle, or to resume.
      this.#serveIdle(now);
    }
    this.#demanding = false;
    if (this.#wanting() <= this.#counted(CREATING) || this.#entries.size >= this.#limit) return;
    const { retryAt } = this.#backoff;
    this.#review.by(now < retryAt ? retryAt : now + (this.#createMs ?? FIRST_REVIEW_MS), now);
  }

  #mayCreate(now: number): boolean {
    return this.#status === 'open' && now >= this.#backoff.retryAt;
  }

  /** Serves the queue from the idle stack. There is something in both only after a resume or beside a validation. */
  #serveIdle(now: number): void {
    while (this.#status === 'open' && this.#wanting() > this.#counted(VALIDATING) && this.#idle.length > 0) {
      const entry = this.#takeIdle(now);
      // Back through the front door: a hook that ran meanwhile may have ended the wait.
      if (entry !== undefined) this.#free(entry);
    }
  }

  #creationsWanted(now: number): number {
    return creationsWanted({
      waiting: this.#wanting(),
      serving: this.#counted(LEASED) + this.#counted(VALIDATING) + this.#counted(RESETTING),
      creating: this.#counted(CREATING),
      room: this.#limit - this.#entries.size,
      maxCreating: this.#backoff.failures > 0 ? 1 : this.#settings.maxCreating,
      useMs: this.#useMs,
      createMs: this.#createMs,
      oldestWaitMs: now - ((this.#ledger === undefined ? this.#queue.first?.since : this.#ledger.waitingSince) ?? now),
    });
  }

  // Sharing a limit

  #seatAt(limit: SharedLimit | undefined): Seat | undefined {
    if (limit === undefined) return undefined;
    if (!(limit instanceof Limit)) throw wrongOption('sharedLimit', limit, 'what createLimit has made');
    return limit.seat({
      name: this.name,
      closing: () => this.#counted(CLOSING),
      wants: () =>
        this.#status === 'open' && this.#wanting() > this.#counted(CREATING) && this.#entries.size < this.#limit,
      yieldIdle: () => this.#yieldIdle(),
      wake: () => {
        this.#demand();
      },
    });
  }

  /** Closes what has lain idle longest. */
  #yieldIdle(): boolean {
    const [entry] = this.#idle;
    if (entry === undefined) return false;
    this.#readClock();
    this.#closeIdle(entry, 'overflow');
    return true;
  }

  /** Whether another pool is to have the place of a resource. One that is new was opened for somebody who waits here. */
  #owes(isUsed: boolean): boolean {
    if (this.#seat === undefined) return false;
    const isSpare = this.#wanting() === 0;
    return (isSpare || isUsed) && this.#seat.owes(isSpare);
  }

  // Creating

  #create(): Entry<R> {
    const { createTimeoutMs, create } = this.#settings;
    const abort = new AbortController();
    const entry = newEntry<R>(this, ++this.#lastEntryId, this.#generation, abort, this.#now);
    this.#entries.add(entry);
    this.#seat?.take();
    this.#count[CREATING] = this.#counted(CREATING) + 1;
    this.#housekeeping.by(this.#now + HOUSEKEEPING_MS, this.#now);
    callHook<R>({
      clock: this.#clock,
      timeoutMs: createTimeoutMs,
      name: 'create',
      run: () => create({ signal: abort.signal }),
      done: (outcome) => {
        if (entry.state.kind === CREATING) this.#created(entry, outcome);
        else if (outcome.ok || !outcome.timedOut) this.#createdLate(entry, outcome);
      },
      late: (outcome) => {
        this.#createdLate(entry, outcome);
      },
    });
    return entry;
  }

  #created(entry: Entry<R>, outcome: Outcome<R>): void {
    const now = this.#readClock();
    if (!outcome.ok) {
      this.#creationFailed(entry, outcome.error, outcome.timedOut);
      return;
    }
    const createMs = now - entry.since;
    this.#backoff.succeeded();
    this.#createMs = smooth(this.#createMs, createMs);
    this.#createTime.record(createMs);
    this.#tally.created++;
    entry.resource = outcome.value;
    entry.openedAt = now;
    this.#limitLife(entry, now);
    this.#tell(() => this.#observer.created?.(entry.id, createMs));
    if (this.#owes(false)) this.#close(entry, 'overflow');
    else this.#free(entry);
    this.#demand();
  }

  #creationFailed(entry: Entry<R>, error: unknown, timedOut: boolean): void {
    if (timedOut) this.#abandonCreation(entry);
    else this.#move(entry, GONE_STATE);
    this.#tally.createFailures++;
    this.#backoff.failed(entry.id, this.#lastEntryId, this.#now, error);
    this.#tell(() => this.#observer.createFailed?.(error, this.#backoff.failures));
    if (this.#isBroken()) for (const waiter of this.#queue) this.#leave(waiter, this.#createFailed());
    this.#demand();
  }

  #abandonCreation(entry: Entry<R>): void {
    if (entry.state.kind !== CREATING) throw new Error('BUG: only a creation can be abandoned as one');
    const { abort } = entry.state;
    this.#abandoned++;
    this.#move(entry, GONE_STATE);
    abort.abort(new Error('the pool no longer waits for this creation'));
    this.#tell(() => this.#observer.abandoned?.(entry.id, 'create'));
  }

  /** A creation that the pool had given up has come back. Its resource was never live and goes at once. */
  #createdLate(entry: Entry<R>, outcome: Outcome<R>): void {
    if (!outcome.ok) {
      this.#abandoned--;
      return;
    }
    this.#tally.destroyed.late++;
    this.#destroy(outcome.value, (timedOut) => {
      if (!timedOut) this.#abandoned--;
      this.#tell(() => this.#observer.destroyed?.(entry.id, 'late'));
    });
  }

  /** Creation keeps failing and nothing is left that could serve anybody: waiting would only delay the bad news. */
  #isBroken(): boolean {
    const usable = this.#staying() - this.#counted(CREATING);
    return this.#backoff.failures >= this.#settings.failFastAfter && usable === 0;
  }

  #createFailed(): PoolError {
    const { failures, cause } = this.#backoff;
    const text = cause instanceof Error ? cause.message : String(cause);
    const times = failures === 1 ? '' : ` ${failures} times in a row`;
    return this.#error('CREATE_FAILED', `opening a resource failed${times}: ${text}`, cause);
  }

  /** Opens what `minIdle` asks for. */
  #fill(): void {
    const { minIdle, maxCreating } = this.#settings;
    const wants = (): boolean =>
      this.#mayCreate(this.#now) &&
      this.#counted(CREATING) < maxCreating &&
      this.#idle.length + this.#counted(CREATING) < minIdle &&
      this.#entries.size < this.#size &&
      (this.#seat === undefined || this.#seat.room > 0);
    while (wants()) this.#create();
  }

  async warm(): Promise<number> {
    for (;;) {
      this.#readClock();
      this.#fill();
      if (this.#isClosing()) throw this.#error('POOL_CLOSED', 'the pool is closed');
      if (this.#counted(CREATING) > 0) await this.#until(this.#entries, ({ state }) => state.kind === CREATING);
      else if (this.#backoff.failures > 0 && this.#idle.length < this.#settings.minIdle) throw this.#createFailed();
      else return this.#entries.size;
    }
  }

  // Validating, resetting, destroying

  /** Whether the resource is known to be good now. The answer of an asynchronous hook comes to `#free` later. */
  #validate(entry: Entry<R>): boolean {
    const { validateTimeoutMs, validate } = this.#settings;
    const state: EntryState<R> = { kind: VALIDATING };
    this.#move(entry, state);
    this.#tally.validations++;
    let inline = true;
    let good = false;
    callHook<boolean>({
      clock: this.#clock,
      timeoutMs: validateTimeoutMs,
      name: 'validate',
      run: () => validate(entry.resource as R),
      done: (outcome) => {
        if (entry.state !== state) return;
        this.#readClock();
        good = outcome.ok && outcome.value;
        if (!good) this.#invalidate(entry, outcome.ok ? undefined : outcome.error);
        if (inline) return;
        if (good) this.#free(entry);
        // Who waited for this one may have to turn to another.
        this.#demand();
      },
    });
    inline = false;
    return good;
  }

  /** One resource failed validation: those that were opened before it failed are not trusted either. */
  #invalidate(entry: Entry<R>, cause: unknown): void {
    this.#tally.validationFailures++;
    this.#tell(() => this.#observer.invalidated?.(entry.id, entry.generation, cause));
    // First the others, lest the place that this one frees brings one of them forward to fail as well.
    if (entry.generation === this.#generation) this.#condemn();
    // The observer may have flushed it.
    if (entry.state.kind === VALIDATING) this.#close(entry, 'invalid');
  }

  #condemn(): void {
    this.#generation++;
    for (const entry of this.#idle.splice(0)) this.#close(entry, 'condemned');
  }

  /** Most resets have nothing to do: the synchronous way makes nothing and reads no clock. */
  #reset(entry: Entry<R>): void {
    const state: EntryState<R> = { kind: RESETTING };
    this.#move(entry, state);
    let result: unknown;
    let isPending: boolean;
    try {
      result = this.#settings.reset(entry.resource as R);
      isPending = isThenable(result);
    } catch {
      if (entry.state === state) this.#close(entry, 'reset-failed');
      return;
    }
    if (isPending) this.#awaitReset(entry, state, result as PromiseLike<void>);
    else if (entry.state === state) this.#free(entry);
  }

  #awaitReset(entry: Entry<R>, state: EntryState<R>, result: PromiseLike<void>): void {
    callHook<void>({
      clock: this.#clock,
      timeoutMs: this.#settings.resetTimeoutMs,
      name: 'reset',
      run: () => result,
      done: (outcome) => {
        if (entry.state !== state) return;
        this.#readClock();
        if (outcome.ok) this.#free(entry);
        else this.#close(entry, 'reset-failed');
      },
    });
    // Its budget has one less meanwhile, and may have another that is idle.
    if (this.#ledger !== undefined) this.#demand();
  }

  /** Ends a resource that is live. It counts until the hook has come back, or until its time is up. */
  #close(entry: Entry<R>, reason: DestroyReason): void {
    if (entry.hold.account !== undefined) this.#payBack(entry.hold);
    this.#move(entry, { kind: CLOSING, reason });
    this.#tally.destroyed[reason]++;
    this.#destroy(entry.resource as R, (timedOut) => {
      if (timedOut) this.#abandoned++;
      this.#move(entry, GONE_STATE);
      entry.resource = undefined;
      this.#tell(() => this.#observer.destroyed?.(entry.id, reason));
      if (timedOut) this.#tell(() => this.#observer.abandoned?.(entry.id, 'destroy'));
      this.#demand();
    });
    // It may have been the last to serve the queue, and closing may take long.
    this.#demand();
  }

  #destroy(resource: R, ended: (timedOut: boolean) => void): void {
    const { destroyTimeoutMs, destroy } = this.#settings;
    callHook<void>({
      clock: this.#clock,
      timeoutMs: destroyTimeoutMs,
      name: 'destroy',
      run: () => destroy(resource),
      done: (outcome) => {
        ended(!outcome.ok && outcome.timedOut);
      },
      late: () => {
        this.#abandoned--;
      },
    });
  }

  /** The only place where a resource changes what it is doing. */
  #move(entry: Entry<R>, next: EntryState<R>): void {
    const from = entry.state.kind;
    const to = next.kind;
    if (!mayFollow(from, to)) throw impossible(entry, to);
    this.#count[from] = this.#counted(from) - 1;
    this.#count[to] = this.#counted(to) + 1;
    entry.state = next;
    entry.since = this.#now;
    if (to === GONE) {
      this.#entries.delete(entry);
      this.#seat?.giveUp();
    }
    if (this.#vigils.length > 0) this.#vigils.moved(entry);
  }

  #counted(kind: EntryKind): number {
    return this.#count[kind] as number;
  }

  async #untilGone(entries: Iterable<Entry<R>>): Promise<void> {
    await this.#until(entries, (entry) => entry.state.kind !== GONE);
  }

  /** Resolves when `pending` holds for none of the entries any more. A caller waits for it, so the process stays. */
  async #until(entries: Iterable<Entry<R>>, pending: (entry: Entry<R>) => boolean): Promise<void> {
    const stay = this.#clock.after(LONGEST_MS, () => {});
    await this.#vigils.until(entries, pending);
    stay.cancel();
  }

  // Housekeeping

  #keepHouse(): void {
    const now = this.#readClock();
    this.#sampler.expectNext();
    for (const entry of Array.from(this.#entries)) this.#retire(entry, now);
    this.#watchHandles();
    for (const entry of Array.from(this.#entries)) this.#watchForLeak(entry, now);
    this.#suit(now);
    this.#fill();
    const isNeeded = this.#entries.size > 0 || this.#settings.minIdle > 0;
    // All pools of a process at the same moment: thirty that wake it one after the other cost ten times as much.
    if (isNeeded) this.#housekeeping.by((Math.floor(now / HOUSEKEEPING_MS) + 1) * HOUSEKEEPING_MS, now);
  }

  /** Finds the size anew, where that is wanted. */
  #suit(now: number): void {
    if (this.#autoSize === undefined || this.#status !== 'open') return;
    let waitedMs = this.#waitTime.sumMs;
    for (const { since } of this.#queue) waitedMs += now - since;
    // Last in, first out: what lies at the bottom nobody needed.
    const idle = this.#idle.filter(({ since }) => now - since >= HOUSEKEEPING_MS).length;
    const full = this.#staying() - this.#counted(CREATING) >= this.#limit;
    const unused = this.#size - this.#staying() + idle;
    // Never fewer than are reserved.
    const least = (this.#ledger?.reserved ?? 0) - this.#maxOverflow;
    const size = Math.max(least, this.#autoSize.look(this.#size, { now, waitedMs, full, unused }));
    if (size !== this.#size) this.#limitTo(size, this.#maxOverflow);
  }

  #retire(entry: Entry<R>, now: number): void {
    if (entry.state.kind === IDLE) this.#retireIdle(entry, now);
    if (now >= entry.retireAt && now < entry.expiresAt && stays(entry)) this.#replace(entry, now);
  }

  #retireIdle(entry: Entry<R>, now: number): void {
    const { idleTimeoutMs, overflowIdleTimeoutMs, minIdle } = this.#settings;
    const idleMs = now - entry.since;
    if (now >= entry.expiresAt) this.#closeIdle(entry, 'lifetime');
    else if (this.#staying() > this.#size && idleMs >= overflowIdleTimeoutMs) this.#closeIdle(entry, 'overflow');
    else if (idleTimeoutMs > 0 && idleMs >= idleTimeoutMs && this.#idle.length > minIdle)
      this.#closeIdle(entry, 'idle');
  }

  #closeIdle(entry: Entry<R>, reason: DestroyReason): void {
    this.#idle.splice(this.#idle.indexOf(entry), 1);
    this.#close(entry, reason);
  }

  /**
   * Opens the successor of an ageing resource while there is room, so that nobody ever waits for the change. Where there is none
   * it goes without: all that were opened together would else go together on their last day.
   */
  #replace(entry: Entry<R>, now: number): void {
    if (entry.replacing || !this.#mayCreate(now)) return;
    const isFull = this.#entries.size >= this.#limit || (this.#seat !== undefined && this.#seat.room <= 0);
    if (this.#staying() > this.#size || isFull) {
      this.#end(entry, now);
      return;
    }
    entry.replacing = true;
    const successor = this.#create();
    const opened = this.#vigils.until([successor], ({ state }) => state.kind === CREATING);
    void opened.then(() => {
      entry.replacing = false;
      if (stays(successor)) this.#end(entry, now);
    });
  }

  /** Ends a resource that has lived long enough: now, or when whoever has it is done. */
  #end(entry: Entry<R>, now: number): void {
    if (entry.state.kind === IDLE) this.#closeIdle(entry, 'lifetime');
    else entry.expiresAt = now;
  }

  /**
   * Lets the garbage collector tell about leases that are dropped. Only those that live through a round of housekeeping are
   * registered: registering every one would cost more than the lease itself.
   */
  #watchHandles(): void {
    for (const entry of this.#entries) {
      const { state } = entry;
      if (state.kind !== LEASED || state.handle === undefined) continue;
      this.#collector ??= new FinalizationRegistry((lost) => {
        this.#collect(lost.entry, lost.id);
      });
      this.#collector.register(state.handle, { entry, id: state.id });
      state.handle = undefined;
    }
  }

  #watchForLeak(entry: Entry<R>, now: number): void {
    const { hold, state } = entry;
    // What is idle is looked at as well: a use after this round is its next holder's.
    if (state.kind === IDLE) this.#leaks.look(entry, now);
    const due = state.kind === LEASED ? this.#leaks.due(entry, now) : undefined;
    if (due === undefined) return;
    if (due === 'first') {
      this.#tally.suspected++;
      this.#leaks.mark(hold.owner);
      // With a trace it comes back by the way on which that is noticed.
      hold.trace ??= { acquiredAt: undefined, endedAt: undefined };
    }
    this.#tell(() => this.#observer.suspected?.(this.#describe(entry)));
  }

  /** A lease that was suspected comes back. */
  #returnLate(entry: Entry<R>): void {
    this.#readClock();
    this.#tally.returnedLate++;
    this.#tell(() => this.#observer.returnedLate?.(this.#describe(entry)));
  }

  /** The handle of a lease is gone: unless that has ended before, nobody can use or release its resource any more. */
  #collect(entry: Entry<R>, id: number): void {
    if (!isHeld(entry, id)) return;
    this.#collectedAt = this.#readClock();
    this.#tally.collected++;
    this.#leaks.mark(entry.hold.owner);
    const info = this.#describe(entry);
    this.#close(entry, 'collected');
    this.#tell(() => this.#observer.collected?.(info));
  }

  // Operating

  async resize(limits: Resize): Promise<void> {
    const { minIdle } = this.#settings;
    const unknown = checkResize(limits);
    if (unknown !== undefined) throw unknown;
    const { size = this.#size, maxOverflow = this.#maxOverflow } = limits;
    const wrong = checkLimit('size', size) ?? checkLimit('maxOverflow', maxOverflow);
    if (wrong !== undefined) throw wrong;
    if (this.#autoSize !== undefined) withinBounds(this.#autoSize.bounds, size);
    if (size < minIdle) throw wrongOption('size', size, `at least minIdle, which is ${minIdle}`);
    this.#readClock();
    await this.#untilGone(this.#limitTo(size, maxOverflow));
  }

  /** Returns what was idle and is too much now: it is being closed. */
  #limitTo(size: number, maxOverflow: number): readonly Entry<R>[] {
    this.#ledger?.setLimit(size + maxOverflow);
    this.#size = size;
    this.#maxOverflow = maxOverflow;
    this.#limit = size + maxOverflow;
    const surplus = this.#idle.splice(0, Math.max(0, this.#staying() - this.#limit));
    for (const entry of surplus) this.#close(entry, 'overflow');
    this.#demand();
    this.#fill();
    return surplus;
  }

  setAutoSize(bounds: SizeBounds | undefined): void {
    this.#autoSize = bounds && new AutoSize(checkedBounds(bounds, this.#size, this.#settings.minIdle));
  }

  setBudgets(budgets: Budgets): void {
    const now = this.#readClock();
    if (this.#ledger === undefined) this.#keepBudgets(budgets);
    else this.#ledger.setTerms(parseBudgets(budgets, this.#limit), now);
    this.#demand();
  }

  retune(tuning: Tuning): void {
    const { maxLifetimeMs = this.#maxLifetimeMs, ...leaks } = tuning;
    for (const [key, value] of Object.entries({ ...leaks, maxLifetimeMs })) {
      const wrong = value === undefined ? undefined : checkLimit(key as keyof Tuning, value);
      if (wrong !== undefined) throw wrong;
    }
    this.#leaks.retune(leaks);
    if (maxLifetimeMs === this.#maxLifetimeMs) return;
    this.#maxLifetimeMs = maxLifetimeMs;
    const now = this.#readClock();
    // What has come to its end goes: its successor may be here already.
    for (const entry of this.#entries)
      if (entry.openedAt !== undefined && now < entry.expiresAt) this.#limitLife(entry, entry.openedAt);
  }

  #limitLife(entry: Entry<R>, openedAt: number): void {
    const { lifetimeJitter, random } = this.#settings;
    const limitMs = this.#maxLifetimeMs > 0 ? this.#maxLifetimeMs : Infinity;
    entry.expiresAt = openedAt + limitMs;
    entry.retireAt =
      limitMs === Infinity
        ? Infinity
        : entry.expiresAt - Math.min(SUCCESSION_MS, limitMs / 2) - limitMs * lifetimeJitter * random();
  }

  suspend(): void {
    if (this.#status === 'open') this.#status = 'suspended';
  }

  resume(): void {
    if (this.#status !== 'suspended') return;
    this.#status = 'open';
    this.#demand();
  }

  async flush(mode: FlushMode): Promise<FlushReport> {
    this.#readClock();
    const before = Array.from(this.#entries).filter(({ state }) => state.kind !== CLOSING);
    const revoked = this.#takeAway(mode, before);
    const ended = before.filter((entry) => !stays(entry));
    this.#fill();
    await this.#untilGone(ended);
    return Object.freeze({ destroyed: ended.length, revoked: Object.freeze(revoked) });
  }

  /** Ends what the mode says; returns the leases that were revoked. */
  #takeAway(mode: FlushMode, entries: readonly Entry<R>[]): readonly LeaseInfo[] {
    switch (mode) {
      case 'idle':
        for (const entry of this.#idle.splice(0)) this.#close(entry, 'flushed');
        return [];
      case 'graceful':
        this.#condemn();
        return [];
      case 'leaked':
        return this.#revokeFlushed(mode, entries, (entry) => this.#leaks.isSuspect(entry, this.#now));
      case 'all': {
        this.#condemn();
        const revoked = this.#revokeFlushed(mode, entries, () => true);
        for (const entry of entries)
          if (entry.state.kind === VALIDATING || entry.state.kind === RESETTING) this.#close(entry, 'flushed');
        return revoked;
      }
      default:
        throw new PoolError('CONFIG', `flush mode is ${inWords(mode)}; expected idle, all, leaked or graceful`);
    }
  }

  /** Revokes the leases that are to go. */
  #revokeFlushed(
    mode: FlushMode,
    entries: readonly Entry<R>[],
    isOver: (entry: Entry<R>) => boolean,
  ): readonly LeaseInfo[] {
    const revoked: LeaseInfo[] = [];
    for (const entry of entries)
      if (entry.state.kind === LEASED && isOver(entry))
        revoked.push(this.#revoke(entry, `revoked by flush('${mode}')`, 'flushed'));
    return revoked;
  }

  #revoke(entry: Entry<R>, how: string, reason: DestroyReason): LeaseInfo {
    const info = this.#describe(entry);
    conclude(entry.hold, how);
    this.#tally.revoked++;
    this.#close(entry, reason);
    this.#tell(() => this.#observer.revoked?.(info, how));
    return info;
  }

  close(options?: { readonly graceMs?: number | undefined } | null): Promise<CloseReport> {
    if (this.#closed === undefined) {
      const graceMs = options?.graceMs ?? DEFAULT_GRACE_MS;
      const { promise, resolve } = Promise.withResolvers<CloseReport>();
      // Known before anything happens: a hook may close the pool as well.
      this.#closed = promise;
      void this.#shutDown(graceMs).then(resolve);
    }
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #shutDown(graceMs: number): Promise<CloseReport> {
    this.#readClock();
    this.#status = 'closing';
    for (const alarm of [this.#deadline, this.#review, this.#housekeeping]) alarm.cancel();
    for (const waiter of this.#queue) this.#leave(waiter, this.#error('POOL_CLOSED', 'the pool was closed meanwhile'));
    for (const entry of this.#idle.splice(0)) this.#close(entry, 'closed');
    for (const { state } of this.#entries)
      if (state.kind === CREATING) state.abort.abort(new Error('the pool was closed'));

    let forced: readonly LeaseInfo[] = [];
    let grace: Timer | undefined;
    if (this.#entries.size > 0)
      grace = this.#clock.after(
        checkLimit('acquireTimeoutMs', graceMs) === undefined ? graceMs : DEFAULT_GRACE_MS,
        () => {
          forced = this.#force();
        },
      );
    await this.#untilGone(this.#entries);
    grace?.cancel();
    this.#status = 'closed';
    return Object.freeze({ forced: Object.freeze(forced), abandoned: this.#abandoned });
  }

  #force(): readonly LeaseInfo[] {
    this.#readClock();
    const forced: LeaseInfo[] = [];
    for (const entry of this.#entries) {
      const { state } = entry;
      if (state.kind === LEASED) forced.push(this.#revoke(entry, 'revoked when the pool closed', 'closed'));
      else if (state.kind === CREATING) this.#abandonCreation(entry);
      else if (state.kind === VALIDATING || state.kind === RESETTING) this.#close(entry, 'closed');
    }
    this.#seat?.wake();
    return forced;
  }

  // Telling

  stats(): PoolStats {
    const now = this.#readClock();
    this.#dateNewcomers(now);
    const leases = this.leases();
    return Object.freeze({
      name: this.name,
      status: this.#status,
      size: this.#size,
      maxOverflow: this.#maxOverflow,
      minIdle: this.#settings.minIdle,
      live: this.#entries.size,
      leased: this.#counted(LEASED),
      idle: this.#counted(IDLE),
      creating: this.#counted(CREATING),
      validating: this.#counted(VALIDATING),
      resetting: this.#counted(RESETTING),
      closing: this.#counted(CLOSING),
      abandoned: this.#abandoned,
      waiting: this.#queue.length,
      oldestWaitMs: now - (this.#queue.first?.since ?? now),
      oldestLeaseMs: leases[0]?.ageMs ?? 0,
      suspects: leases.filter(({ suspect }) => suspect).length,
      collectedAgoMs: this.#collectedAt === undefined ? undefined : now - this.#collectedAt,
      generation: this.#generation,
      budgets: this.#ledger?.stats(now),
      counters: Object.freeze({ ...this.#tally, destroyed: Object.freeze({ ...this.#tally.destroyed }) }),
      waitTime: this.#waitTime.snapshot(),
      useTime: this.#useTime.snapshot(),
      createTime: this.#createTime.snapshot(),
    });
  }

  leases(): readonly LeaseInfo[] {
    this.#readClock();
    const leases: LeaseInfo[] = [];
    for (const entry of this.#entries) if (entry.state.kind === LEASED) leases.push(this.#describe(entry));
    return leases.toSorted((a, b) => b.ageMs - a.ageMs);
  }

  waiters(): readonly WaiterInfo[] {
    const now = this.#readClock();
    this.#dateNewcomers(now);
    return Array.from(this.#queue, (waiter) => waiterInfo(waiter, now));
  }

  /** What is wrong, when a rule that must always hold does not. For tests: it walks everything. */
  findFault(): string | undefined {
    const found = KIND_NAMES.map(() => 0);
    for (const { state } of this.#entries) found[state.kind] = (found[state.kind] ?? 0) + 1;
    for (const [kind, name] of KIND_NAMES.entries())
      if (kind !== GONE && found[kind] !== this.#count[kind])
        return `${found[kind]} are ${name}, ${this.#count[kind]} counted`;
    if (found[GONE] !== 0) return 'a resource that is gone is still live';
    if (this.#idle.length !== found[IDLE] || new Set(this.#idle).size !== found[IDLE])
      return 'the idle stack does not hold each idle resource once';
    if (this.#idle.some(({ state }) => state.kind !== IDLE)) return 'the idle stack holds what is not idle';
    if (this.#status === 'open' && this.#wanting() > this.#counted(VALIDATING) && found[IDLE] > 0)
      return 'somebody waits beside an idle resource';
    if (this.#isClosing() && this.#queue.length > 0) return 'somebody waits in a closed pool';
    if (this.#abandoned < 0) return 'more came back than were abandoned';
    return this.#faultOfBudgets();
  }

  #faultOfBudgets(): string | undefined {
    for (const { name, leased, waiting } of this.#ledger?.stats(this.#now) ?? []) {
      const held = Array.from(this.#entries).filter(({ state, hold }) => state === hold && hold.account?.name === name);
      if (held.length !== leased) return `budget ${name} has ${held.length} leases, ${leased} counted`;
      const queued = Array.from(this.#queue).filter(({ place }) => place?.line.account.name === name);
      if (queued.length !== waiting) return `${queued.length} wait in budget ${name}, ${waiting} counted`;
    }
    return undefined;
  }

  /** How many resources are live and not on their way out. */
  #staying(): number {
    return this.#entries.size - this.#counted(CLOSING);
  }

  #isClosing(): boolean {
    return this.#status === 'closing' || this.#status === 'closed';
  }

  #readClock(): number {
    this.#now = this.#clock.now();
    return this.#now;
  }

  #describe(entry: Entry<R>): LeaseInfo {
    const { id, owner, allowedMs, trace, account } = entry.hold;
    const now = this.#now;
    return Object.freeze({
      id,
      resourceId: entry.id,
      owner,
      budget: account?.name,
      ageMs: now - entry.since,
      idleMs: this.#leaks.idleMs(entry, now),
      suspect: this.#leaks.isSuspect(entry, now),
      allowedMs,
      acquiredAt: trace?.acquiredAt?.stack,
    });
  }

  #title(): string {
    return `pool ${JSON.stringify(this.name)}`;
  }

  /** `waiter` is who is told: of the queue only those before it are in its way. */
  #error(code: PoolErrorCode, what: string, cause?: unknown, waiter?: Waiter<R>): PoolError {
    const holders = this.leases();
    const waiting = this.#queue.length;
    const others = ([IDLE, CREATING, VALIDATING, RESETTING, CLOSING] as const)
      .filter((kind) => this.#counted(kind) > 0)
      .map((kind) => `${this.#counted(kind)} ${KIND_NAMES[kind]}, `);
    const counts = `${holders.length} of ${this.#limit} leased, ${others.join('')}${waiting} waiting`;
    const longest = holders.slice(0, 3).map(({ owner, ageMs }) => lasting(owner, ageMs));
    const held = longest.length === 0 ? '' : `; held longest by ${longest.join(', ')}`;
    const ahead = this.#queue.before(waiter, NAMED_AHEAD).map((one) => waiterInfo(one, this.#now));
    const [next] = ahead;
    const first = next === undefined ? '' : `; waiting longest: ${lasting(next.owner, next.waitMs)}`;
    const shares = [waiter?.place?.line.inWords(), this.#seat?.inWords()].filter((share) => share !== undefined);
    const text = `${this.#title()}: ${what} (${[counts, ...shares].join('; ')})${held}${first}`;
    return new PoolError(code, text, { cause, holders, waiting, ahead });
  }

  #tellAcquired(entry: Entry<R>, waitMs: number): void {
    this.#tell(() => this.#observer.acquired?.(this.#describe(entry), waitMs));
  }

  #tellReleased(entry: Entry<R>): void {
    this.#tell(() => this.#observer.released?.(this.#describe(entry)));
  }

  #tell(event: () => unknown): void {
    const failed = (): void => {
      this.#tally.observerErrors++;
    };
    try {
      const told = event();
      // Of an asynchronous observer nobody else would take the rejection, which ends the process.
      if (isThenable(told)) told.then(undefined, failed);
    } catch {
      failed();
    }
  }
}

function impossible({ id, state }: Entry<unknown>, to: EntryKind): Error {
  return new Error(`BUG: resource ${id} went from ${KIND_NAMES[state.kind]} to ${KIND_NAMES[to]}`);
}

/** Whether a resource is not on its way out. */
function stays({ state }: Entry<unknown>): boolean {
  return state.kind !== CLOSING && state.kind !== GONE;
}

/** Remembers how a lease ended, for whoever still uses it; and where, when places are remembered for it. */
function conclude(hold: Hold<unknown>, ended: string | undefined): void {
  hold.ended = ended;
  if (hold.trace !== undefined) hold.trace.endedAt = placeOfCall(ended ?? 'released');
}

function lasting(owner: string | undefined, ms: number): string {
  return `${owner ?? 'unnamed'} for ${(ms / 1000).toFixed(1)} s`;
}

function waiterInfo<R>({ owner, since, place }: Waiter<R>, now: number): WaiterInfo {
  return { owner, budget: place?.line.account.name, waitMs: now - since };
}

/** Where in the queue, as a message says it. */
function inBudget(budget: string | undefined): string {
  return budget === undefined ? '' : ` of budget ${JSON.stringify(budget)}`;
}

function smooth(average: number | undefined, sample: number): number {
  return average === undefined ? sample : average + SMOOTHING * (sample - average);
}

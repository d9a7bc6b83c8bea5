import { Alarm } from './alarm.ts';
import type { SizeBounds } from './auto-size.ts';
import type { Books } from './books.ts';
import { Breather } from './breather.ts';
import { unknownBudget } from './budget-terms.ts';
import type { Budgets } from './budgets.ts';
import { checkAcquireOptions, checkLeaseOptions, checkTuning, isDuration } from './call-options.ts';
import { Capacity } from './capacity.ts';
import { Chronicle } from './chronicle.ts';
import { Clearance } from './clearance.ts';
import { Closer } from './closer.ts';
import { conclude, CREATING, isHeld, payBack, VALIDATING, type Entry, type Trace } from './entry.ts';
import type { PoolError } from './errors.ts';
import { Holders } from './holders.ts';
import { Housekeeping } from './housekeeping.ts';
import { Lease, type LeaseHome, type LeaseInfo } from './lease.ts';
import { Lifetimes } from './lifetimes.ts';
import { Opener } from './opener.ts';
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
import { Queue } from './queue.ts';
import { Report } from './report.ts';
import { Retirement } from './retirement.ts';
import { Roster } from './roster.ts';
import { parseSettings, type PoolOptions, type PoolSettings } from './settings.ts';
import { seatOf } from './sharing.ts';
import type { PoolStats } from './stats.ts';
import { Timekeeper } from './timekeeper.ts';
import { Upkeep } from './upkeep.ts';
import { newWaiter, type Waiter, type WaiterInfo } from './waiters.ts';

/** Makes a pool. Throws `PoolError` with code `CONFIG` for a wrong option; nothing has been opened then. */
export function createPool<R>(options: PoolOptions<R>): Pool<R> {
  return new ResourcePool(parseSettings(options));
}

const DEFAULT_GRACE_MS = 5_000;
const NO_OPTIONS: AcquireOptions = Object.freeze({});

/**
 * The state machine: who gets a resource, and where a resource goes. Whatever comes free goes through `#free`, and every freed
 * capacity ends in `#demand`; what is done to resources in between is left to others, who report back to these two.
 */
export class ResourcePool<R> implements Pool<R>, LeaseHome<R> {
  readonly #settings: PoolSettings<R>;
  // What is in the books: what time it is, what there is, who waits, and what has happened.
  readonly #time: Timekeeper;
  readonly #roster: Roster<R>;
  readonly #queue: Queue<R>;
  readonly #chronicle: Chronicle;

  // What is done to resources, in the order of their lives.
  readonly #opener: Opener<R>;
  readonly #lifetimes: Lifetimes<R>;
  readonly #holders: Holders<R>;
  readonly #upkeep: Upkeep<R>;
  readonly #retirement: Retirement<R>;
  readonly #clearance: Clearance<R>;
  readonly #closer: Closer<R>;
  readonly #capacity: Capacity<R>;

  readonly #report: Report<R>;

  readonly #breather: Breather;
  readonly #housekeeping: Housekeeping;
  /** Looks at the queue again when nothing else does. */
  readonly #review: Alarm;
  /** The queue is being served already; what happens meanwhile is taken into account. */
  #demanding = false;
  /** A resource that comes back is idle at once: nobody validates, resets, observes or shares it. */
  readonly #returnsPlainly: boolean;
  #lastLeaseId = 0;
  #closed: Promise<CloseReport> | undefined;

  constructor(settings: PoolSettings<R>) {
    const { clock, observer, size, maxOverflow, timeEvery } = settings;
    const free = (entry: Entry<R>): void => {
      this.#free(entry);
    };
    const demand = (): void => {
      this.#demand();
    };
    this.#settings = settings;
    const time = new Timekeeper(clock, timeEvery);
    const roster = new Roster<R>(time, size, maxOverflow);
    const queue = new Queue<R>(time, roster, (waiter, now) => {
      this.#expire(waiter, now);
    });
    const chronicle = new Chronicle(observer);
    const books: Books<R> = { settings, time, roster, queue, chronicle };
    const housekeeping = new Housekeeping(clock, () => {
      this.#keepHouse();
    });
    const lifetimes = new Lifetimes(books);
    const closer = new Closer(books, demand);
    roster.seat = seatOf(books, closer, demand);
    const holders = new Holders(books, closer);
    const upkeep = new Upkeep(books, { closer, free, demand });
    const opener = new Opener(books, {
      home: this,
      lifetimes,
      housekeeping,
      closer,
      opened: (entry) => {
        this.#opened(entry);
      },
      failed: () => {
        this.#openingFailed();
      },
    });

    this.#time = time;
    this.#roster = roster;
    this.#queue = queue;
    this.#chronicle = chronicle;
    this.#lifetimes = lifetimes;
    this.#opener = opener;
    this.#upkeep = upkeep;
    this.#holders = holders;
    this.#retirement = new Retirement(books, opener, closer);
    this.#clearance = new Clearance(books, { opener, upkeep, holders, closer, freed: demand });
    this.#closer = closer;
    this.#capacity = new Capacity(books, { closer, opener, demand });
    this.#report = new Report(books, opener, holders);
    this.#breather = new Breather(clock);
    this.#housekeeping = housekeeping;
    this.#review = new Alarm(clock, demand);
    this.#returnsPlainly =
      !settings.validates && !settings.resets && !chronicle.tellsReleased && roster.seat === undefined;
    opener.fill();
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
    const { allowedMs } = options;
    const roster = this.#roster;
    const queue = this.#queue;
    if (allowedMs !== undefined && !isDuration(allowedMs)) return undefined;
    if (queue.ledger !== undefined || options.budget !== undefined) return this.#lendIdle(options);
    if (roster.idle.length === 0 || queue.length > 0 || !roster.isOpen) return undefined;
    const timed = this.#time.isDue();
    const now = timed || !this.#settings.validates ? this.#time.now : this.#time.read();
    const entry = this.#takeIdle(now);
    if (entry === undefined) return undefined;
    if (timed) this.#breather.check(now);
    return this.#grant(entry, options.owner, allowedMs, this.#holders.trace(options, timed), timed, 0);
  }

  /** The same for a budget. */
  #lendIdle(options: LeaseOptions): Lease<R> | undefined {
    const { owner, budget, allowedMs } = options;
    const mayTake = (): boolean => this.#roster.isOpen && this.#queue.ledger?.mayTake(budget) === true;
    if (this.#roster.idle.length === 0 || !mayTake()) return undefined;
    const timed = this.#time.isDue();
    const entry = this.#takeIdle(this.#time.read());
    if (entry === undefined) return undefined;
    if (!mayTake()) {
      // The hook that has just found it good has changed the budgets, or taken what there was.
      this.#free(entry);
      return undefined;
    }
    this.#breather.check(this.#time.now);
    this.#queue.ledger?.charge(entry.hold, budget, this.#time.now);
    return this.#grant(entry, owner, allowedMs, this.#holders.trace(options, timed), timed, 0);
  }

  /** Takes the best idle resource off the stack. Undefined when none is left, or when one is being validated first. */
  #takeIdle(now: number): Entry<R> | undefined {
    const { validates, validateAfterIdleMs } = this.#settings;
    const roster = this.#roster;
    for (let entry = roster.takeUp(); entry !== undefined; entry = roster.isOpen ? roster.takeUp() : undefined) {
      if (now >= entry.expiresAt) {
        this.#closer.close(entry, 'lifetime');
        continue;
      }
      if (!validates || now - entry.since < validateAfterIdleMs) return entry;
      if (this.#upkeep.validate(entry)) return this.#reconsider(entry);
      if (entry.state.kind === VALIDATING) return undefined;
    }
    return undefined;
  }

  /** The hook that has just found it good may have suspended, closed or flushed the pool: then it is for `#free` to say. */
  #reconsider(entry: Entry<R>): Entry<R> | undefined {
    if (this.#roster.isOpen && this.#roster.unfit(entry) === undefined) return entry;
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
    this.#roster.move(entry, hold);
    const lease = new Lease<R>(entry, hold.id, owner, trace);
    hold.handle = lease;
    if (this.#chronicle.tellsAcquired) this.#holders.tellAcquired(entry, waitMs);
    return lease;
  }

  giveBack(entry: Entry<R>, id: number, destroy: boolean, byHolder: boolean): void {
    const { hold } = entry;
    if (!isHeld(entry, id)) {
      this.#chronicle.tally.staleReleases++;
      return;
    }
    if (hold.timed || this.#queue.isNextTimed) this.#endUse(entry);
    const isPlain = !destroy && hold.trace === undefined && this.#returnsPlainly && this.#queue.ledger === undefined;
    if (isPlain) this.#free(entry);
    else this.#takeBack(entry, id, destroy, byHolder);
  }

  #endUse({ hold, since }: Entry<R>): void {
    const now = this.#time.read();
    if (hold.timed) this.#chronicle.used(now - since);
  }

  /** Takes back what needs more than to be free again: with a trace, a budget, an observer, a validator, a reset, or to be destroyed. */
  #takeBack(entry: Entry<R>, id: number, destroy: boolean, byHolder: boolean): void {
    const { hold } = entry;
    // A use that was timed has just read the clock.
    if (this.#settings.validates && !hold.timed) this.#time.read();
    if (destroy || hold.trace !== undefined) conclude(hold, destroy ? 'destroyed' : undefined);
    if (byHolder && hold.trace !== undefined && this.#holders.wasSuspected(entry)) {
      this.#holders.returnLate(entry);
      // The observer may have flushed it.
      if (!isHeld(entry, id)) return;
    }
    if (this.#chronicle.tellsReleased) {
      this.#holders.tellReleased(entry);
      // The observer may have flushed it.
      if (!isHeld(entry, id)) return;
    }
    payBack(hold, this.#time.now);
    // The stale handle has it still. Here both would keep alive who stands in it, until somebody else borrows the resource.
    hold.trace = undefined;
    hold.handle = undefined;
    if (destroy) this.#closer.close(entry, 'caller');
    else if (this.#owes(true)) this.#closer.close(entry, 'overflow');
    else if (this.#settings.resets && this.#roster.unfit(entry) === undefined) this.#upkeep.reset(entry);
    else this.#free(entry);
  }

  stale(entry: Entry<R>, id: number, owner: string | undefined, trace: Trace | undefined): PoolError {
    return this.#report.stale(entry, id, owner, trace);
  }

  // Waiting

  #wait(options: AcquireOptions): Promise<Lease<R>> {
    const refusal = this.#refusal(options);
    if (refusal !== undefined) return this.#refuse(refusal);
    const timed = this.#time.isDue();
    const trace = this.#holders.trace(options, timed);
    // Not `Promise.withResolvers`: the compiler sees through this form only, which is a tenth of a contended lease.
    return new Promise((resolve, reject) => {
      this.#enqueue(options, timed, trace, resolve, reject);
    });
  }

  #enqueue(
    options: AcquireOptions,
    timed: boolean,
    trace: Trace | undefined,
    resolve: Waiter<R>['resolve'],
    reject: Waiter<R>['reject'],
  ): void {
    const { budget, signal, timeoutMs = this.#settings.acquireTimeoutMs } = options;
    const waiter = newWaiter(options, timeoutMs, trace, resolve, reject);
    if (signal !== undefined) this.#listen(waiter, signal);
    this.#queue.join(waiter, budget, timed);
    this.#demand();
    if (waiter.queued && timeoutMs === 0) this.#expire(waiter, this.#time.now);
  }

  #listen(waiter: Waiter<R>, signal: AbortSignal): void {
    const leave = (): void => {
      this.#chronicle.tally.aborted++;
      this.#leave(waiter, this.#report.error('ABORTED', 'the caller aborted its wait', signal.reason, waiter));
    };
    signal.addEventListener('abort', leave, { once: true });
    waiter.unsubscribe = () => {
      signal.removeEventListener('abort', leave);
    };
  }

  /** Why a caller may not even wait. */
  #refusal(options: AcquireOptions): PoolError | undefined {
    if (this.#roster.isClosing) return this.#report.error('POOL_CLOSED', 'the pool is closed');
    const wrong = options === NO_OPTIONS ? undefined : checkAcquireOptions(options);
    if (wrong !== undefined) return wrong;
    const { signal, budget } = options;
    if (signal?.aborted === true) {
      this.#chronicle.tally.aborted++;
      return this.#report.error('ABORTED', 'the caller had aborted before it asked', signal.reason);
    }
    const unknown = this.#wrongBudget(budget);
    if (unknown !== undefined) return unknown;
    if (this.#opener.isBroken && this.#time.read() < this.#opener.retryAt) return this.#report.createFailed();
    if (this.#queue.isFull(budget, this.#settings.maxWaiting)) {
      this.#chronicle.tally.overloaded++;
      return this.#report.error('OVERLOADED', `the queue${inBudget(budget)} is full`);
    }
    return undefined;
  }

  #wrongBudget(budget: string | undefined): PoolError | undefined {
    const { ledger } = this.#queue;
    if (ledger !== undefined) return ledger.refusal(budget);
    return budget === undefined ? undefined : unknownBudget(budget, []);
  }

  #refuse(reason: PoolError): Promise<never> {
    this.#time.read();
    return new Promise((_, reject) => {
      this.#answer(() => {
        reject(reason);
      });
    });
  }

  #leave(waiter: Waiter<R>, reason: PoolError): void {
    this.#queue.leave(waiter);
    this.#answer(() => {
      waiter.reject(reason);
    });
  }

  /** Sends a caller away; when the event loop is owed a turn, after that: who is sent away at once may come back at once. */
  #answer(settle: () => void): void {
    if (this.#breather.check(this.#time.now)) this.#breather.hold(settle);
    else settle();
  }

  #expire(waiter: Waiter<R>, now: number): void {
    const waitMs = now - waiter.since;
    const { place, owner } = waiter;
    this.#chronicle.tally.timeouts++;
    if (place !== undefined) place.line.account.timeouts++;
    this.#chronicle.waited(waitMs);
    this.#leave(waiter, this.#report.timeout(waiter, waitMs));
    this.#chronicle.timedOut(owner, waitMs);
  }

  // Serving

  /** A resource that works and belongs to nobody goes to the head of the queue, to the idle stack, or away. Needs to know what time it is. */
  #free(entry: Entry<R>): void {
    const unfit = this.#roster.isFit(entry) ? undefined : this.#roster.unfit(entry);
    if (unfit !== undefined) {
      this.#closer.close(entry, unfit);
      return;
    }
    const waiter = this.#queue.next;
    if (waiter !== undefined && this.#roster.isOpen) this.#serve(entry, waiter);
    else this.#roster.lay(entry);
  }

  /** Hands over at the moment of release: a turn later somebody else could come in between. */
  #serve(entry: Entry<R>, waiter: Waiter<R>): void {
    const timed = waiter.weight > 0;
    const waitMs = timed ? this.#endWait(waiter) : 0;
    this.#queue.leave(waiter);
    this.#chronicle.tally.waited++;
    if (waiter.place !== undefined) this.#queue.ledger?.chargeWaiter(entry.hold, waiter.place, this.#time.now);
    const lease = this.#grant(entry, waiter.owner, waiter.allowedMs, waiter.trace, timed, waitMs);
    if (this.#breather.check(this.#time.now)) this.#resolveAfterBreath(waiter, lease);
    else waiter.resolve(lease);
  }

  #endWait(waiter: Waiter<R>): number {
    const waitMs = this.#time.now - waiter.since;
    this.#chronicle.waited(waitMs, waiter.weight);
    return waitMs;
  }

  #resolveAfterBreath(waiter: Waiter<R>, lease: Lease<R>): void {
    this.#breather.hold(() => {
      waiter.resolve(lease);
    });
  }

  /** The queue may want what is idle, or what does not exist yet. Called wherever capacity comes free or demand is added. */
  #demand(): void {
    const roster = this.#roster;
    roster.seat?.wake();
    if (this.#demanding || !roster.isOpen || this.#queue.length === 0) return;
    if (roster.idle.length === 0 && roster.live >= roster.limit) return;
    const now = this.#time.read();
    this.#queue.dateNewcomers(now);
    this.#demanding = true;
    this.#serveIdle(now);
    while (this.#opener.isWanted(now) && roster.seat?.request() !== false) {
      this.#opener.open();
      // The hook may have been the one to make something idle, or to resume.
      this.#serveIdle(now);
    }
    this.#demanding = false;
    if (this.#queue.wanting <= roster.counted(CREATING) || roster.live >= roster.limit) return;
    this.#review.by(this.#opener.reviewAt(now), now);
  }

  /** Serves the queue from the idle stack. There is something in both only after a resume or beside a validation. */
  #serveIdle(now: number): void {
    const roster = this.#roster;
    while (roster.isOpen && this.#queue.wanting > roster.counted(VALIDATING) && roster.idle.length > 0) {
      const entry = this.#takeIdle(now);
      // Back through the front door: a hook that ran meanwhile may have ended the wait.
      if (entry !== undefined) this.#free(entry);
    }
  }

  #opened(entry: Entry<R>): void {
    if (this.#owes(false)) this.#closer.close(entry, 'overflow');
    else this.#free(entry);
    this.#demand();
  }

  #openingFailed(): void {
    if (this.#opener.isBroken) for (const waiter of this.#queue) this.#leave(waiter, this.#report.createFailed());
    this.#demand();
  }

  /** Whether another pool is to have the place of a resource. One that is new was opened for somebody who waits here. */
  #owes(isUsed: boolean): boolean {
    const { seat } = this.#roster;
    if (seat === undefined) return false;
    const isSpare = this.#queue.wanting === 0;
    return (isSpare || isUsed) && seat.owes(isSpare);
  }

  // Housekeeping

  #keepHouse(): void {
    const now = this.#time.read();
    this.#time.expectNext();
    this.#retirement.look(now);
    this.#holders.look(now);
    this.#capacity.look(now);
    this.#opener.fill();
    if (this.#roster.live > 0 || this.#settings.minIdle > 0) this.#housekeeping.goOn(now);
  }

  async warm(): Promise<number> {
    for (;;) {
      this.#time.read();
      this.#opener.fill();
      if (this.#roster.isClosing) throw this.#report.error('POOL_CLOSED', 'the pool is closed');
      if (this.#roster.counted(CREATING) > 0)
        await this.#roster.until(this.#roster, ({ state }) => state.kind === CREATING);
      else if (this.#opener.failures > 0 && this.#roster.idle.length < this.#settings.minIdle)
        throw this.#report.createFailed();
      else return this.#roster.live;
    }
  }

  // Operating

  resize(limits: Resize): Promise<void> {
    return this.#capacity.resize(limits);
  }

  setAutoSize(bounds: SizeBounds | undefined): void {
    this.#capacity.setAutoSize(bounds);
  }

  setBudgets(budgets: Budgets): void {
    this.#capacity.setBudgets(budgets);
  }

  retune(tuning: Tuning): void {
    const wrong = checkTuning(tuning);
    if (wrong !== undefined) throw wrong;
    this.#holders.retune(tuning);
    if (tuning.maxLifetimeMs !== undefined) this.#lifetimes.retune(tuning.maxLifetimeMs);
  }

  suspend(): void {
    if (this.#roster.isOpen) this.#roster.status = 'suspended';
  }

  resume(): void {
    if (this.#roster.status !== 'suspended') return;
    this.#roster.status = 'open';
    this.#demand();
  }

  async flush(mode: FlushMode): Promise<FlushReport> {
    this.#time.read();
    const { ended, revoked } = this.#clearance.flush(mode);
    this.#opener.fill();
    await this.#roster.untilGone(ended);
    return Object.freeze({ destroyed: ended.length, revoked: Object.freeze(revoked) });
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
    this.#time.read();
    this.#roster.status = 'closing';
    this.#review.cancel();
    this.#housekeeping.end();
    // There is no more round that would do it: nobody can give back what has been dropped, and it need not be waited for.
    this.#holders.watchHandles();
    this.#queue.close();
    for (const waiter of this.#queue)
      this.#leave(waiter, this.#report.error('POOL_CLOSED', 'the pool was closed meanwhile'));
    const forced = await this.#clearance.closeAll(isDuration(graceMs) ? graceMs : DEFAULT_GRACE_MS);
    this.#roster.status = 'closed';
    return Object.freeze({ forced: Object.freeze(forced), abandoned: this.#roster.abandoned });
  }

  // Telling

  stats(): PoolStats {
    return this.#report.stats(this.#lastLeaseId);
  }

  leases(): readonly LeaseInfo[] {
    return this.#holders.leases();
  }

  waiters(): readonly WaiterInfo[] {
    return this.#report.waiters();
  }

  leasesInWayOf(budget?: string): readonly number[] | undefined {
    const account = this.#roster.isOpen ? this.#queue.ledger?.spentAccount(budget) : undefined;
    return account && this.#holders.leasesOf(account);
  }

  /** What is wrong, when a rule that must always hold does not. For tests: it walks everything. */
  findFault(): string | undefined {
    const { isOpen, isClosing, idle } = this.#roster;
    if (isOpen && this.#queue.wanting > this.#roster.counted(VALIDATING) && idle.length > 0)
      return 'somebody waits beside an idle resource';
    if (isClosing && this.#queue.length > 0) return 'somebody waits in a closed pool';
    return this.#roster.findFault() ?? this.#holders.findFault() ?? this.#queue.findFault();
  }
}

/** Where in the queue, as a message says it. */
function inBudget(budget: string | undefined): string {
  return budget === undefined ? '' : ` of budget ${JSON.stringify(budget)}`;
}

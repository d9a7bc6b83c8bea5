import { Alarm, type Clock, type LeaseInfo } from '@hive/pool';
import { begunFor, placeOfCall } from '../call-site.ts';
import type { CallOptions, Database, ManagedDatabase } from '../database.ts';
import { isDuration, isSignal } from '../driver/call-options.ts';
import { DatabaseError, isKind } from '../errors.ts';
import { shownLabel } from '../labels.ts';
import type { Logger } from '../logger.ts';
import type { Holdable } from '../nesting/holding.ts';
import type { Holdings } from '../nesting/holdings.ts';
import type { OnDemandSnapshot } from '../snapshot.ts';
import { LeftFenced } from './left-fenced.ts';
import { placesOf } from './places.ts';
import { Refusals, type Asking } from './refusals.ts';
import { isIdle, newResident, type Resident } from './resident.ts';

/** After so long in line for a place somebody who has one is asked to leave it between two calls, though he would come back at once. */
const FAIR_MS = 50;
/** Who has been asked and has not left by then does something that takes longer, or calls itself from within: another is asked. */
const LEAVE_MS = 250;
/** For how long he is not asked again. */
const EXCUSED_MS = 1_000;
/** How often it is looked whether a session has ended, of which nobody tells, while somebody waits. */
const REVIEW_MS = 20;
/** Coming and going is what these do all day: who opens for longer than this is shown as opening. */
const OPENS_SOON_MS = 1_000;
/** After so long somebody who wants one kept open, and could not have it, asks again. */
const ASK_AGAIN_MS = 1_000;

/** What the databases of one pattern need from their service. */
export interface OpenDatabasesHost<D extends Database> {
  /** `tenant-*`. */
  readonly pattern: string;
  /** How many may be open. */
  readonly mostOpen: number;
  /** For how long one that nobody uses stays open. */
  readonly idleMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who has what in this process. */
  readonly holdings: Holdings;
  /** How long callers of one wait who do not say. */
  acquireTimeoutMs(name: string): number;
  /** Makes one that its first call opens. Throws why there can be none of this name. */
  make(name: string): D & ManagedDatabase;
  /** It has been closed. */
  closed(name: string): void;
}

/** Opening or closing one takes milliseconds in which nothing else is served: one, and then the event loop turns. */
interface Turn {
  isTaken: boolean;
  /** Whether one that nobody uses is still to be closed. */
  isIdleLeft: boolean;
}

/** A call that wants a database by its name. */
export interface Wish {
  readonly name: string;
  /** As the caller has given it: whoever has given none is told so by the call itself. */
  readonly label: unknown;
}

/** One of ours. */
type OwnWish = Wish & { readonly label: string };

/** Somebody who waits for a place. */
interface Applicant<D> extends Asking {
  /** Whether the process must stay alive for him. */
  readonly keepsAlive: boolean;
  readonly deadline: number;
  readonly admit: (resident: Resident<D>) => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * The databases of one pattern that are open, and who waits for a place among them. A call opens its database; one that nobody uses is closed
 * after a while, or when another needs its place: the one that has been idle for longest. Where all are in use, who has come first is
 * served first, and after a moment the one that has had its place for longest has to leave it between two calls.
 */
export class OpenDatabases<D extends Database> {
  readonly #host: OpenDatabasesHost<D>;
  /** In the order in which they got their places. */
  readonly #residents = new Map<string, Resident<D>>();
  /** In the order in which they came. */
  readonly #applicants = new Set<Applicant<D>>();
  readonly #places: Holdable;
  readonly #refusals: Refusals;
  readonly #idle: Alarm;
  readonly #review: Alarm;
  readonly #counters = { opened: 0, evicted: 0 };
  readonly #leftFenced = new LeftFenced();
  /** What has been done since the event loop turned; undefined where nothing has. */
  #turn: Turn | undefined;
  #isClosed = false;
  /** Those that were open then have been closed, too. They are still to be found: somebody may ask which files they had. */
  #isOver = false;

  constructor(host: OpenDatabasesHost<D>) {
    this.#host = host;
    this.#places = placesOf(host.pattern, this.#residents, host.mostOpen);
    this.#refusals = new Refusals(host, this.#residents, this.#applicants);
    this.#idle = new Alarm(host.clock, () => {
      this.#closeIdle();
    });
    this.#review = new Alarm(host.clock, () => {
      this.#serve();
    });
  }

  *[Symbol.iterator](): IterableIterator<D & ManagedDatabase> {
    for (const { database } of this.#residents.values()) yield database;
  }

  /** Those that are to be looked at: neither just being opened nor being closed for want of use. */
  *settled(): IterableIterator<D & ManagedDatabase> {
    const now = this.#host.clock.now();
    for (const { database, since, closing } of this.#residents.values()) {
      const isComing = database.status === 'opening' && now - since < OPENS_SOON_MS;
      if (!isComing && (closing === undefined || this.#isClosed)) yield database;
    }
  }

  /** One that is open, also where it takes no more calls; while the service closes, and afterwards, also one that is closed with it. */
  find(name: string): (D & ManagedDatabase) | undefined {
    const resident = this.#residents.get(name);
    return resident === undefined || (resident.closing !== undefined && !this.#isClosed)
      ? undefined
      : resident.database;
  }

  /** The same for a call that is over at once. It counts as a use. */
  findForUse(name: string): (D & ManagedDatabase) | undefined {
    const database = this.find(name);
    const resident = this.#residents.get(name);
    if (database !== undefined && resident !== undefined) resident.usedAt = this.#host.clock.now();
    return database;
  }

  /** Whether the service has been closed, or is being closed. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Makes a call on a database, which is opened for it where it is not open. `wait` is how the caller waits for a place; the call is told how
   * long that took. Rejects with `POOL_TIMEOUT` when no place came free in time, with `ABORTED` when the caller has had enough, and with
   * why there is no such database.
   */
  use<T>(
    wish: Wish,
    wait: CallOptions,
    call: (database: D & ManagedDatabase, waitedMs: number) => Promise<T>,
  ): Promise<T> {
    const resident = this.#staying(wish.name);
    if (resident === undefined) return this.#useLater(wish, wait, call, placeOfCall('the call was made here'));
    resident.uses++;
    return this.#during(resident, () => call(resident.database, 0));
  }

  async #useLater<T>(
    wish: Wish,
    wait: CallOptions,
    call: (database: D & ManagedDatabase, waitedMs: number) => Promise<T>,
    askedAt: Error,
  ): Promise<T> {
    const { clock, holdings } = this.#host;
    const at = clock.now();
    const about = { held: this.#places, database: wish.name, label: wish.label };
    const resident = await holdings.nested(about, wait, (given) => this.#place(wish, given, at, true));
    return this.#during(resident, () => begunFor(askedAt, () => call(resident.database, clock.now() - at)));
  }

  /** Awaits the call and nothing else: who waits for whom is read from what hangs on its promise. */
  async #during<T>(resident: Resident<D>, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } finally {
      resident.uses--;
      this.#used(resident);
    }
  }

  /**
   * Keeps a database open until the signal aborts or the service is closed. `begin` is called with it when it has its place: at once where
   * it has one already, else later, after a wait in line that ends with it or with the signal. Nobody waits for this, so what is in its way is
   * logged, and the process need not stay alive for it. Throws `POOL_CLOSED` when the service has been closed.
   */
  keep(wish: OwnWish, signal: AbortSignal, begin: (database: D, isLate: boolean) => void): void {
    if (this.#isClosed) throw new DatabaseError('POOL_CLOSED', 'the service has been closed', { database: wish.name });
    const resident = this.#staying(wish.name);
    if (resident === undefined) void this.#keepLater(wish, signal, begin);
    else
      this.#keepResident(resident, wish, signal, () => {
        begin(resident.database, false);
      });
  }

  async #keepLater(wish: OwnWish, signal: AbortSignal, begin: (database: D, isLate: boolean) => void): Promise<void> {
    const { clock, logger } = this.#host;
    try {
      const resident = await this.#place(wish, { signal }, clock.now(), false);
      const keep = (): void => {
        this.#keepResident(resident, wish, signal, () => {
          begin(resident.database, true);
        });
      };
      await this.#during(resident, () => Promise.resolve().then(keep));
    } catch (err) {
      if (this.#isClosed || signal.aborted) return;
      logger.warn({ database: wish.name, err }, 'a database that is to be kept open cannot be opened; trying again');
      const again = (): void => {
        if (!this.#isClosed && !signal.aborted) void this.#keepLater(wish, signal, begin);
      };
      clock.after(ASK_AGAIN_MS, again).unref();
    }
  }

  #keepResident(resident: Resident<D>, { label }: OwnWish, signal: AbortSignal, begin: () => void): void {
    if (signal.aborted || this.#isClosed) return;
    const keeper = { label, since: this.#host.clock.now() };
    begin();
    resident.keepers.add(keeper);
    const end = (): void => {
      resident.keepers.delete(keeper);
      this.#used(resident);
    };
    signal.addEventListener('abort', end, { once: true });
  }

  /** Suspends one that is open; it keeps its place until it is resumed. */
  suspend(name: string): void {
    const resident = this.#residents.get(name);
    if (resident === undefined || resident.closing !== undefined || resident.isSuspended) return;
    resident.isSuspended = true;
    resident.leavingSince = undefined;
    resident.database.suspend();
  }

  resume(name: string): void {
    const resident = this.#residents.get(name);
    if (resident?.isSuspended !== true) return;
    resident.isSuspended = false;
    resident.database.resume();
    this.#used(resident);
  }

  /** Resolves with a database that has a place, and counts as used. */
  #place(wish: Wish, wait: CallOptions | null, at: number, keepsAlive: boolean): Promise<Resident<D>> {
    // What is no duration, no signal or no options at all is for the call itself to refuse.
    const signal = isSignal(wait?.signal) ? wait.signal : undefined;
    const allowedMs = isDuration(wait?.timeoutMs) ? wait.timeoutMs : this.#host.acquireTimeoutMs(wish.name);
    const { promise, resolve, reject } = Promise.withResolvers<Resident<D>>();
    const abort = (): void => {
      const reason: unknown = signal?.reason;
      // Aborted by us: it would have waited for ever.
      if (isKind(reason, 'SELF_DEADLOCK')) this.#turnAway(applicant, reason);
      else this.#turnAway(applicant, this.#refusals.aborted(applicant, reason));
    };
    const applicant: Applicant<D> = {
      name: wish.name,
      label: shownLabel(wish.label),
      keepsAlive,
      at,
      deadline: at + allowedMs,
      admit: (resident) => {
        signal?.removeEventListener('abort', abort);
        resident.uses++;
        resolve(resident);
      },
      refuse: (error) => {
        signal?.removeEventListener('abort', abort);
        reject(error);
      },
    };
    this.#applicants.add(applicant);
    if (this.#isClosed) this.#turnAway(applicant, this.#refusals.closed(applicant, 'has been closed'));
    else if (signal?.aborted === true) abort();
    else {
      signal?.addEventListener('abort', abort, { once: true });
      // Of a thousand who come at once each would go through all who are before him.
      if (this.#applicants.size === 1) this.#serve();
      else this.#turn ??= this.#newTurn();
    }
    return promise;
  }

  /** Whoever can be served is, in the order in which they came; for the others room is made. */
  #serve(isNewTurn = false): void {
    const now = this.#host.clock.now();
    for (const applicant of this.#applicants) {
      const { name } = applicant;
      const resident = this.#staying(name);
      if (resident !== undefined) this.#admit(applicant, resident);
      else if (this.#hasRoomFor(name) && this.#takesTurn()) this.#house(applicant, now);
      else if (now >= applicant.deadline && (isNewTurn || !this.#hasRoomFor(name)))
        this.#turnAway(applicant, this.#refusals.late(applicant, this.#hasRoomFor(name)));
    }
    this.#makeRoom(now);
    // It rings only while somebody waits.
    this.#review.keepAlive([...this.#applicants].some(({ keepsAlive }) => keepsAlive));
    for (const { deadline } of this.#applicants) this.#review.by(Math.min(deadline, now + REVIEW_MS), now);
  }

  #hasRoomFor(name: string): boolean {
    return !this.#residents.has(name) && this.#residents.size < this.#host.mostOpen;
  }

  /** Goes on when the event loop has turned. */
  #newTurn(): Turn {
    const turn = { isTaken: false, isIdleLeft: false };
    this.#host.clock.nextTurn(() => {
      this.#turn = undefined;
      if (this.#isClosed) return;
      this.#serve(true);
      if (turn.isIdleLeft) this.#closeIdle();
    });
    return turn;
  }

  /** Whether one may be opened or closed in this turn of the event loop; then it is taken. */
  #takesTurn(): boolean {
    this.#turn ??= this.#newTurn();
    if (this.#turn.isTaken) return false;
    this.#turn.isTaken = true;
    return true;
  }

  #house(applicant: Applicant<D>, now: number): void {
    const { name } = applicant;
    try {
      const database = this.#host.make(name);
      const resident = newResident<D>(database, now);
      this.#residents.set(name, resident);
      this.#leftFenced.forget(name);
      this.#counters.opened++;
      this.#idle.by(now + this.#host.idleMs, now);
      this.#admit(applicant, resident);
    } catch (error) {
      this.#applicants.delete(applicant);
      applicant.refuse(error);
    }
  }

  #admit(applicant: Applicant<D>, resident: Resident<D>): void {
    this.#applicants.delete(applicant);
    applicant.admit(resident);
  }

  /** Closes what is idle, as many as names wait for a place; and who has waited for long has others told to leave. */
  #makeRoom(now: number): void {
    const residents = [...this.#residents.values()];
    const since = new Map<string, number>();
    for (const { name, at } of this.#applicants) {
      if (since.size >= this.#host.mostOpen) break;
      if (!since.has(name)) since.set(name, at);
    }
    const free = this.#host.mostOpen - residents.length + numberOf(residents, ({ closing }) => closing !== undefined);
    const wanted = Math.max(0, since.size - free);
    const unused = residents.filter(({ uses }) => uses === 0).toSorted((a, b) => a.usedAt - b.usedAt);
    let missing = wanted;
    for (const resident of unused) {
      if (missing === 0) break;
      if (!isIdle(resident)) continue;
      void this.#evict(resident);
      // Another one has been closed in this turn: until the next the others are in the way, and may be used again.
      if (resident.closing === undefined) break;
      missing--;
    }
    const overdue = numberOf([...since.values()], (at) => now - at >= FAIR_MS);
    this.#askToLeave(residents, Math.min(overdue, missing), now);
  }

  /** Those who have had their places for longest, so many. */
  #askToLeave(residents: readonly Resident<D>[], many: number, now: number): void {
    let asked = 0;
    for (const resident of residents) {
      if (resident.closing !== undefined || resident.isSuspended || resident.keepers.size > 0) continue;
      if (resident.leavingSince !== undefined && now - resident.leavingSince >= LEAVE_MS)
        resident.excusedUntil = now + EXCUSED_MS;
      const isAsked = asked < many && now >= resident.excusedUntil;
      resident.leavingSince = isAsked ? (resident.leavingSince ?? now) : undefined;
      if (isAsked) asked++;
    }
  }

  /** Not if another one has been closed in this turn: then in one of the next. */
  async #evict(resident: Resident<D>): Promise<void> {
    const { database } = resident;
    if (!this.#takesTurn()) return;
    this.#counters.evicted++;
    // Closing it says that it is closed, and no more.
    const { fenceLeft } = database;
    await this.#close(resident, 0);
    if (fenceLeft?.() === true) this.#leftFenced.remember(database.name, fenceLeft);
    this.#residents.delete(database.name);
    this.#host.closed(database.name);
    this.#serve();
  }

  #close(resident: Resident<D>, graceMs: number): Promise<readonly LeaseInfo[]> {
    resident.closing ??= resident.database.close(graceMs);
    return resident.closing;
  }

  /** Something on it has ended. */
  #used(resident: Resident<D>): void {
    resident.usedAt = this.#host.clock.now();
    if (this.#applicants.size > 0 && resident.uses === 0) this.#serve();
  }

  #closeIdle(): void {
    const { clock, idleMs } = this.#host;
    const now = clock.now();
    for (const resident of this.#residents.values()) {
      if (!isIdle(resident)) {
        // Of a session that ends nobody tells: from now on at the earliest it is idle.
        resident.usedAt = now;
        this.#idle.by(now + Math.max(idleMs, REVIEW_MS), now);
      } else if (now - resident.usedAt >= idleMs) {
        void this.#evict(resident);
        // One in a turn: the rest is looked at in the next.
        if (resident.closing === undefined) {
          if (this.#turn !== undefined) this.#turn.isIdleLeft = true;
          break;
        }
      } else this.#idle.by(resident.usedAt + idleMs, now);
    }
  }

  /** Turns away who waits, lets work finish for `graceMs` and then ends it. */
  async close(graceMs: number): Promise<readonly (LeaseInfo & { readonly database: string })[]> {
    this.#isClosed = true;
    this.#idle.cancel();
    this.#review.cancel();
    for (const applicant of this.#applicants)
      this.#turnAway(applicant, this.#refusals.closed(applicant, 'was closed meanwhile'));
    const forced = Array.from(this.#residents.values(), async (resident) => {
      const leases = await this.#close(resident, graceMs);
      return leases.map((lease) => ({ ...lease, database: resident.database.name }));
    });
    const all = (await Promise.all(forced)).flat();
    this.#isOver = true;
    return all;
  }

  /** A frozen picture. */
  snapshot(): OnDemandSnapshot {
    const now = this.#host.clock.now();
    const { pattern, mostOpen } = this.#host;
    const [longest] = this.#applicants;
    const open = this.#isOver ? [] : [...this.#residents.values()];
    return Object.freeze({
      pattern,
      mostOpen,
      open: open.length,
      inUse: numberOf(open, (resident) => !isIdle(resident)),
      waiting: this.#applicants.size,
      oldestWaitMs: longest === undefined ? 0 : now - longest.at,
      ...this.#counters,
      fenced: this.#isOver ? [] : this.#leftFenced.names(),
    });
  }

  #staying(name: string): Resident<D> | undefined {
    const resident = this.#residents.get(name);
    if (resident?.leavingSince !== undefined || resident?.closing !== undefined || this.#isClosed) return undefined;
    return resident;
  }

  #turnAway(applicant: Applicant<D>, error: DatabaseError): void {
    this.#applicants.delete(applicant);
    applicant.refuse(error);
  }
}

function numberOf<T>(all: readonly T[], isOne: (one: T) => boolean): number {
  return all.filter(isOne).length;
}

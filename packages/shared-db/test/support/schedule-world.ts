import type { FlushMode, Pool } from '@hive/pool';
import { verifyPool } from '@hive/pool/testing';
import { DatabaseError, driverDatabase, openDatabaseService, type Connection, type Database } from '@hive/shared-db';
import { DEFAULT_DATABASE_THRESHOLDS } from '@hive/shared-db/health';
import { FakeDriver, VirtualClock, type FakeStep } from '@hive/shared-db/testing';
import { Activity } from '../../dist/activity.js';
import { DEFAULT_DATABASE_SETTINGS } from '../../dist/database-settings.js';
import { PooledDatabase } from '../../dist/driver/pooled-database.js';
import { Labels } from '../../dist/labels.js';
import { Holdings } from '../../dist/nesting/holdings.js';
import { passUntilSettled } from './fake-database.ts';
import { Guest, type GuestTerms } from './guest.ts';
import { WatchedDriver, type WatchedConnection } from './watched-driver.ts';

/** The database of one schedule. */
export interface Scene {
  readonly singleWriter: boolean;
  readonly poolSize: number;
  readonly maxOverflow: number;
  /** Opened by a service, which costs more than the rest of a schedule; else as a service would make it. */
  readonly inService: boolean;
}

/** Somebody waits so long that he must be served where nothing is wrong any more. */
export const PATIENT_MS = 100_000;
const QUIET = { debug: (): void => {}, info: (): void => {}, warn: (): void => {}, error: (): void => {} };
/** A label costs more than its use, and they are the same in each schedule. */
const LABELS = new Labels(new Activity(), new VirtualClock());
const LEAK_AFTER_MS = 100;

/** What a caller may be told because of what has happened to the database: only where the schedule made it happen. */
const MISFORTUNES: ReadonlySet<string> = new Set(['CREATE_FAILED', 'CONNECTION_LOST', 'SQL', 'OUTCOME_UNKNOWN']);

/** What a pool holds. */
interface HeldConnection {
  readonly owner: string | undefined;
  readonly id: string;
  readonly resource: string;
}

/**
 * A database on a driver that watches, and a book beside it that is kept by what callers and the driver see. `verify` compares the two, and
 * throws when a rule is broken; what the driver sees broken is told there as well.
 */
export class ScheduleWorld {
  readonly clock = new VirtualClock();
  readonly guests: Guest[] = [];
  /** What was acknowledged, refused, and so on: how far the schedules have been. */
  readonly seen = new Map<string, number>();
  readonly #faults: string[] = [];
  readonly #driver: WatchedDriver;
  readonly #singleWriter: boolean;
  readonly #scene: Scene;
  #database!: PooledDatabase;
  #close!: (graceMs: number) => Promise<unknown>;
  #limit: number;
  readonly #verbs: { readonly name: string; isSettled: boolean }[] = [];
  readonly #acknowledged = new Set<number>();
  readonly #unknown = new Set<number>();
  #forceAt: number | undefined;
  #servedWhenSuspended: number | undefined;
  #troubled = false;
  #verified = 0;

  private constructor(scene: Scene) {
    this.#scene = scene;
    this.#singleWriter = scene.singleWriter;
    this.#limit = scene.poolSize + scene.maxOverflow;
    const fake = new FakeDriver({ clock: this.clock, singleWriter: scene.singleWriter });
    this.#driver = new WatchedDriver(fake, {
      connects: (access, existing) => {
        const limit = this.#singleWriter && access === 'write' ? 1 : this.#limit;
        if (existing > limit) this.#broken(`${existing} connections exist, the limit is ${limit}`);
      },
      uses: (connection, sql) => {
        this.#used(connection, Number(sql));
      },
    });
  }

  static async open(scene: Scene): Promise<ScheduleWorld> {
    const world = new ScheduleWorld(scene);
    await (scene.inService ? world.#openService() : world.#openDatabase());
    return world;
  }

  async #openService(): Promise<void> {
    const { poolSize, maxOverflow } = this.#scene;
    const orders = driverDatabase({
      driver: this.#driver,
      identity: 'fake://1',
      poolSize,
      maxOverflow,
      acquireTimeoutMs: PATIENT_MS,
      leakAfterMs: LEAK_AFTER_MS,
    });
    const { clock } = this;
    const opening = openDatabaseService({
      app: 'shop',
      presence: false,
      databases: { orders },
      clock,
      logger: QUIET,
      random: () => 0.5,
    });
    await passUntilSettled(clock, opening);
    const service = await opening;
    this.#database = service.database('orders') as unknown as PooledDatabase;
    this.#close = (graceMs) => service.close({ graceMs });
  }

  async #openDatabase(): Promise<void> {
    const { poolSize, maxOverflow } = this.#scene;
    const { clock } = this;
    this.#database = new PooledDatabase(
      {
        name: 'orders',
        app: 'shop',
        settings: {
          ...DEFAULT_DATABASE_SETTINGS,
          poolSize,
          maxOverflow,
          acquireTimeoutMs: PATIENT_MS,
          leakAfterMs: LEAK_AFTER_MS,
        },
        thresholds: DEFAULT_DATABASE_THRESHOLDS,
        clock,
        random: () => 0.5,
        logger: QUIET,
        labels: LABELS,
        activity: new Activity(),
        holdings: new Holdings(clock, QUIET),
      } as unknown as ConstructorParameters<typeof PooledDatabase>[0],
      this.#driver,
    );
    this.#close = (graceMs) => this.#database.close(graceMs);
    await this.#database.open();
  }

  get #pools(): readonly Pool<unknown>[] {
    return this.#database['connections'].pools.map(({ pool }) => pool);
  }

  get isClosing(): boolean {
    return this.#forceAt !== undefined;
  }

  get #now(): number {
    return this.clock.now();
  }

  // What callers do

  ask(terms: GuestTerms): Guest {
    const guest = new Guest(this.guests.length, terms, this.#now);
    this.guests.push(guest);
    this.#count(`asks for a ${terms.wish}`);
    this.#asked(guest).then(
      () => {
        this.#fulfilled(guest);
      },
      (error: unknown) => {
        this.#rejected(guest, error);
      },
    );
    return guest;
  }

  #asked(guest: Guest): Promise<unknown> {
    const { wish, timeoutMs, limitMs, idleLimitMs, budget, controller, of } = guest.terms;
    const { label } = guest;
    const signal = controller?.signal;
    const held = limitMs === Infinity ? undefined : limitMs;
    const stay = (handle: Connection): Promise<number> => this.#stay(guest, handle);
    const limits = { timeoutMs, signal, limitMs: held ?? PATIENT_MS, idleLimitMs };
    const database: Database = this.#database;
    switch (wish) {
      case 'session':
        return database.session(label, { timeoutMs: held, signal, budget }).then(async (session) => {
          guest.session = session;
          this.#entered(guest, session.connection);
          await quietly(this.use(guest));
        });
      case 'lent session':
        return database.session(label, { timeoutMs: held, signal, budget }, (session) => {
          guest.session = session;
          return stay(session.connection);
        });
      case 'read':
        return database.read(label, stay, { timeoutMs, signal, budget });
      case 'transaction':
        return database.transaction(label, stay, limits);
      case 'part':
        return of?.session?.transaction(stay, limits) ?? Promise.reject(new Error('BUG: a part of nothing'));
      default:
        throw new Error(`BUG: nobody asks for ${String(wish satisfies never)}`);
    }
  }

  /** What a function does that has something: it uses it, waits until it is let go, and returns or throws. */
  async #stay(guest: Guest, handle: Connection): Promise<number> {
    this.#entered(guest, handle);
    try {
      await this.use(guest);
      const how = await guest.leave;
      await guest.allUsed();
      if (how === 'throws') throw guest.mishap;
      return guest.number;
    } finally {
      guest.state = 'leaving';
    }
  }

  #entered(guest: Guest, handle: Connection): void {
    if (guest.terms.of?.isTaken === true) this.#broken(`guest ${guest.number} began in a session that was taken away`);
    guest.enters(handle, this.#now);
    this.#count(`has a ${guest.terms.wish}`);
    const pool = this.#poolOf(guest);
    const overtaken = pool.waiters().find(({ owner, budget }) => {
      const other = this.#guestOf(owner);
      return (
        other?.state === 'asking' && other.number < guest.number && (budget ?? 'default') === this.#budgetOf(guest)
      );
    });
    if (overtaken !== undefined) this.#broken(`guest ${guest.number} was served before ${overtaken.owner}`);
  }

  #budgetOf({ terms: { budget = 'default' } }: Guest): string {
    return budget;
  }

  #poolOf(guest: Guest): Pool<unknown> {
    const { readers, writers } = this.#database['connections'];
    return guest.writes ? writers : readers;
  }

  /** One statement on what he has, or had. */
  use(guest: Guest): Promise<void> {
    const use = this.#use(guest);
    guest.uses.push(use);
    return use;
  }

  async #use(guest: Guest): Promise<void> {
    const { handle } = guest;
    if (handle === undefined) return;
    const wasPast = guest.isSurelyPast(this.#now) || guest.state === 'over';
    guest.begins();
    try {
      if (guest.writes && guest.connection === undefined) await handle.run(String(guest.number));
      else await handle.get(String(guest.number));
      if (wasPast) this.#broken(`guest ${guest.number} used what was not his any more`);
    } finally {
      guest.ends(this.#now);
    }
  }

  /** Ends what he has, as he would by himself. */
  leave(guest: Guest, how: 'returns' | 'throws'): void {
    guest.dismiss(how);
    if (guest.terms.wish !== 'session' || guest.session === undefined) return;
    const { session } = guest;
    this.#track(`close of guest ${guest.number}`, session.close());
    guest.state = 'over';
    // Twice is as good as once.
    if (how === 'throws') this.#track(`second close of guest ${guest.number}`, session.close());
  }

  abort(guest: Guest): void {
    const wasWaiting = this.#waits(guest);
    guest.isAborted = true;
    guest.terms.controller?.abort(new Error('changed his mind'));
    this.#count('aborts');
    if (wasWaiting && this.#waits(guest)) this.#broken(`guest ${guest.number} has aborted and still waits`);
  }

  #waits({ label }: Guest): boolean {
    return this.#pools.some((pool) => pool.waiters().some(({ owner }) => owner === label));
  }

  // What operators do

  flush(mode: FlushMode): void {
    const before = this.#held();
    for (const connection of this.#driver.connections)
      if (mode === 'graceful' || mode === 'all') connection.notFrom = Math.min(connection.notFrom, this.guests.length);
    const now = this.#now;
    this.#count(`flush ${mode}`);
    this.#track(`flush ${mode}`, this.#database.flush(mode));
    const left = new Set(this.#held().map(({ id }) => id));
    for (const { id, owner } of before) {
      const guest = this.#guestOf(owner);
      // The writer that closing holds back is not even a flush's.
      if (owner === undefined || owner === 'close') continue;
      if (mode === 'all' && left.has(id)) this.#broken(`flush('all') left ${owner}`);
      if ((mode === 'idle' || mode === 'graceful') && !left.has(id))
        this.#broken(`flush('${mode}') took from ${owner}`);
      if (mode === 'leaked' && !left.has(id) && guest !== undefined && now - guest.askedAt < LEAK_AFTER_MS)
        this.#broken(`flush('leaked') took from ${owner}, who had it for less than he may`);
    }
    const robbed = new Set(before.filter(({ id }) => !left.has(id)).map(({ owner }) => owner));
    for (const guest of this.guests)
      if (robbed.has(guest.label) && (!this.#waits(guest) || guest.state !== 'asking'))
        guest.isTaken ||= guest.state !== 'over';
    if (mode !== 'leaked' && this.#pools.some((pool) => pool.stats().idle > 0))
      this.#broken(`flush('${mode}') left what is idle`);
  }

  suspend(): void {
    this.#database.suspend();
    this.#servedWhenSuspended ??= this.#served;
  }

  resume(): void {
    this.#servedWhenSuspended = undefined;
    this.#database.resume();
  }

  resize(size: number, maxOverflow: number): void {
    const before = this.#limit;
    this.#limit = Math.max(before, size + maxOverflow);
    this.#track('resize', this.#database.resize({ size, maxOverflow }), true);
    const { readers } = this.#database['connections'];
    const now = readers.stats();
    this.#limit = now.size + now.maxOverflow;
    if (now.idle > 0 && now.live - now.closing > this.#limit)
      this.#broken(`a resize to ${this.#limit} left what is idle`);
    if (this.#limit !== before && this.#limit !== size + maxOverflow)
      this.#broken(`a resize to ${size}+${maxOverflow} made it ${this.#limit}`);
  }

  setBudgets(budgets: Parameters<PooledDatabase['setBudgets']>[0]): void {
    try {
      this.#database.setBudgets(budgets);
      this.#count('budgets');
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.kind !== 'CONFIG') throw error;
    }
  }

  close(graceMs: number): void {
    if (this.isClosing) return;
    this.#forceAt = this.#now + graceMs;
    this.#track('close', this.#close(graceMs));
    this.#count('closes');
  }

  // What happens to the driver

  slow(step: FakeStep, ms: number): void {
    this.#driver.fake.delay(step, ms);
  }

  fail(step: FakeStep, times: number, lost: boolean): void {
    this.#troubled = true;
    this.#driver.fake.fail(step, { times, lost, kind: lost ? 'CONNECTION_LOST' : 'SQL' });
  }

  breakAll(): void {
    this.#troubled = true;
    this.#driver.fake.breakAll();
  }

  // What must always hold

  #used(connection: WatchedConnection, number: number): void {
    const guest = this.guests[number];
    if (guest === undefined) return;
    const now = this.#now;
    // His function may have ended by the failure of a statement that this one was queued behind.
    const isLeaving = guest.state === 'leaving' && !guest.isSettled;
    if (!guest.isEntitled(now) && !isLeaving)
      this.#broken(`a statement of guest ${number} reached the driver after his time`);
    const { tenant } = connection;
    const other = tenant === undefined || tenant === number ? undefined : this.guests[tenant];
    if (other?.isSurelyEntitled(now) === true)
      this.#broken(`connection ${connection.id} is guest ${tenant}'s and guest ${number}'s`);
    if (guest.connection === undefined && number >= connection.notFrom)
      this.#broken(`guest ${number} was given connection ${connection.id}, which was to go`);
    if (guest.connection !== undefined && guest.connection !== connection)
      this.#broken(`guest ${number} was moved to another connection`);
    guest.connection = connection;
    connection.tenant = number;
  }

  #fulfilled(guest: Guest): void {
    guest.isSettled = true;
    if (guest.terms.wish !== 'session') guest.state = 'over';
    this.#count(`${guest.terms.wish} done`);
    if (!guest.writes) return;
    this.#acknowledged.add(guest.number);
    if (!this.#driver.fake.committed.includes(String(guest.number)))
      this.#broken(`what guest ${guest.number} wrote is not there`);
  }

  #rejected(guest: Guest, error: unknown): void {
    const wasAsking = guest.state === 'asking';
    guest.isSettled = true;
    guest.state = 'over';
    if (error === guest.mishap) {
      this.#count('throws');
      return;
    }
    if (!(error instanceof DatabaseError)) {
      this.#broken(`guest ${guest.number} was told ${String(error)}`);
      return;
    }
    const { kind } = error;
    this.#count(kind);
    if (kind === 'OUTCOME_UNKNOWN') this.#unknown.add(guest.number);
    if (!this.#mayBeTold(guest, kind, wasAsking))
      this.#broken(`guest ${guest.number} was told ${kind}: ${error.message}`);
  }

  /** Whether there is a reason for what somebody was told. */
  #mayBeTold(guest: Guest, kind: string, wasAsking: boolean): boolean {
    const now = this.#now;
    const { of, budget, timeoutMs } = guest.terms;
    switch (kind) {
      case 'ABORTED':
        return guest.isAborted || of?.isAborted === true;
      case 'POOL_TIMEOUT':
      case 'POOL_SUSPENDED':
        return wasAsking && now - guest.askedAt >= timeoutMs;
      case 'POOL_CLOSED':
        return this.isClosing;
      case 'WRONG_USE':
        // His function has returned before its own transaction.
        return this.guests.some(({ terms }) => terms.of === guest);
      case 'CONFIG':
        return wasAsking && budget !== undefined;
      case 'SESSION_EXPIRED':
        return (of ?? guest).isPast(now);
      case 'TRANSACTION_EXPIRED':
        return guest.isPast(now);
      case 'LEASE_STALE':
        return guest.isTaken || guest.isPast(now) || this.#isForced || isEnding(of);
      default:
        return MISFORTUNES.has(kind) && (this.#troubled || guest.isTaken || this.#isForced);
    }
  }

  get #isForced(): boolean {
    return this.#forceAt !== undefined && this.#now >= this.#forceAt;
  }

  async tick(ms: number): Promise<void> {
    await this.clock.advance(ms);
    const now = this.#now;
    if (this.#isForced) for (const guest of this.guests) guest.isTaken ||= guest.state === 'holding';
    for (const pool of this.#pools)
      for (const { owner } of pool.waiters()) {
        const late = this.#guestOf(owner);
        if (late !== undefined && !late.isSession && late.terms.wish !== 'part' && late.deadline <= now)
          this.#broken(`${owner} waits beyond his deadline`);
      }
  }

  /** Lets everything happen that can without time, and compares. */
  async verify(): Promise<void> {
    await this.clock.settle();
    for (const pool of this.#pools) verifyPool(pool);
    this.#verifyLeases();
    this.#verifyWaiters();
    // It costs more than all the rest.
    if (this.#servedWhenSuspended !== undefined || ++this.#verified % 8 === 0) this.#verifyServing();
    for (const fault of this.#driver.fake.faults) this.#broken(fault);
    this.throwFaults();
  }

  #verifyLeases(): void {
    const now = this.#now;
    const held = this.#held();
    if (new Set(held.map(({ resource }) => resource)).size < held.length) this.#broken('a connection is in two leases');
    const count = new Map<string, number>();
    for (const { owner = '' } of held) count.set(owner, (count.get(owner) ?? 0) + 1);
    for (const guest of this.guests) {
      const { terms, label, state } = guest;
      if (terms.wish === 'part') continue;
      const parts = this.guests.filter(({ terms: { of }, isSettled }) => of === guest && !isSettled).length;
      const has = count.get(label) ?? 0;
      const isOver = state === 'over' || (guest.isSession && state !== 'asking' && guest.isPast(now));
      if (has > parts + (isOver ? 0 : 1))
        this.#broken(`${label} has ${has} connections, and should have ${parts} at most`);
      if (guest.isSession && guest.isSurelyEntitled(now) && has === 0 && !this.#troubled)
        this.#broken(`${label} has lost his connection`);
    }
  }

  #verifyWaiters(): void {
    for (const pool of this.#pools) {
      const last = new Map<string, number>();
      for (const { owner, budget = 'default' } of pool.waiters()) {
        if (this.isClosing && owner !== 'close') this.#broken(`${owner} waits in a database that is closing`);
        const guest = this.#guestOf(owner);
        // A transaction of a session has its label.
        if (guest === undefined || guest.state === 'holding' || guest.state === 'leaving') continue;
        if (guest.isAborted) this.#broken(`${owner} has aborted and waits`);
        if (guest.isSettled && !guest.isSession) this.#broken(`${owner} was told and waits`);
        if (guest.number < (last.get(budget) ?? -1)) this.#broken('the queue is out of order');
        last.set(budget, guest.number);
      }
    }
  }

  #verifyServing(): void {
    let existing = 0;
    let served = 0;
    for (const pool of this.#pools) {
      const { live, abandoned, leased, idle, creating, validating, resetting, closing, counters } = pool.stats();
      served += counters.immediate + counters.waited;
      if (leased + idle + creating + validating + resetting + closing !== live) this.#broken('the kinds do not add up');
      existing += live + abandoned;
    }
    const { read, write } = this.#driver.existing;
    if (read + write !== existing) this.#broken(`${read + write} connections exist, the pools know of ${existing}`);
    if (this.#servedWhenSuspended !== undefined && !this.isClosing && served !== this.#servedWhenSuspended)
      this.#broken('a suspended database has handed something out');
  }

  get #served(): number {
    return this.#pools.reduce((sum, pool) => {
      const { immediate, waited } = pool.stats().counters;
      return sum + immediate + waited;
    }, 0);
  }

  #held(): readonly HeldConnection[] {
    return this.#pools.flatMap((pool, index) =>
      pool
        .leases()
        .map(({ id, owner, resourceId }) => ({ owner, id: `${index}/${id}`, resource: `${index}/${resourceId}` })),
    );
  }

  #guestOf(owner: string | undefined): Guest | undefined {
    return owner?.startsWith('guest ') === true ? this.guests[Number(owner.slice(6))] : undefined;
  }

  // The end

  /** Nothing is wrong any more, and everybody behaves, but for who has forgotten what he has: all is as it should be, and then it is closed. */
  async finish(): Promise<void> {
    for (const step of ['connect', 'statement', 'begin', 'commit', 'rollback', 'reset', 'close'] as const)
      this.slow(step, 0);
    if (!this.isClosing) {
      this.resume();
      this.setBudgets({});
      await this.#serveEverybody();
    }
    this.close(0);
    for (let round = 0; round < 40 && this.#verbs.some(({ isSettled }) => !isSettled); round++) await this.#letGo(50);
    // What the driver was still at.
    await this.#letGo(100);
    await this.verify();
    this.#verifyServing();
    this.#verifyEnd();
    this.throwFaults();
  }

  async #serveEverybody(): Promise<void> {
    for (let round = 0; round < 60; round++) {
      const busy = this.guests.some(({ state, isForgetful }) => state !== 'over' && !isForgetful);
      const last = Math.max(
        0,
        ...this.guests.filter(({ state }) => state === 'holding').map(({ heldUntil }) => heldUntil),
      );
      if (!busy && last <= this.#now) break;
      await this.#letGo(busy ? 20 : Math.max(1, last - this.#now));
      await this.verify();
    }
    const starved = this.guests.find(({ state }) => state === 'asking');
    if (starved !== undefined) this.#broken(`guest ${starved.number} is not served though nothing is wrong`);
    const held = this.#held();
    if (held.length > 0) this.#broken(`${held.map(({ owner }) => owner).join()} was not taken back`);
    this.throwFaults();
    await this.#fillUp();
  }

  /** As many connections can be had at once as ever. */
  async #fillUp(): Promise<void> {
    const size = this.#limit;
    const terms: GuestTerms = {
      wish: 'read',
      timeoutMs: PATIENT_MS,
      limitMs: Infinity,
      idleLimitMs: PATIENT_MS,
      budget: undefined,
      controller: undefined,
    };
    const all = Array.from({ length: size }, () => this.ask(terms));
    if (this.#singleWriter) all.push(this.ask({ ...terms, wish: 'transaction' }));
    // A failure that is still to come is met by somebody, and waited out.
    for (let round = 0; round < 200 && all.some(({ state }) => state === 'asking'); round++) await this.tick(50);
    const lost = all.filter(({ state }) => state === 'asking').length;
    if (lost > 0) this.#broken(`${lost} of ${all.length} connections cannot be had any more`);
    await this.verify();
  }

  async #letGo(ms: number): Promise<void> {
    for (const guest of this.guests) if (!guest.isForgetful && guest.state !== 'over') this.leave(guest, 'returns');
    await this.tick(ms);
  }

  #verifyEnd(): void {
    for (const { name, isSettled } of this.#verbs) if (!isSettled) this.#broken(`${name} has no answer`);
    for (const guest of this.guests)
      if (!guest.isSettled) this.#broken(`guest ${guest.number} was never told anything`);
    const { live, committed } = this.#driver.fake;
    if (live > 0) this.#broken(`${live} connections are open after the end`);
    if (this.clock.aliveTimers > 0) this.#broken('a closed database keeps the process alive');
    if (new Set(committed).size < committed.length) this.#broken('something was written twice');
    for (const number of committed.map(Number))
      if (!this.#acknowledged.has(number) && !this.#unknown.has(number))
        this.#broken(`guest ${number} wrote and was told that he did not`);
  }

  #track(name: string, promise: Promise<unknown>, mayReject = false): void {
    const verb = { name, isSettled: false };
    this.#verbs.push(verb);
    promise.then(
      () => {
        verb.isSettled = true;
      },
      (error: unknown) => {
        verb.isSettled = true;
        if (!mayReject) this.#broken(`${name} rejects: ${String(error)}`);
      },
    );
  }

  #count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  #broken(rule: string): void {
    this.#faults.push(rule);
  }

  throwFaults(): void {
    if (this.#faults.length > 0) throw new Error(this.#faults.slice(0, 5).join('; '));
  }
}

async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}

/** Whether a session is closed, was taken away, or is about to be closed: its function has come to its end. */
function isEnding(session: Guest | undefined): boolean {
  return session !== undefined && (session.isTaken || session.state === 'over' || session.state === 'leaving');
}

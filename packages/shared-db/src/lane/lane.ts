import { AsyncResource } from 'node:async_hooks';
import { Alarm, type Lease, type PoolError } from '@hive/pool';
import type { Call } from '../driver/call.ts';
import type { DriverConnection } from '../driver/driver.ts';
import type { Late } from '../driver/lock-waits.ts';
import { whenFree } from '../driver/patience.ts';
import type { LaneWork } from '../snapshot.ts';
import type { SqliteConnection } from '../sqlite/connection.ts';
import type { SyncTransaction } from '../sqlite/sync-scope.ts';
import { Acknowledger, forCall } from './acknowledger.ts';
import { Group, MOST_MEMBERS, type GroupEnd } from './group.ts';
import type { LaneHost } from './lane-host.ts';
import type { LogSync } from './log-sync.ts';
import { NO_CALLBACKS, reset, type Member, type Priority } from './member.ts';
import { MemberQueue } from './member-queue.ts';
import { Pace } from './pace.ts';
import { Refusals } from './refusals.ts';

/** How long a group may have the lock: no other member is begun after it. */
const GROUP_MS = 8;
/**
 * So often whose turn it is tries for the lock at every turn of the event loop, which is some milliseconds: who had the turn before may have to commit
 * still.
 */
const EAGER_TRIES = 500;
/** How many may wait. */
const MOST_WAITING = 10_000;

/**
 * What the lane is doing. `working`: it has the writer, and runs a group now or as soon as those who come in this breath have come.
 * `queueing`: the writer is somebody else's. With the writer in its hands, it is `in-line` for the turn of its process, or `contending` for
 * the lock, which is somebody else's.
 */
type LaneState =
  | { readonly kind: 'idle' | 'working' }
  | { readonly kind: 'queueing' | 'in-line' | 'contending'; readonly leader: Member };

const IDLE: LaneState = Object.freeze({ kind: 'idle' });
const WORKING: LaneState = Object.freeze({ kind: 'working' });
const SETTLED = Promise.resolve();
const COMMITTED: GroupEnd = Object.freeze({ kind: 'committed' });

/** The lock was somebody else's. */
class Taken {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

/**
 * Where the writes of one process to one file queue. Those that wait together are committed together: one BEGIN, one COMMIT and one
 * sync for all. A write that is alone costs a microtask more than the bare transaction.
 */
export class Lane {
  readonly #host: LaneHost;
  readonly #queue: MemberQueue;
  readonly #refusals: Refusals;
  readonly #acknowledger: Acknowledger;
  readonly #deadline: Alarm;
  #state: LaneState = IDLE;
  /** The last group had several members: who comes next is likely to have company, which one turn of the event loop gathers. */
  #gathers = false;
  /** How many have to run in a group of their own, because one of them cannot be committed. */
  #apart = 0;
  readonly #pace = new Pace();
  /** When the last group ended, where somebody waited then. */
  #leftAt: number | undefined;
  /** How long the last group in a turn had the lock. */
  #turnGroupMs = 0;
  readonly #begun = (): void => {
    this.#host.turns.begun(this.#turnGroupMs);
  };
  #closed = false;
  /** Ends the wait for a turn. */
  #leaving: AbortController | undefined;
  /** Looks in the next turn of the event loop whether the turn of the process is still made use of. */
  #resting = false;

  constructor(host: LaneHost) {
    this.#host = host;
    this.#queue = new MemberQueue(host.clock);
    this.#refusals = new Refusals(host, this.#queue);
    this.#acknowledger = new Acknowledger(host);
    this.#deadline = new Alarm(host.clock, () => {
      this.#expireDue();
    });
  }

  /** Resolves with what the function has returned when it has been committed and will last. */
  write<T>(call: Call, fn: (tx: SyncTransaction) => T, priority: Priority): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#enter(call, fn, priority, resolve as (value: unknown) => void, reject);
    });
  }

  /** Turns away who waits. What has begun may come to its end. */
  close(): void {
    this.#closed = true;
    this.#deadline.cancel();
    this.#turnAway();
  }

  #turnAway(): void {
    const leader = this.#leader;
    for (const member of this.#queue)
      if (member !== leader && !member.begun) this.#leave(member, this.#refusals.closed());
  }

  #enter(call: Call, fn: Member['fn'], priority: Priority, resolve: Member['resolve'], reject: Member['reject']): void {
    const wakes = this.#state.kind === 'idle';
    const member: Member = {
      call,
      fn,
      priority,
      context: wakes ? undefined : new AsyncResource('HiveWrite'),
      resolve,
      reject,
      state: 'waiting',
      begun: false,
      result: undefined,
      callbacks: NO_CALLBACKS,
      unsubscribe: undefined,
      previous: undefined,
      next: undefined,
      queued: false,
    };
    const refusal = this.#refusal(call, priority);
    if (refusal !== undefined) {
      this.#acknowledger.failed(member, refusal);
      return;
    }
    if (call.options.signal !== undefined) this.#listen(member, call.options.signal);
    this.#queue.push(member);
    if (wakes) this.#wake(member, call.at);
    else if (this.#state.kind !== 'working') this.#deadline.by(call.deadline, call.at);
  }

  /** Why a caller may not even wait. */
  #refusal({ at, deadline, options }: Call, priority: Priority): PoolError | undefined {
    if (options.signal?.aborted === true) return this.#refusals.abortedBefore(options.signal);
    const waiting = this.#queue.length;
    if (waiting === 0) return undefined;
    if (waiting >= MOST_WAITING) return this.#refusals.overloaded();
    const expectedMs = this.#pace.expectedMs(this.#queue.ahead(priority), at);
    return expectedMs <= deadline - at ? undefined : this.#refusals.tooSlow(expectedMs, deadline - at);
  }

  #listen(member: Member, signal: AbortSignal): void {
    const leave = (): void => {
      // What has begun is finished.
      if (!member.begun && !this.#leads(member)) this.#abort(member);
    };
    signal.addEventListener('abort', leave, { once: true });
    member.unsubscribe = () => {
      signal.removeEventListener('abort', leave);
    };
  }

  /**
   * Gets in line for the writer at once; the group is made up when it runs, of those who have come by then. `cameAt` is when somebody
   * came to an idle lane; after a group, the event loop gets its turn first.
   */
  #wake(leader: Member, cameAt?: number): void {
    const lease = this.#host.writers.tryAcquire({ owner: leader.call.label.text, capture: false });
    if (lease === undefined) {
      void this.#queueForWriter(leader);
      return;
    }
    this.#state = WORKING;
    const { clock } = this.#host;
    if (cameAt === undefined || this.#gathers)
      clock.nextTurn(() => {
        this.#write(lease, clock.now());
      });
    else
      void SETTLED.then(() => {
        // Alone, it has just come.
        this.#write(lease, this.#queue.length > 1 ? clock.now() : cameAt);
      });
  }

  async #queueForWriter(leader: Member): Promise<void> {
    this.#await('queueing', leader);
    try {
      const lease = await this.#host.borrowWriter(leader.call);
      this.#write(lease, this.#host.clock.now());
    } catch (error) {
      this.#leave(leader, error);
      this.#goOn();
    }
  }

  #await(kind: 'queueing' | 'in-line' | 'contending', leader: Member): void {
    this.#state = { kind, leader };
    const now = this.#host.clock.now();
    for (const member of this.#queue) if (!this.#leads(member)) this.#deadline.by(member.call.deadline, now);
  }

  /** Whether it is this one's call that waits, which knows its own time and signal. In line for a turn nobody's does. */
  #leads(member: Member): boolean {
    const state = this.#state;
    return (state.kind === 'queueing' || state.kind === 'contending') && state.leader === member;
  }

  /** One group; then whoever wants the writer for itself, and then the next group. */
  #write(lease: Lease<DriverConnection>, now: number): void {
    if (!lease.active) {
      // Somebody has taken the writer away meanwhile, which is no reason not to write with the next one.
      this.#goOn();
      return;
    }
    this.#state = WORKING;
    const { turns } = this.#host;
    if (turns.mustAsk && !(this.#isBrief(lease) && turns.barge())) {
      void this.#getInLine(lease);
      return;
    }
    let end: GroupEnd | undefined;
    try {
      end = this.#runGroup(lease, now);
    } catch (error) {
      this.#refuse(error);
    }
    if (end?.kind === 'busy') {
      if (this.#host.turns.held) void this.#contend(lease, end.error);
      else void this.#getInLine(lease, end.error);
      return;
    }
    this.#next(lease);
  }

  /** Whether the lock is only had for a moment, and the next one is not wanted before the disk has done its work. */
  #isBrief(lease: Lease<DriverConnection>): boolean {
    return this.#queue.length === 1 && this.#host.connectionOf(lease).log !== undefined;
  }

  #next(lease: Lease<DriverConnection>): void {
    if (lease.active) lease.release();
    this.#host.turns.passOn();
    this.#goOn();
  }

  #goOn(): void {
    this.#state = IDLE;
    if (this.#queue.length === 0) {
      this.#leftAt = undefined;
      if (this.#host.turns.held) this.#restTurn();
      return;
    }
    this.#expireDue();
    const leader = this.#queue.first;
    // Others may have been waiting for the writer.
    if (leader !== undefined) this.#wake(leader);
  }

  /** Who writes one after the other comes back at once. When nobody has for a turn of the event loop, that of the process is over. */
  #restTurn(): void {
    if (this.#resting) return;
    this.#resting = true;
    const groups = this.#acknowledger.groups;
    this.#host.clock.nextTurn(() => {
      this.#resting = false;
      if (this.#state.kind !== 'idle') return;
      if (groups === this.#acknowledger.groups) this.#host.turns.end();
      else if (this.#host.turns.held) this.#restTurn();
    });
  }

  /** Others are known to want the lock, or have it: one process at a time tries for it. */
  async #getInLine(lease: Lease<DriverConnection>, busy?: unknown): Promise<void> {
    const leader = this.#queue.first;
    if (leader !== undefined) {
      this.#await('in-line', leader);
      const { clock } = this.#host;
      const { onBusy, onSlow, slowMs } = this.#host.patience(leader.call);
      if (busy !== undefined) onBusy();
      const slow = clock.after(slowMs, onSlow);
      this.#leaving = new AbortController();
      // Rejects when all have left.
      await this.#host.turns.take(this.#leaving.signal).catch(nothing);
      this.#leaving = undefined;
      slow.cancel();
    }
    await this.#contend(lease, undefined, busy !== undefined);
  }

  /** The lock is somebody else's. Tries on for as long as somebody is patient; one of them at a time leads. */
  async #contend(lease: Lease<DriverConnection>, error: unknown, isCounted = false): Promise<void> {
    let known: unknown = error;
    while (lease.active) {
      const leader = this.#queue.first;
      if (leader === undefined) break;
      this.#await('contending', leader);
      const patience = this.#host.patience(leader.call);
      try {
        await whenFree(
          () => {
            const before = known;
            known = undefined;
            // Where somebody has taken the writer away there is another, or who waits for that is told that the database is closed.
            if (lease.active) this.#tryGroup(lease, before);
          },
          {
            ...patience,
            line: undefined,
            eagerTries: this.#host.turns.isNext ? EAGER_TRIES : 0,
            onBusy: isCounted ? nothing : patience.onBusy,
            isBusy: isTaken,
            giveUp: (taken) => patience.giveUp(causeOf(taken)),
          },
        );
        break;
      } catch (failure) {
        if (leader.queued) this.#leave(leader, failure);
      }
    }
    this.#next(lease);
  }

  /** Throws `Taken` while the lock is. The first time that is known already. */
  #tryGroup(lease: Lease<DriverConnection>, known: unknown): void {
    if (known !== undefined) throw new Taken(known);
    const end = this.#runGroup(lease, this.#host.clock.now());
    if (end.kind === 'busy') throw new Taken(end.error);
  }

  #runGroup(lease: Lease<DriverConnection>, now: number): GroupEnd {
    const writer = this.#host.connectionOf(lease);
    const members = this.#candidates();
    const label = members[0]?.call.label;
    if (label === undefined) return COMMITTED;
    const { activity, turns, clock } = this.#host;
    const inTurn = turns.held;
    const outer = activity.label(label.id);
    try {
      this.#host.assertWritable(label, now);
      for (const member of members) {
        // What an earlier group that failed has left behind says nothing about this one.
        reset(member);
        member.begun = true;
      }
      const end = new Group(writer, members, this.#host, { until: now + GROUP_MS, begun: this.#begun }).run();
      if (inTurn) this.#turnGroupMs = clock.now() - now;
      return end.kind === 'busy' ? end : this.#sort(members, end, writer.log, now);
    } catch (error) {
      this.#undo(lease, writer.sync);
      throw error;
    } finally {
      this.#release(members);
      activity.label(outer);
    }
  }

  /** Who stays for another group may leave again, and is sent away where that was to be done meanwhile. */
  #release(members: readonly Member[]): void {
    for (const member of members) {
      member.begun = false;
      if (member.queued && member.call.options.signal?.aborted === true) this.#abort(member);
    }
    if (this.#closed) this.#turnAway();
  }

  #abort(member: Member): void {
    this.#leave(member, this.#refusals.aborted(member));
  }

  /** What a connection that cannot even roll back has left open goes with it. */
  #undo(lease: Lease<DriverConnection>, connection: SqliteConnection): void {
    try {
      if (connection.inTransaction) connection.control('ROLLBACK');
    } catch {
      lease.destroy();
    }
  }

  /** Those of whom the next group is made up. */
  #candidates(): readonly Member[] {
    return this.#queue.head(this.#apart > 0 ? 1 : MOST_MEMBERS);
  }

  /** Who is done, who has failed, and who stays for the next group. */
  #sort(members: readonly Member[], end: GroupEnd, log: LogSync | undefined, startedAt: number): GroupEnd {
    if (end.kind === 'refused') this.#apart = members.length;
    else if (this.#apart > 0) this.#apart--;
    this.#gathers = members.length > 1;
    const done: Member[] = [];
    let lost: unknown;
    for (const member of members) {
      if (member.state === 'done') {
        this.#unqueue(member);
        done.push(member);
      } else if (member.state === 'failed') {
        this.#host.rolledBack();
        lost ??= this.#failed(member);
      }
    }
    const [first] = done;
    if (first !== undefined) {
      const { label } = first.call;
      const isLast = this.#queue.length === 0;
      if (!isLast) this.#learnPace(done.length, startedAt);
      this.#acknowledger.committed({ members: done, label, log, startedAt, isLast });
    }
    return lost === undefined ? end : { kind: 'busy', error: lost };
  }

  /** Returns its error where that says that the lock was lost: it stays, and runs again when the lock is free. */
  #failed(member: Member): unknown {
    const error = member.result;
    if (!this.#host.lostLock(error, member.call)) {
      this.#leave(member, error);
      return undefined;
    }
    reset(member);
    return error;
  }

  #learnPace(members: number, startedAt: number): void {
    const now = this.#host.clock.now();
    this.#pace.learn(now - startedAt, members, now, now - (this.#leftAt ?? startedAt));
    this.#leftAt = now;
  }

  /** Nobody can be written, for a reason that has nothing to do with what they want. */
  #refuse(error: unknown): void {
    for (const member of this.#candidates()) this.#leave(member, forCall(error, member.call));
  }

  #leave(member: Member, error: unknown): void {
    this.#unqueue(member);
    this.#acknowledger.failed(member, error);
  }

  #unqueue(member: Member): void {
    this.#queue.remove(member);
    member.unsubscribe?.();
    if (this.#state.kind === 'in-line') this.#followLeader();
  }

  /** In line for a turn anybody may leave: another one leads then, or nobody waits any more. */
  #followLeader(): void {
    const leader = this.#queue.first;
    if (leader === undefined) this.#leaving?.abort();
    else this.#state = { kind: 'in-line', leader };
  }

  /** Sends away whose time is up. Whoever leads knows its own time. */
  #expireDue(): void {
    const now = this.#host.clock.now();
    const { kind } = this.#state;
    for (const member of this.#queue) {
      if (member.begun || this.#leads(member)) continue;
      if (member.call.deadline > now) this.#deadline.by(member.call.deadline, now);
      else if (kind === 'contending') void this.#expireBusy(member, 'BUSY_TIMEOUT');
      else if (kind === 'in-line') void this.#expireBusy(member, 'TURN_TIMEOUT');
      else this.#leave(member, this.#refusals.late(member, now));
    }
  }

  async #expireBusy(member: Member, kind: Late): Promise<void> {
    const { label, at } = member.call;
    this.#unqueue(member);
    this.#acknowledger.failed(member, await this.#host.lateError(kind, undefined, label, at));
  }

  /** Whose call is shown to be waiting, in the pool or with the writer in its hands. */
  get #leader(): Member | undefined {
    return 'leader' in this.#state ? this.#state.leader : undefined;
  }

  /** Who waits here, and not in the pool. */
  waiters(): readonly { readonly owner: string; readonly waitMs: number }[] {
    const now = this.#host.clock.now();
    const leader = this.#leader;
    return Array.from(this.#queue)
      .filter((member) => member !== leader)
      .map(({ call }) => ({ owner: call.label.text, waitMs: now - call.at }));
  }

  /** A transaction, which has the lane to itself, was committed. */
  committedApart(tookMs: number): void {
    this.#acknowledger.committedApart(tookMs);
  }

  /** What has been done, as plain data. */
  work(): LaneWork {
    return this.#acknowledger.work();
  }
}

function nothing(): void {}

function isTaken(error: unknown): boolean {
  return error instanceof Taken;
}

function causeOf(taken: unknown): unknown {
  return taken instanceof Taken ? taken.cause : taken;
}

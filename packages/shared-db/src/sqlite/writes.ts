import type { DatabaseContext, WriteOptions } from '../database.ts';
import type { Call } from '../driver/call.ts';
import type { Calls } from '../driver/calls.ts';
import type { Connections } from '../driver/connections.ts';
import type { Counters } from '../driver/counters.ts';
import type { Engine, EngineLane } from '../driver/engine.ts';
import type { Failures } from '../driver/failures.ts';
import { notAFunction } from '../driver/given-function.ts';
import type { Lifecycle } from '../driver/lifecycle.ts';
import type { LockWaits } from '../driver/lock-waits.ts';
import type { Transactions } from '../driver/transactions.ts';
import { DatabaseError, isKind } from '../errors.ts';
import type { Label } from '../labels.ts';
import type { LaneHost } from '../lane/lane-host.ts';
import { Lane } from '../lane/lane.ts';
import type { Priority } from '../lane/member.ts';
import type { TurnKeeper } from '../lane/turn-keeper.ts';
import { sqliteConnectionOf } from './driver.ts';
import type { SyncTransaction } from './sync-scope.ts';

/** The database that is written. */
export interface WritesHost {
  readonly context: DatabaseContext;
  readonly calls: Calls;
  readonly lifecycle: Lifecycle;
  readonly failures: Failures;
  readonly counters: Counters;
  readonly connections: Connections;
  readonly transactions: Transactions;
  readonly lockWaits: LockWaits;
  readonly turns: TurnKeeper;
  readonly engine: Pick<Engine, 'assertWritable' | 'committed'>;
}

/** The synchronous writes of one database: how each call gets into the lane, and what the lane is told of the database. */
export class Writes {
  readonly #host: WritesHost;
  readonly #lane: Lane;
  #isInside = false;

  constructor(host: WritesHost) {
    this.#host = host;
    this.#lane = new Lane(this.#laneHost());
  }

  write<T>(label: string, fn: (tx: SyncTransaction) => T, options: WriteOptions): Promise<T> {
    const { calls, connections } = this.#host;
    if (!calls.isNested) return this.#write(label, fn, options);
    return calls.nested(connections.writable, label, options, (given, served) => this.#write(label, fn, given, served));
  }

  #write<T>(label: string, fn: (tx: SyncTransaction) => T, options: WriteOptions, served?: () => void): Promise<T> {
    const { calls, lifecycle } = this.#host;
    try {
      const call = calls.begin(label, options, 'writes');
      if (typeof fn !== 'function') {
        calls.ended(call);
        throw calls.told(notAFunction(fn, 'write').at(this.#host.context.name, call.label.text), call);
      }
      if (served !== undefined) call.served = served;
      const { priority = 'normal' } = options;
      return lifecycle.status === 'open' ? this.#lane.write(call, fn, priority) : this.#whenOpen(call, fn, priority);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #whenOpen<T>(call: Call, fn: (tx: SyncTransaction) => T, priority: Priority): Promise<T> {
    const { calls, lifecycle, engine } = this.#host;
    try {
      if (!lifecycle.isReady) await lifecycle.ready();
      // A fenced file is not even opened for writing.
      engine.assertWritable(call.label);
    } catch (error) {
      calls.ended(call);
      throw calls.told(error, call);
    }
    return this.#lane.write(call, fn, priority);
  }

  /** Whether a function of one of them is running: it has to use its own handle. */
  get isInside(): boolean {
    return this.#isInside;
  }

  /** What is told to who calls the database from there. */
  useTx(label: Label): DatabaseError {
    return new DatabaseError('WRONG_USE', 'the database was called from inside a write function', {
      database: this.#host.context.name,
      label: label.text,
      advice: 'use tx, the handle that the function was given: only it sees what the function has written',
    });
  }

  /** Who waits, and what has been written. */
  state(): EngineLane {
    return { waiters: this.#lane.waiters(), work: this.#lane.work() };
  }

  /** Somebody has committed without the lane. */
  committedApart(tookMs: number): void {
    this.#lane.committedApart(tookMs);
  }

  /** Turns away who waits. What has begun may come to its end. */
  close(): void {
    this.#lane.close();
  }

  #laneHost(): LaneHost {
    const { context, calls, failures, counters, connections, transactions, lockWaits, turns, engine } = this.#host;
    const { name, clock, activity } = context;
    const { writers } = connections;
    return {
      name,
      writers,
      turns,
      clock,
      activity,
      // The lane gives it back by itself: whose functions run in it can leave no trace of a leak.
      borrowWriter: (call) => connections.borrow(writers, call, { capture: false }),
      connectionOf: ({ resource }) => sqliteConnectionOf(resource),
      entered: ({ id }) => {
        activity.label(id);
        this.#isInside = true;
      },
      left: () => {
        this.#isInside = false;
      },
      explain: (error, during, label) => failures.explain(error, during, label),
      isBusy: (error) => failures.isBusy(error),
      isConstraint: (error) => isKind(failures.explain(error, 'commit', undefined), 'CONSTRAINT'),
      lostLock: (error, { thrown }) => this.#lostLock(error, thrown),
      assertWritable: (label, now) => {
        engine.assertWritable(label, now);
      },
      committed: (label) => {
        failures.committed();
        engine.committed(label);
      },
      runCallbacks: (callbacks, label) => {
        transactions.runCallbacks(callbacks, label);
      },
      rolledBack: () => {
        counters.rolledBack++;
      },
      patience: (call) => lockWaits.patience(call),
      lateError: (kind, cause, label, since) => lockWaits.lateError(kind, cause, label, since),
      told: (error, call) => calls.told(error, call),
      ended: (call, now) => {
        calls.ended(call, now);
      },
    };
  }

  /** Inside the function, the engine's word for it has been explained already; what else it throws may come from another database. */
  #lostLock(error: unknown, thrown: Call['thrown']): boolean {
    if (thrown === undefined || !Object.is(thrown.error, error)) return false;
    return isKind(error, 'BUSY_TIMEOUT') && error.database === this.#host.context.name;
  }
}

import { Breather } from '@hive/pool';
import type { Call } from '../driver/call.ts';
import { DatabaseError } from '../errors.ts';
import type { Label } from '../labels.ts';
import type { LaneWork } from '../snapshot.ts';
import { CommitTimes } from './commit-times.ts';
import type { LaneHost } from './lane-host.ts';
import type { LogSync } from './log-sync.ts';
import type { Member } from './member.ts';

/** Less than the pool's: the last write of a breath may take a few milliseconds by itself. A turn of the event loop costs a tenth of a write. */
const BREATH_MS = 3;

/** Members of one group whose functions have returned, and whose transaction is committed. */
export interface Committed {
  readonly members: readonly Member[];
  /** Of one of them. */
  readonly label: Label;
  /** What makes it last; undefined where it need not survive the loss of power. */
  readonly log: LogSync | undefined;
  readonly startedAt: number;
  /** Whether nobody waits behind them. */
  readonly isLast: boolean;
}

/** Tells the callers of a lane what has become of their writes, and nobody that he is done before what he wrote will last. */
export class Acknowledger {
  readonly #host: LaneHost;
  readonly #breather: Breather;
  readonly #times = new CommitTimes();
  #groups = 0;
  #members = 0;

  constructor(host: LaneHost) {
    this.#host = host;
    this.#breather = new Breather(host.clock, BREATH_MS);
  }

  /** How many groups have been committed. */
  get groups(): number {
    return this.#groups;
  }

  /** What is committed to a file that the path does not name any more will never be seen: that is told as a failure. */
  committed(committed: Committed): void {
    const { members, label } = committed;
    try {
      this.#host.committed(label);
    } catch (error) {
      for (const member of members) this.failed(member, forCall(error, member.call));
      return;
    }
    this.#groups++;
    this.#members += members.length;
    this.#host.turns.wrote(members.length);
    // The right to write is somebody else's by the time that the log is synced.
    for (const { call } of members) call.served?.();
    this.#makeLast(committed);
  }

  /** Somebody has committed who is told by another. */
  committedApart(tookMs: number): void {
    this.#times.record(tookMs, this.#host.clock.now());
  }

  failed({ call, reject }: Member, error: unknown): void {
    this.#host.ended(call, this.#host.clock.now());
    reject(this.#host.told(error, call));
  }

  /** What has been done, as plain data. */
  work(): LaneWork {
    return Object.freeze({
      groups: this.#groups,
      members: this.#members,
      commitTime: this.#times.all,
      lateCommitMs: this.#times.lateMs(this.#host.clock.now()),
    });
  }

  /** They are committed; what `full` promises is that they survive the loss of power as well. */
  #makeLast(committed: Committed): void {
    const { members, log, isLast } = committed;
    if (log === undefined) {
      this.#acknowledge(committed);
      return;
    }
    // The disk may take ten times as long as the lock was held.
    if (isLast) this.#host.turns.yield();
    if (members.length === 1 && isLast && log.isAtOnce()) this.#syncNow(committed, log);
    else
      log.sync((error) => {
        if (error === undefined) this.#acknowledge(committed);
        else this.#notSynced(committed, error);
      });
  }

  #syncNow(committed: Committed, log: LogSync): void {
    try {
      log.syncNow();
    } catch (error) {
      this.#notSynced(committed, error);
      return;
    }
    this.#acknowledge(committed);
  }

  #notSynced({ members }: Committed, error: unknown): void {
    for (const member of members) this.failed(member, this.#host.explain(error, 'commit', member.call.label));
  }

  #acknowledge({ members, startedAt }: Committed): void {
    const now = this.#host.clock.now();
    this.#times.record(now - startedAt, now);
    const settle = (): void => {
      for (const member of members) this.#resolve(member, now);
    };
    // A loop of writes runs in microtasks alone; the event loop gets its turn before the next one goes on.
    if (this.#breather.check(now)) this.#breather.hold(settle);
    else settle();
  }

  #resolve({ call, callbacks, result, resolve }: Member, now: number): void {
    if (callbacks.length > 0) this.#host.runCallbacks(callbacks, call.label);
    this.#host.ended(call, now);
    resolve(result);
  }
}

/** What has met several calls, as one of them is told. */
export function forCall(error: unknown, { label }: Call): unknown {
  return error instanceof DatabaseError ? error.withLabel(label.text) : error;
}

import type { Clock } from '@hive/pool';
import { transactionEnded } from '../driver/transaction-ended.ts';
import type { Label } from '../labels.ts';
import type { SqliteConnection } from '../sqlite/connection.ts';
import { synchronous, SyncScope } from '../sqlite/sync-scope.ts';
import type { LogSync } from './log-sync.ts';
import { inContextOf, reset, type Member } from './member.ts';

/** More than this do not share a commit: what it saves grows no further, and whoever comes meanwhile waits for all of them. */
export const MOST_MEMBERS = 64;
/**
 * How many share a savepoint as long as none of them fails. A savepoint of its own would cost each as much as its row; when one fails,
 * the others of its handful run once more, each with its own.
 */
const HANDFUL = 8;

/** The connection that writes, and what makes its commits last where they are to survive the loss of power. */
export interface Writer {
  readonly sync: SqliteConnection;
  readonly log: LogSync | undefined;
}

/** What a group asks and tells the database that it writes to. */
export interface GroupHost {
  readonly clock: Clock;
  /** The thread is running the function of a label, or that function is over. */
  entered(label: Label): void;
  left(): void;
  explain(error: unknown, during: 'statement' | 'commit', label: Label): unknown;
  /** Whether somebody else's lock was in the way, so that the same thing may be tried again. */
  isBusy(error: unknown): boolean;
  /** Whether an explained error says that one member is to blame, and not the state of the file. */
  isConstraint(error: unknown): boolean;
}

/**
 * How a group has ended. `committed`: what is `done` will last, what is `failed` is undone, and what is `waiting` was not begun.
 * `ended`: a member has ended the transaction and is `failed`; nothing else has happened. `refused`: COMMIT is refused for what one of
 * several did: each has to run apart. `busy`: nothing has happened.
 */
export type GroupEnd =
  | { readonly kind: 'committed' | 'ended' | 'refused' }
  | { readonly kind: 'busy'; readonly error: unknown };

/** How a group runs. */
export interface GroupTerms {
  /** On the clock: no other member is begun from then on. */
  readonly until: number;
  /** Told when it has the lock, before anybody runs. */
  readonly begun: () => void;
}

const COMMITTED: GroupEnd = Object.freeze({ kind: 'committed' });
const ENDED: GroupEnd = Object.freeze({ kind: 'ended' });
const REFUSED: GroupEnd = Object.freeze({ kind: 'refused' });

/** One transaction for several writes: BEGIN, their functions one after another, COMMIT, without an await in between. */
export class Group {
  readonly #connection: SqliteConnection;
  readonly #log: LogSync | undefined;
  readonly #members: readonly Member[];
  readonly #host: GroupHost;
  readonly #terms: GroupTerms;
  /** Who has run last, and is to blame when the transaction has ended. */
  #latest: Member | undefined;

  constructor(writer: Writer, members: readonly Member[], host: GroupHost, terms: GroupTerms) {
    this.#connection = writer.sync;
    this.#log = writer.log;
    this.#members = members;
    this.#host = host;
    this.#terms = terms;
  }

  /** Throws what BEGIN says when it is refused for another reason than a lock, and what ROLLBACK says. Nothing has happened then. */
  run(): GroupEnd {
    try {
      this.#connection.control('BEGIN IMMEDIATE');
    } catch (error) {
      if (!this.#host.isBusy(error)) throw error;
      return { kind: 'busy', error };
    }
    this.#terms.begun();
    const [first] = this.#members;
    const stands = this.#members.length === 1 && first !== undefined ? this.#runAlone(first) : this.#runAll();
    if (!stands) return this.#ended();
    return this.#members.some(({ state }) => state === 'done') ? this.#commit() : this.#rollBack();
  }

  /** Needs no savepoint: what it has done is undone with the transaction. */
  #runAlone(member: Member): boolean {
    this.#runs(member);
    return this.#connection.inTransaction;
  }

  /** Whether the transaction still stands. */
  #runAll(): boolean {
    for (let from = 0; from < this.#members.length;) {
      if (from > 0 && this.#isTimeUp()) return true;
      const to = this.#runHandful(from, HANDFUL);
      if (to === undefined) return false;
      from = to;
    }
    return true;
  }

  /** Runs `most` at most; returns the place after the last one, or undefined when the transaction has ended. */
  #runHandful(from: number, most: number): number | undefined {
    const end = Math.min(from + most, this.#members.length);
    this.#connection.control('SAVEPOINT hive_0');
    let to = from;
    for (; to < end; to++) {
      if (to > from && this.#isTimeUp()) break;
      if (this.#runs(this.#members[to] as Member)) continue;
      if (!this.#connection.inTransaction) return undefined;
      this.#connection.control('ROLLBACK TO hive_0');
      this.#connection.control('RELEASE hive_0');
      return most === 1 ? to + 1 : this.#runApart(from, to + 1);
    }
    this.#connection.control('RELEASE hive_0');
    return to;
  }

  /** One of them has failed, and all are undone: it had seen what the others did. */
  #runApart(from: number, to: number): number | undefined {
    for (let at = from; at < to; at++) {
      reset(this.#members[at] as Member);
      if (this.#runHandful(at, 1) === undefined) return undefined;
    }
    return to;
  }

  /** Whether its function has returned and the transaction is still open. */
  #runs(member: Member): boolean {
    const { call, fn } = member;
    const { label } = call;
    this.#latest = member;
    const explain = (error: unknown): unknown => this.#host.explain(error, 'statement', label);
    const scope = new SyncScope(this.#connection, explain, 'transaction');
    this.#host.entered(label);
    try {
      const returned = member.context === undefined ? fn(scope) : inContextOf(member, () => fn(scope));
      member.result = synchronous(returned, 'write', explain);
      member.callbacks = scope.callbacks;
      member.state = 'done';
    } catch (error) {
      call.thrown = { error };
      member.result = error;
      member.state = 'failed';
    } finally {
      this.#host.left();
      scope.end();
      this.#connection.closeIterators();
    }
    return member.state === 'done' && this.#connection.inTransaction;
  }

  /** Nothing is left of what anybody has done. Whoever ran last is to blame; the others have seen what is not there any more. */
  #ended(): GroupEnd {
    const culprit = this.#latest;
    for (const member of this.#members) if (member !== culprit) reset(member);
    if (culprit?.state === 'done') {
      culprit.state = 'failed';
      culprit.result = this.#host.explain(transactionEnded(), 'statement', culprit.call.label);
    }
    return ENDED;
  }

  #commit(): GroupEnd {
    this.#log?.makeRoom();
    try {
      this.#connection.control('COMMIT');
      return COMMITTED;
    } catch (error) {
      return this.#notCommitted(error);
    }
  }

  #notCommitted(error: unknown): GroupEnd {
    this.#rollBack();
    const done = this.#members.filter(({ state }) => state === 'done');
    if (this.#host.isBusy(error)) {
      for (const member of this.#members) reset(member);
      return { kind: 'busy', error };
    }
    if (done.length > 1 && this.#host.isConstraint(error)) {
      for (const member of this.#members) reset(member);
      return REFUSED;
    }
    for (const member of done) {
      member.state = 'failed';
      member.result = this.#host.explain(error, 'commit', member.call.label);
    }
    return COMMITTED;
  }

  /** Nobody has written anything that is to stay. */
  #rollBack(): GroupEnd {
    if (this.#connection.inTransaction) this.#connection.control('ROLLBACK');
    return COMMITTED;
  }

  #isTimeUp(): boolean {
    return this.#host.clock.now() >= this.#terms.until;
  }
}

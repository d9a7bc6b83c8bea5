import type { Connection, Session } from '@hive/shared-db';
import type { WatchedConnection } from './watched-driver.ts';

/** What somebody asks a database for: a session to close himself or for a function, a read, a transaction, or one in a session of his. */
export type Wish = 'session' | 'lent session' | 'read' | 'transaction' | 'part';

/** How he asks. */
export interface GuestTerms {
  readonly wish: Wish;
  /** How long he waits for a connection. */
  readonly timeoutMs: number;
  /** How long he may have it; Infinity for as long as anybody may. */
  readonly limitMs: number;
  /** How long a transaction of his may do nothing. */
  readonly idleLimitMs: number;
  readonly budget: string | undefined;
  readonly controller: AbortController | undefined;
  /** The session that a part is one of. */
  readonly of?: Guest;
}

/** Somebody who asks a database for something, has it, and gives it back or not; and what he may expect meanwhile. */
export class Guest {
  /** Counted from 0 in each schedule. Every statement of his consists of it. */
  readonly number: number;
  readonly terms: GuestTerms;
  readonly askedAt: number;
  /** What his function throws, if it does. */
  readonly mishap = { name: 'mishap' };
  readonly #gate = Promise.withResolvers<'returns' | 'throws'>();
  /** His function waits for this before it ends. */
  readonly leave: Promise<'returns' | 'throws'> = this.#gate.promise;
  state: 'asking' | 'holding' | 'leaving' | 'over' = 'asking';
  /** From then on what he had is not his any more, by its own limit. */
  heldUntil = Infinity;
  /** The same because he does nothing. */
  #idleUntil = Infinity;
  #running = 0;
  handle: Connection | undefined;
  session: Session | undefined;
  connection: WatchedConnection | undefined;
  /** His statements. */
  readonly uses: Promise<void>[] = [];
  /** Somebody took it from him: a flush, the end of the service. */
  isTaken = false;
  /** His own signal has fired. */
  isAborted = false;
  /** What he asked for has come to its end: the promise is settled. */
  isSettled = false;
  /** Nobody will close what he has. */
  isForgetful = false;

  constructor(number: number, terms: GuestTerms, askedAt: number) {
    this.number = number;
    this.terms = terms;
    this.askedAt = askedAt;
  }

  /** All that belongs to one session has its label. */
  get label(): string {
    return this.terms.of?.label ?? `guest ${this.number}`;
  }

  get isSession(): boolean {
    return this.terms.wish === 'session' || this.terms.wish === 'lent session';
  }

  get writes(): boolean {
    return this.terms.wish === 'transaction' || this.terms.wish === 'part';
  }

  /** When he stops waiting. */
  get deadline(): number {
    return this.askedAt + this.terms.timeoutMs;
  }

  /** Whether what he has is his at this moment; at the very moment of a limit it may still be. */
  isEntitled(now: number): boolean {
    if (this.state !== 'holding' || this.isTaken) return false;
    const { of } = this.terms;
    return this.#isInTime(now) && (of === undefined || of.#isInTime(now));
  }

  #isInTime(now: number): boolean {
    if (this.isSession && (this.isAborted || this.state === 'over')) return false;
    return now <= this.heldUntil && now <= this.#idleUntil;
  }

  /** The same where it must be. */
  isSurelyEntitled(now: number): boolean {
    return this.isEntitled(now) && !this.isPast(now);
  }

  /** Whether it was taken, or its time is up; at the very moment of a limit that may be yet to come. */
  isPast(now: number): boolean {
    const { of } = this.terms;
    return (
      this.isTaken || this.#isOutOfTime(now) || (of !== undefined && (of.state === 'over' || of.#isOutOfTime(now)))
    );
  }

  /** The same where it must be: two limits that fall on one millisecond come one after the other. */
  isSurelyPast(now: number): boolean {
    return this.isPast(now - 1);
  }

  #isOutOfTime(now: number): boolean {
    return now >= this.heldUntil || now >= this.#idleUntil || (this.isSession && this.isAborted);
  }

  enters(handle: Connection, now: number): void {
    this.state = 'holding';
    this.handle = handle;
    this.heldUntil = now + this.terms.limitMs;
    this.#rests(now);
  }

  begins(): void {
    this.#running++;
    this.#idleUntil = Infinity;
  }

  ends(now: number): void {
    this.#running--;
    this.#rests(now);
  }

  #rests(now: number): void {
    if (this.writes && this.#running === 0) this.#idleUntil = now + this.terms.idleLimitMs;
  }

  /** Resolves when all his statements have ended, those included that he begins meanwhile. */
  async allUsed(): Promise<void> {
    for (let ended = -1; ended < this.uses.length;) {
      ended = this.uses.length;
      await Promise.allSettled(this.uses);
    }
  }

  /** Lets his function come to its end. */
  dismiss(how: 'returns' | 'throws'): void {
    this.#gate.resolve(how);
  }
}

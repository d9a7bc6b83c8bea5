import type { BudgetAccount } from './budget-account.ts';
import type { Lease, LeaseHome } from './lease.ts';
import type { DestroyReason } from './observer.ts';
import { placeOfCall } from './place-of-call.ts';

// Small numbers instead of words: the pool counts by kind twice a lease, and a word costs it a hash look-up each time.
export const CREATING = 0;
export const VALIDATING = 1;
export const IDLE = 2;
export const LEASED = 3;
export const RESETTING = 4;
export const CLOSING = 5;
export const GONE = 6;

/** The kinds by name, in the order of their numbers. */
export const KIND_NAMES = ['creating', 'validating', 'idle', 'leased', 'resetting', 'closing', 'gone'] as const;

/**
 * A resource that somebody borrows. Each resource has one such record, renewed for every lease, so that a lease costs one object; a
 * lease is good exactly as long as the record is its entry's state and bears its number.
 */
export interface Hold<R> {
  readonly kind: typeof LEASED;
  /** Number of the lease that has the resource, or had it last. */
  id: number;
  owner: string | undefined;
  allowedMs: number | undefined;
  /** Whether this use is timed. Untimed ones carry the time of the last reading of the clock. */
  timed: boolean;
  trace: Trace | undefined;
  /** How the lease ended, unless it was released; whatever else ends a lease ends its resource, so it is never cleared. */
  ended: string | undefined;
  /** The handle, until the housekeeper has seen it once; from then on only the garbage collector knows. */
  handle: Lease<R> | undefined;
  /** Whose budget has the lease, where there are budgets. */
  account: BudgetAccount | undefined;
}

/** The places of a lease's life, when they are remembered. A stack is formatted only when somebody reads it. */
export interface Trace {
  /** Undefined where only later something about the lease was worth remembering. */
  readonly acquiredAt: Error | undefined;
  /** Whether its release is remembered as well: somebody asked for that. Of a sample it would double the price, and tell of no leak. */
  readonly toTheEnd: boolean;
  endedAt: Error | undefined;
  /** After how long without a use this lease is suspected; undefined where nothing was said of it alone. */
  readonly leakThresholdMs: number | undefined;
}

/** What a resource is doing. One object at a time, replaced by one function. */
export type EntryState<R> =
  | { readonly kind: typeof CREATING; readonly abort: AbortController }
  | { readonly kind: typeof VALIDATING }
  | { readonly kind: typeof IDLE }
  | Hold<R>
  | { readonly kind: typeof RESETTING }
  | { readonly kind: typeof CLOSING; readonly reason: DestroyReason }
  | { readonly kind: typeof GONE };

export type EntryKind = EntryState<unknown>['kind'];

// States that say nothing but what they are: one of each is enough.
export const IDLE_STATE = Object.freeze({ kind: IDLE });
export const GONE_STATE = Object.freeze({ kind: GONE });

/** Which states may follow each state, as bits. Anything else is a bug. */
const FOLLOWERS = Uint8Array.of(
  bits(IDLE, LEASED, CLOSING, GONE), // creating
  bits(IDLE, LEASED, CLOSING), // validating
  bits(IDLE, LEASED, VALIDATING, CLOSING), // idle
  bits(IDLE, LEASED, RESETTING, CLOSING), // leased
  bits(IDLE, LEASED, CLOSING), // resetting
  bits(GONE), // closing
  bits(), // gone
);

export function mayFollow(from: EntryKind, to: EntryKind): boolean {
  return ((FOLLOWERS[from] as number) & (1 << to)) !== 0;
}

/** One resource and what the pool remembers about it. */
export interface Entry<R> {
  readonly home: LeaseHome<R>;
  readonly id: number;
  readonly generation: number;
  readonly hold: Hold<R>;
  resource: R | undefined;
  state: EntryState<R>;
  /** The kind of its state, known without a look at it: states have several shapes, which costs more than the rest of a step. */
  kind: EntryKind;
  /** When it entered its state, by the last reading of the clock. */
  since: number;
  /** When it was opened; undefined while it is being opened. */
  openedAt: number | undefined;
  /** From then on a younger one takes its place, or it goes where there is no room for both; never when Infinity. */
  retireAt: number;
  /** From then on it is not handed out any more. */
  expiresAt: number;
  /** A younger one is being opened in its place. */
  replacing: boolean;
}

/** The record of a resource that is being opened. */
export function newEntry<R>(
  home: LeaseHome<R>,
  id: number,
  generation: number,
  abort: AbortController,
  now: number,
): Entry<R> {
  return {
    home,
    id,
    generation,
    hold: {
      kind: LEASED,
      id: 0,
      owner: undefined,
      allowedMs: undefined,
      timed: false,
      trace: undefined,
      ended: undefined,
      handle: undefined,
      account: undefined,
    },
    resource: undefined,
    state: { kind: CREATING, abort },
    kind: CREATING,
    since: now,
    openedAt: undefined,
    retireAt: Infinity,
    expiresAt: Infinity,
    replacing: false,
  };
}

/** Whether the lease of that number has the resource. */
export function isHeld({ hold, state }: Entry<unknown>, id: number): boolean {
  return state === hold && hold.id === id;
}

/** Whether a resource is not on its way out. */
export function stays({ state }: Entry<unknown>): boolean {
  return state.kind !== CLOSING && state.kind !== GONE;
}

/** Remembers how a lease ended, for whoever still uses it; and where, when that is remembered for it. */
export function conclude(hold: Hold<unknown>, ended: string | undefined): void {
  const { trace } = hold;
  hold.ended = ended;
  if (trace !== undefined && (trace.toTheEnd || ended !== undefined)) trace.endedAt = placeOfCall(ended ?? 'released');
}

/** A budget has one less from the moment that its lease ends, so that it counts when it is asked who is next. */
export function payBack(hold: Hold<unknown>, now: number): void {
  const { account } = hold;
  hold.account = undefined;
  account?.giveBack(now);
}

function bits(...kinds: readonly EntryKind[]): number {
  return kinds.reduce<number>((mask, kind) => mask | (1 << kind), 0);
}

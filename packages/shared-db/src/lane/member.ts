import type { AsyncResource } from 'node:async_hooks';
import type { Call } from '../driver/call.ts';
import type { SyncTransaction } from '../sqlite/sync-scope.ts';

/** How urgent a write is. Those of one priority are done in the order in which they came. */
export type Priority = 'high' | 'normal' | 'low';

/** What became of a member in the group that runs: nothing yet, its function has returned, or it is not to be written. */
type MemberState = 'waiting' | 'done' | 'failed';

/** A write in a lane. */
export interface Member {
  readonly call: Call;
  readonly fn: (tx: SyncTransaction) => unknown;
  readonly priority: Priority;
  /** Where its caller is, for its function; undefined for whoever woke the lane, which runs there anyway. */
  readonly context: AsyncResource | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  state: MemberState;
  /** The group that runs has it: it can neither leave nor be sent away. */
  begun: boolean;
  /** What its function has returned, or why it failed. */
  result: unknown;
  /** What is to be called after COMMIT. */
  callbacks: readonly (() => void)[];
  /** Takes the abort listener off the caller's signal. */
  unsubscribe: (() => void) | undefined;
  previous: Member | undefined;
  next: Member | undefined;
  queued: boolean;
}

/** Runs something as if the member's caller had called it. */
export function inContextOf<T>({ context }: Member, run: () => T): T {
  return context === undefined ? run() : context.runInAsyncScope(run);
}

/** Its group was undone: it is as if it had not run. */
export function reset(member: Member): void {
  member.state = 'waiting';
  member.result = undefined;
  member.callbacks = NO_CALLBACKS;
}

export const NO_CALLBACKS: readonly (() => void)[] = Object.freeze([]);

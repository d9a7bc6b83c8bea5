import type { TurnsSnapshot } from '../snapshot.ts';

/**
 * What the lane of one database asks of its neighbours in other processes: whose turn it is to try for SQLite's write lock. It is advice.
 * The lock is the only mutual exclusion, and a turn that is lost, given twice or forged costs time, never data.
 */
export interface Turns {
  /** Whether the lock may be tried for without a turn: nobody else is known to have one or to wait for one. A field read. */
  readonly mayTry: boolean;
  /** Whether somebody else waits now: then a turn that has lasted its quantum is to be ended. A field read. */
  readonly wanted: boolean;
  /** The process whose turn it is that is waited for here, as far as the arbiter has said; undefined where it has not. */
  readonly holder: number | undefined;
  /** How it is just now. */
  readonly state: TurnsSnapshot;
  /**
   * Gets in line, and resolves when it is this process's turn; at once, with a turn that nobody has given, where turns cannot be had:
   * who has such a one pauses a jittered millisecond between two tries for the lock. Never rejects but with the reason of `signal`.
   * Waiting keeps the process alive. Turns of one process follow one another: a second one is waited for until the first has ended.
   */
  take(options?: TakeOptions): Promise<Turn>;
  /** Leaves the line and the arbiter. Whoever waits goes on without a turn. */
  close(): void;
}

export interface TakeOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A process's turn to write. */
export interface Turn {
  /** On the clock: when it began. */
  readonly since: number;
  /** Whether an arbiter has given it: then nobody else tries for the lock but who has it. */
  readonly isGiven: boolean;
  /** On the clock: from then on it is to be ended after the group that runs, if turns are `wanted`. */
  readonly endsAt: number;
  /** Gives it on: one small message. The end of what is over already does nothing. */
  end(): void;
}

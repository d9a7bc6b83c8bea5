import type { DatabaseSnapshot } from '@hive/shared-db';

/** How a process comes by its turns to write among the processes of this host. */
export interface TurnsDocument {
  /** `alone`: nothing had to be agreed on yet. `arbiter`: turns are had. `polling`: they cannot be had, and who wants the lock tries again and again. */
  readonly mode: 'alone' | 'arbiter' | 'polling';
  /** Why it is polling; null where it is not. */
  readonly reason: string | null;
  /** Callers of this process that wait for a turn. */
  readonly waiting: number;
  readonly oldest_wait_seconds: number;
  /** For how long it has had its turn; null while it has none. */
  readonly held_seconds: number | null;
  /** Since the start: turns that it was given, and that it has helped itself to by polling. */
  readonly granted: number;
  readonly polled: number;
  /** When it last did that; null where it never has. */
  readonly polled_seconds_ago: number | null;
}

/** Null where a database needs no turns, and before it was opened. */
export function turnsDocument(turns: DatabaseSnapshot['turns']): TurnsDocument | null {
  if (turns === undefined) return null;
  const { mode, reason = null, waiting, oldestWaitMs, heldMs, granted, polled, polledAgoMs } = turns;
  return {
    mode,
    reason,
    waiting,
    oldest_wait_seconds: oldestWaitMs / 1_000,
    held_seconds: heldMs === undefined ? null : heldMs / 1_000,
    granted,
    polled,
    polled_seconds_ago: polledAgoMs === undefined ? null : polledAgoMs / 1_000,
  };
}

import type { DatabaseSnapshot } from '@hive/shared-db';

/** How one process keeps a log short. What its thread has not seen or done yet is null. */
export interface CheckpointsDocument {
  /** `thread`: a thread of the process; `sqlite`: SQLite itself at COMMIT, before that thread has begun and while it is away. */
  readonly by: 'thread' | 'sqlite';
  /** In the log, and of those already in the database file, when the thread last looked. */
  readonly frames: number | null;
  readonly backfilled_frames: number | null;
  /** For how long the thread has not looked though it should have. */
  readonly silent_seconds: number;
  readonly last: {
    readonly mode: 'passive' | 'restart';
    readonly seconds_ago: number;
    readonly seconds: number;
  } | null;
  /** A reader that keeps it from getting shorter; null while none has for two seconds. */
  readonly pinned: PinnedLogDocument | null;
  /** Why the thread could not do its work the last time. */
  readonly failure: { readonly code: string; readonly message: string } | null;
  /** Monotone since the start. */
  readonly counters: CheckpointCountersDocument;
}

export interface CheckpointCountersDocument {
  readonly passive: number;
  readonly restart: number;
  /** Another process was at it. */
  readonly elsewhere: number;
  /** A reader was in the way of the rest. */
  readonly blocked: number;
  /** The writers of the process were asked to wait, so that the log could be begun anew. */
  readonly pauses: number;
  readonly failures: number;
}

export interface PinnedLogDocument {
  readonly frames: number;
  readonly seconds: number;
  /** Who it may be: all who have been reading all that time. */
  readonly readers: readonly { readonly pid: number; readonly command: string }[];
}

/** Null where a database has no log. */
export function checkpointsDocument(checkpoints: DatabaseSnapshot['checkpoints']): CheckpointsDocument | null {
  if (checkpoints === undefined) return null;
  const { by, frames = null, backfilledFrames = null, silentMs, last, pinned, failure, counters } = checkpoints;
  const { passive, restart, elsewhere, blocked, pauses, failures } = counters;
  return {
    by,
    frames,
    backfilled_frames: backfilledFrames,
    silent_seconds: silentMs / 1_000,
    last: last === undefined ? null : { mode: last.mode, seconds_ago: last.msAgo / 1_000, seconds: last.ms / 1_000 },
    pinned: pinned === undefined ? null : pinnedDocument(pinned),
    failure: failure === undefined ? null : { code: failure.code, message: failure.message },
    counters: { passive, restart, elsewhere, blocked, pauses, failures },
  };
}

type Pinned = NonNullable<NonNullable<DatabaseSnapshot['checkpoints']>['pinned']>;

function pinnedDocument({ frames, forMs, readers }: Pinned): PinnedLogDocument {
  return { frames, seconds: forMs / 1_000, readers: readers.map(({ pid, command }) => ({ pid, command })) };
}

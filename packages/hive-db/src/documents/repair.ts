import type { DatabaseSnapshot } from '@hive/shared-db';

/** What a fenced database does to be written again. Reads go on meanwhile. */
export interface RepairDocument {
  /** Since writes were stopped. */
  readonly fenced_seconds: number;
  /** How often this process has had the file verified since then. */
  readonly attempts: number;
  /** `waiting` for the next attempt; `verifying`; `elsewhere`: another process verifies it; `displaced`: its path does not lead to what was opened. */
  readonly phase: 'waiting' | 'verifying' | 'elsewhere' | 'displaced';
  /** Null where it does not depend on time. */
  readonly next_attempt_seconds: number | null;
  /** Why the last attempt was in vain. */
  readonly found: string | null;
  /** Whether that is damage of the file itself. */
  readonly damaged: boolean;
}

/** Null while a database is not fenced. */
export function repairDocument(repair: DatabaseSnapshot['repair']): RepairDocument | null {
  if (repair === undefined) return null;
  const { sinceMs, attempts, phase, nextAttemptMs, found = null, damaged } = repair;
  return {
    fenced_seconds: sinceMs / 1_000,
    attempts,
    phase,
    next_attempt_seconds: nextAttemptMs === undefined ? null : nextAttemptMs / 1_000,
    found,
    damaged,
  };
}

import type { TaskState } from './task-state.ts';

/** A piece of work. Times are milliseconds since 1970. */
export interface Task {
  readonly id: string;
  /** What the submitter calls it, so that submitting again finds it. */
  readonly key: string | undefined;
  readonly kind: string;
  readonly payload: unknown;
  readonly state: TaskState;
  /** Higher goes first. */
  readonly priority: number;
  /** How often it has been claimed. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Not before this. */
  readonly runAt: number;
  /** Until when it is its worker's; undefined unless it is running. */
  readonly leaseUntil: number | undefined;
  /** Who has it or had it last. */
  readonly worker: string | undefined;
  /** What came of it; undefined until it is done. */
  readonly result: unknown;
  /** Why its last attempt failed. */
  readonly error: string | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** A task as its table has it. */
export interface TaskRow {
  readonly seq: number;
  readonly id: string;
  readonly key: string | null;
  readonly kind: string;
  readonly payload: string;
  readonly state: TaskState;
  readonly priority: number;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly run_at: number;
  readonly lease_until: number | null;
  readonly worker: string | null;
  readonly result: string | null;
  readonly error: string | null;
  readonly created_at: number;
  readonly updated_at: number;
}

/** The task that a row holds, frozen. */
export function taskOf(row: TaskRow): Task {
  return Object.freeze({
    id: row.id,
    key: row.key ?? undefined,
    kind: row.kind,
    payload: JSON.parse(row.payload) as unknown,
    state: row.state,
    priority: row.priority,
    attempts: row.attempts,
    maxAttempts: row.max_attempts,
    runAt: row.run_at,
    leaseUntil: row.lease_until ?? undefined,
    worker: row.worker ?? undefined,
    result: row.result === null ? undefined : (JSON.parse(row.result) as unknown),
    error: row.error ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  });
}

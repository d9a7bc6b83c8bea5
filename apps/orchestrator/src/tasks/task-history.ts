import type { SyncConnection } from '@hive/shared-db';
import type { TaskState } from './task-state.ts';

/** One change of a task's state. `from` is undefined for its submission; `at` is milliseconds since 1970. */
export interface TaskChange {
  readonly at: number;
  readonly from: TaskState | undefined;
  readonly to: TaskState;
  /** Who had the task then, or had had it last. */
  readonly worker: string | undefined;
  readonly note: string | undefined;
}

interface ChangeRow {
  readonly at: number;
  readonly from_state: TaskState | null;
  readonly to_state: TaskState;
  readonly worker: string | null;
  readonly note: string | null;
}

/** Writes a change down; in the transaction of the change itself. */
export function recordChange(tx: SyncConnection, taskId: string, { at, from, to, worker, note }: TaskChange): void {
  tx.run(
    'INSERT INTO task_history (task_id, at, from_state, to_state, worker, note) VALUES (?, ?, ?, ?, ?, ?)',
    taskId,
    at,
    from ?? null,
    to,
    worker ?? null,
    note ?? null,
  );
}

/** Everything that happened to a task, first things first. */
export function changesOf(connection: SyncConnection, taskId: string): readonly TaskChange[] {
  const rows = connection.all<ChangeRow>(
    'SELECT at, from_state, to_state, worker, note FROM task_history WHERE task_id = ? ORDER BY seq',
    taskId,
  );
  return rows.map(({ at, from_state: from, to_state: to, worker, note }) => ({
    at,
    from: from ?? undefined,
    to,
    worker: worker ?? undefined,
    note: note ?? undefined,
  }));
}

import type { TaskChange } from '../tasks/task-history.ts';
import type { Task } from '../tasks/task.ts';

/** A task as a client sees it: plain JSON, times as ISO 8601, null where there is nothing. */
export function taskDocument(task: Task): object {
  const { runAt, leaseUntil, createdAt, updatedAt, key, worker, result, error, ...rest } = task;
  return {
    ...rest,
    key: key ?? null,
    worker: worker ?? null,
    result: result ?? null,
    error: error ?? null,
    runAt: iso(runAt),
    leaseUntil: leaseUntil === undefined ? null : iso(leaseUntil),
    createdAt: iso(createdAt),
    updatedAt: iso(updatedAt),
  };
}

/** One line of its history. */
export function changeDocument({ at, from, to, worker, note }: TaskChange): object {
  return { at: iso(at), from: from ?? null, to, worker: worker ?? null, note: note ?? null };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

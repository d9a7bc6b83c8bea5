/** Where a task can be in its life. */
export const TASK_STATES = ['queued', 'running', 'done', 'failed', 'cancelled'] as const;
export type TaskState = (typeof TASK_STATES)[number];

const NEXT: Readonly<Record<TaskState, readonly TaskState[]>> = {
  queued: ['running', 'cancelled'],
  // Back to queued: a failed attempt, a lease that ran out, a worker that stopped.
  running: ['done', 'failed', 'cancelled', 'queued'],
  done: [],
  failed: [],
  cancelled: [],
};

/** Whether a task may go from one state to the other. */
export function mayBecome(from: TaskState, to: TaskState): boolean {
  return NEXT[from].includes(to);
}

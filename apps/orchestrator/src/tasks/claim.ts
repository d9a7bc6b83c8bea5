import type { Task } from './task.ts';

/** The right of one worker to speak for a task during one attempt. Whoever comes with an older one is not heard. */
export interface Claim {
  readonly taskId: string;
  readonly worker: string;
  readonly attempt: number;
}

/** Whether a claim still holds: `cancelled` when somebody cancelled the task, `lost` when the attempt is over for another reason. */
export type Standing = 'held' | 'cancelled' | 'lost';

/** The claim that its worker has on a running task. */
export function claimOn({ id, worker, attempts, state }: Task): Claim {
  if (state !== 'running' || worker === undefined) throw new Error(`BUG: task ${id} is ${state} and nobody's`);
  return { taskId: id, worker, attempt: attempts };
}

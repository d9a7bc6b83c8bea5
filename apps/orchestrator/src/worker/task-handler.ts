import type { Clock } from '@hive/shared-db';
import { pause } from '../pause.ts';
import { sleepPayload, type WorkerKind } from '../tasks/task-kind.ts';
import type { Task } from '../tasks/task.ts';

/**
 * Does what a task asks for and resolves with its result, plain JSON; rejecting fails the attempt. When the signal aborts it should
 * end soon, in whatever way: its task was cancelled, is somebody else's by now, or will be given back. It may be run again for the
 * same task.
 */
export type TaskHandler = (task: Task, signal: AbortSignal) => Promise<unknown>;

export type TaskHandlers = Readonly<Record<string, TaskHandler>>;

/** What worker processes can do: enough to see the queue at work. */
export function workerHandlers(clock: Clock): Readonly<Record<WorkerKind, TaskHandler>> {
  return {
    echo: ({ payload }) => Promise.resolve(payload),
    sleep: async ({ payload }, signal) => {
      const { ms } = sleepPayload.parse(payload);
      await pause(clock, ms, signal);
      signal.throwIfAborted();
      return { sleptMs: ms };
    },
  };
}

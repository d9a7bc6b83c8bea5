import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Worker } from 'node:worker_threads';

/** The threads that checkpoint which were started since this was made. Stops watching when the scope ends. */
export interface CheckpointThreads extends Disposable {
  readonly started: readonly Worker[];
  /** Ends the last one as a crash would. Resolves when it has gone. */
  kill(): Promise<void>;
}

const CHANNEL = 'worker_threads';

/** Watches threads of this process being made. */
export function checkpointThreads(): CheckpointThreads {
  const started: Worker[] = [];
  const hear = (message: unknown): void => {
    const { worker } = message as { readonly worker: Worker };
    if (worker.threadName === 'database checkpointer') started.push(worker);
  };
  subscribe(CHANNEL, hear);
  return {
    started,
    kill: async () => {
      await started.at(-1)?.terminate();
    },
    [Symbol.dispose]: () => {
      unsubscribe(CHANNEL, hear);
    },
  };
}

import type { Clock } from '@hive/shared-db';

/** Gives the event loop its turn between two slices of work, and throws the reason of `signal` when that is to be the end of it. */
export async function breathe(clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    clock.nextTurn(resolve);
  });
  signal?.throwIfAborted();
}

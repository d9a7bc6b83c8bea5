import type { SqliteDatabase } from '@hive/shared-db';
import { temporaryDatabase } from '@hive/shared-db/testing';
import { orchestratorMigrations } from '../../src/db/schema.ts';
import { TaskQueue, type QueueOptions } from '../../src/tasks/queue.ts';

/** A queue on a real file, with a time that a test moves and ids that count. */
export interface QueueWorld extends AsyncDisposable {
  readonly queue: TaskQueue;
  readonly database: SqliteDatabase;
  /** Milliseconds since 1970. */
  now: number;
  /** What the next draw gives. */
  random: number;
}

export async function queueWorld(options: Pick<QueueOptions, 'backoff'> = {}): Promise<QueueWorld> {
  const temporary = await temporaryDatabase({ migrations: orchestratorMigrations });
  const { database } = temporary;
  let ids = 0;
  const queue = new TaskQueue({
    database,
    wallTime: () => world.now,
    random: () => world.random,
    newId: () => `task-${++ids}`,
    ...options,
  });
  const world: QueueWorld = {
    queue,
    database,
    now: 1_000_000,
    random: 0,
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
  return world;
}

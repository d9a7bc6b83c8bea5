import { systemClock, type SqliteDatabase } from '@hive/shared-db';
import type { DirectLocation } from '@hive/shared-db/direct';
import { randomUUID } from 'node:crypto';
import { getOrchestratorDatabase } from '../db/adapter.ts';
import { TaskQueue } from './queue.ts';

/** The queue of this process, with the machine's time and randomness, and the database that it is in. */
export async function openQueue(location: DirectLocation): Promise<{ queue: TaskQueue; database: SqliteDatabase }> {
  const database = await getOrchestratorDatabase(location);
  const queue = new TaskQueue({
    database,
    wallTime: () => Math.floor(systemClock.wallTime()),
    random: Math.random,
    newId: randomUUID,
  });
  return { queue, database };
}

import { systemClock } from '@hive/shared-db';
import { describe, expect, it } from 'vitest';
import type { TaskHandlers } from '../src/worker/task-handler.ts';
import { Worker } from '../src/worker/worker.ts';
import { rememberingLog } from './support/log.ts';
import { queueWorld } from './support/queue-world.ts';
import { until } from './support/until.ts';

const WORKERS = 8;
const SUSTAINED_MS = 3_000;

describe('sustained load with 8 workers', () => {
  it('every task is done, once, and nothing fails', { timeout: 90_000 }, async () => {
    await using world = await queueWorld();
    const { queue } = world;
    const log = rememberingLog();
    const runs = new Map<number, number>();
    const handlers: TaskHandlers = {
      echo: ({ payload }) => {
        const number = payload as number;
        runs.set(number, (runs.get(number) ?? 0) + 1);
        return Promise.resolve(number);
      },
    };
    const workers = Array.from(
      { length: WORKERS },
      (_, number) =>
        new Worker({
          queue,
          name: `worker-${number}`,
          handlers,
          concurrency: 1,
          leaseMs: 30_000,
          clock: systemClock,
          logger: log,
        }),
    );

    let submitted = 0;
    const end = systemClock.now() + SUSTAINED_MS;
    while (systemClock.now() < end) {
      await Promise.all(
        Array.from({ length: 20 }, () => {
          world.now++;
          return queue.submit({ kind: 'echo', payload: submitted++ });
        }),
      );
      // As fast as they can be worked off: a growing queue would measure the list, not the work.
      await until('the queue is short', () =>
        queue.list({ state: 'queued', limit: 40 }).length < 40 ? true : undefined,
      );
    }
    await until(
      'all is done',
      () => (runs.size === submitted && workers.every(({ running }) => running === 0)) || undefined,
    );
    await Promise.all(workers.map((worker) => worker.stop()));

    expect(submitted).toBeGreaterThan(100);
    expect([...runs.values()].filter((count) => count !== 1)).toEqual([]);
    expect(log.lines.filter((line) => /^(?:warn|error):/.test(line))).toEqual([]);
    const { counters, pool } = world.database.snapshot();
    expect(counters).toMatchObject({ rolledBack: 0, errors: {} });
    expect(pool.leased).toBe(0);
    const states = world.database.readSync('states', (c) =>
      c.all('SELECT state, count(*) AS tasks, max(attempts) AS attempts FROM tasks GROUP BY state'),
    );
    expect(states).toEqual([{ state: 'done', tasks: submitted, attempts: 1 }]);
  });
});

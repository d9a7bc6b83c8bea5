import { afterAll, describe, expect, it } from 'vitest';
import { getOrchestratorConnection, getOrchestratorDatabase, orchestratorTransaction } from '../src/db/adapter.ts';
import { configuredService } from './support/configured-service.ts';

const WORKERS = 5;
const OPERATIONS = 50;

describe('5 workers x 50 operations', () => {
  const close = configuredService();
  afterAll(close);

  it('all succeed, none is lost, and each worker reads what it has written', async () => {
    const work = async (worker: number): Promise<void> => {
      for (let number = 0; number < OPERATIONS; number++) {
        await orchestratorTransaction('add task', (tx) =>
          tx.run(
            `INSERT INTO tasks (id, kind, payload, state, priority, max_attempts, run_at, created_at, updated_at)
             VALUES (?, 'echo', 'null', 'queued', ?, 1, 0, 0, 0)`,
            `${worker}-${number}`,
            worker,
          ),
        );
        await using session = await getOrchestratorConnection('count tasks');
        const row = await session.connection.get('SELECT count(*) AS own FROM tasks WHERE priority = ?', worker);
        expect(row).toEqual({ own: number + 1 });
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));

    const database = await getOrchestratorDatabase();
    const total = database.readSync('count all', (c) => c.get('SELECT count(*) AS total FROM tasks'));
    expect(total).toEqual({ total: WORKERS * OPERATIONS });
    const { counters, pool } = database.snapshot();
    expect(counters).toMatchObject({ transactions: WORKERS * OPERATIONS, rolledBack: 0, errors: {} });
    expect(pool.leased).toBe(0);
  });
});

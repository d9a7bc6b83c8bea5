import { getDatabaseService } from '@hive/shared-db';
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { getOrchestratorConnection, getOrchestratorDatabase, orchestratorTransaction } from '../src/db/adapter.ts';
import { ConnectionPool, getDbConnection } from '../src/db/connection.ts';
import { claimOn } from '../src/tasks/claim.ts';
import { TaskQueue } from '../src/tasks/queue.ts';
import { configuredService } from './support/configured-service.ts';

describe('leak detection', () => {
  const close = configuredService();
  afterAll(close);

  it('nothing stays borrowed after success, failure, cancellation and abort, by new doors and old', async () => {
    const database = await getOrchestratorDatabase();
    const queue = new TaskQueue({ database, wallTime: () => 0, random: () => 0, newId: randomUUID });
    for (let round = 0; round < 20; round++) {
      await queue.submit({ kind: 'echo', payload: round });
      const task = await queue.claim('w', ['echo'], 1_000);
      await queue.finish(claimOn(task!), { state: 'done', result: round });
      const failing = queue.claim('w', ['echo'], 1_000, () => {
        throw new Error('not this one');
      });
      await failing.catch(() => undefined);
      await orchestratorTransaction('fail', () => Promise.reject(new Error('no'))).catch(() => undefined);
      const aborted = getOrchestratorConnection('abort', { signal: AbortSignal.abort() });
      await aborted.catch(() => undefined);
      {
        await using session = await getOrchestratorConnection('read');
        await session.connection.all('SELECT * FROM tasks');
      }
      const old = await getDbConnection();
      await old.close();
      const pool = new ConnectionPool();
      await pool.getConnection();
      await pool.closeAll();
    }
    expect(database.leases()).toEqual([]);
    const { pool, lane, waiters } = database.snapshot();
    expect({ leased: pool.leased, waiting: pool.waiting, running: lane.running, waiters }).toEqual({
      leased: 0,
      waiting: 0,
      running: 0,
      waiters: [],
    });
  });

  it('what is not given back is seen, with its label, and named when the service closes', async () => {
    await getOrchestratorConnection('forgotten here');
    const database = await getOrchestratorDatabase();
    expect(database.leases()).toMatchObject([{ owner: 'forgotten here' }]);
    const service = await getDatabaseService();
    const { forced } = await service.close({ graceMs: 0 });
    expect(forced).toMatchObject([{ owner: 'forgotten here', database: 'orchestrator' }]);
  });
});

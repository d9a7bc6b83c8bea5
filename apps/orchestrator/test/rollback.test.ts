import { afterAll, describe, expect, it } from 'vitest';
import { getOrchestratorDatabase, orchestratorTransaction } from '../src/db/adapter.ts';
import { queueWorld } from './support/queue-world.ts';
import { configuredService } from './support/configured-service.ts';

const ADD = `INSERT INTO tasks (id, kind, payload, state, priority, max_attempts, run_at, created_at, updated_at)
             VALUES (?, 'echo', 'null', 'queued', 0, 1, 0, 0, 0)`;

describe('rollback on error', () => {
  const close = configuredService();
  afterAll(close);
  it('a function that throws leaves nothing behind, and its own error comes through', async () => {
    const mistake = new Error('a mistake');
    const failing = orchestratorTransaction('add and fail', async (tx) => {
      await tx.run(ADD, 'never');
      throw mistake;
    });
    await expect(failing).rejects.toBe(mistake);
    expect(await ids()).toEqual([]);
  });

  it('a statement that fails undoes those before it', async () => {
    const failing = orchestratorTransaction('add twice', async (tx) => {
      await tx.run(ADD, 'twin');
      await tx.run(ADD, 'twin');
    });
    await expect(failing).rejects.toMatchObject({ code: 'HIVEDB_E_CONSTRAINT' });
    expect(await ids()).toEqual([]);
  });

  it('a nested part is undone alone', async () => {
    await orchestratorTransaction('add one of two', async (tx) => {
      await tx.run(ADD, 'kept');
      const part = tx.transaction(async (inner) => {
        await inner.run(ADD, 'dropped');
        throw new Error('not this one');
      });
      await part.catch(() => undefined);
    });
    expect(await ids()).toEqual(['kept']);
  });

  it('the next transaction works as if nothing had been', async () => {
    await orchestratorTransaction('add', (tx) => tx.run(ADD, 'after'));
    expect(await ids()).toEqual(['kept', 'after']);
  });
});

describe('rollback of a claim', () => {
  it('what fails together with a claim leaves the task in the queue, without a line of history', async () => {
    await using world = await queueWorld();
    const { task } = await world.queue.submit({ kind: 'study', payload: null });
    const failing = world.queue.claim('w', ['study'], 1_000, () => {
      throw new Error('the bus refused it');
    });
    await expect(failing).rejects.toThrow('the bus refused it');
    expect(world.queue.get(task.id)).toMatchObject({ state: 'queued', attempts: 0 });
    expect(world.queue.history(task.id)).toHaveLength(1);
  });
});

async function ids(): Promise<unknown[]> {
  const database = await getOrchestratorDatabase();
  return database.readSync('ids', (c) => c.all('SELECT id FROM tasks ORDER BY seq').map(({ id }) => id));
}

import { getDatabaseService } from '@hive/shared-db';
import { afterAll, describe, expect, it } from 'vitest';
import { getOrchestratorConnection, orchestratorTransaction } from '../src/db/adapter.ts';
import { claimOn } from '../src/tasks/claim.ts';
import type { Task } from '../src/tasks/task.ts';
import { configuredService } from './support/configured-service.ts';
import { TaskQueue } from '../src/tasks/queue.ts';
import { queueWorld, type QueueWorld } from './support/queue-world.ts';

const LEASE_MS = 10_000;

describe('basic use of the adapter', () => {
  const close = configuredService();
  afterAll(close);

  it('a transaction that resolves is there for the next connection', async () => {
    await orchestratorTransaction('add a task', async (tx) => {
      await tx.run(
        `INSERT INTO tasks (id, kind, payload, state, priority, max_attempts, run_at, created_at, updated_at)
         VALUES ('a', 'echo', 'null', 'queued', 0, 1, 0, 0, 0)`,
      );
    });
    await using session = await getOrchestratorConnection('read it');
    expect(await session.connection.all('SELECT id, kind FROM tasks')).toEqual([{ id: 'a', kind: 'echo' }]);
  });

  it('a connection writes in a transaction of its own and reads what it wrote', async () => {
    await using session = await getOrchestratorConnection('rename it');
    await session.transaction((tx) => tx.run("UPDATE tasks SET kind = 'sleep' WHERE id = 'a'"));
    expect(await session.connection.get('SELECT kind FROM tasks')).toEqual({ kind: 'sleep' });
  });

  it('the adapter uses the service that the process has configured, and no connection of its own', async () => {
    const service = await getDatabaseService();
    await orchestratorTransaction('count', (tx) => tx.get('SELECT count(*) FROM tasks'));
    const { databases, fallbacks } = service.snapshot();
    expect(fallbacks).toEqual([]);
    expect(databases[0]?.counters.transactions).toBeGreaterThan(0);
  });
});

describe('basic use of the queue', () => {
  it('a task that is submitted, claimed and finished is done, with its result', async () => {
    await using world = await queueWorld();
    const { queue } = world;
    await queue.submit({ kind: 'echo', payload: { hello: 'world' } });
    const task = await claim(world);
    expect(task).toMatchObject({ state: 'running', worker: 'w', attempts: 1, payload: { hello: 'world' } });
    expect(await queue.finish(claimOn(task), { state: 'done', result: 42 })).toBe('held');
    expect(queue.get(task.id)).toMatchObject({ state: 'done', result: 42, leaseUntil: undefined, error: undefined });
  });

  it('submitting again with the same key finds the same task, however far it has come', async () => {
    await using world = await queueWorld();
    const { queue } = world;
    const first = await queue.submit({ kind: 'echo', payload: { a: 1, b: [2] }, key: 'k' });
    await claim(world);
    const second = await queue.submit({ kind: 'echo', payload: { b: [2], a: 1 }, key: 'k' });
    expect(second).toMatchObject({ outcome: 'existing', task: { id: first.task.id, state: 'running' } });
    expect(queue.list({ limit: 10 })).toHaveLength(1);
  });

  it('a key that belongs to another payload or kind is a conflict, and nothing is added', async () => {
    await using world = await queueWorld();
    const { queue } = world;
    await queue.submit({ kind: 'echo', payload: 1, key: 'k' });
    expect(await queue.submit({ kind: 'echo', payload: 2, key: 'k' })).toMatchObject({ outcome: 'conflict' });
    expect(await queue.submit({ kind: 'sleep', payload: 1, key: 'k' })).toMatchObject({ outcome: 'conflict' });
    expect(queue.list({ limit: 10 })).toHaveLength(1);
  });

  it('the higher priority goes first, then whoever has waited longest', async () => {
    await using world = await queueWorld();
    for (const [payload, priority] of [
      ['second', 0],
      ['third', 0],
      ['first', 7],
      ['last', -1],
    ] as const) {
      await world.queue.submit({ kind: 'echo', payload, priority });
      world.now++;
    }
    const order = [await claim(world), await claim(world), await claim(world), await claim(world)];
    expect(order.map(({ payload }) => payload)).toEqual(['first', 'second', 'third', 'last']);
  });

  it('a delayed task is not given out before its time', async () => {
    await using world = await queueWorld();
    await world.queue.submit({ kind: 'echo', payload: null, delayMs: 1_000 });
    world.now += 999;
    expect(await world.queue.claim('w', ['echo'], LEASE_MS)).toBeUndefined();
    world.now += 1;
    expect(await world.queue.claim('w', ['echo'], LEASE_MS)).toBeDefined();
  });

  it('a worker is given only the kinds that it asks for', async () => {
    await using world = await queueWorld();
    await world.queue.submit({ kind: 'sleep', payload: { ms: 1 } });
    expect(await world.queue.claim('w', ['echo', 'study'], LEASE_MS)).toBeUndefined();
    expect(await world.queue.claim('w', ['echo', 'sleep'], LEASE_MS)).toMatchObject({ kind: 'sleep' });
  });

  it('a failed attempt comes back after its pause, and fails for good with the last attempt', async () => {
    await using world = await queueWorld({ backoff: { baseMs: 100, capMs: 150 } });
    const { queue } = world;
    world.random = 1;
    await queue.submit({ kind: 'echo', payload: null, maxAttempts: 3 });
    for (const pauseMs of [100, 150]) {
      await queue.finish(claimOn(await claim(world)), { state: 'failed', error: 'no luck' });
      world.now += pauseMs - 1;
      expect(await queue.claim('w', ['echo'], LEASE_MS)).toBeUndefined();
      world.now += 1;
    }
    const task = await claim(world);
    await queue.finish(claimOn(task), { state: 'failed', error: 'no luck' });
    expect(queue.get(task.id)).toMatchObject({ state: 'failed', error: 'no luck', attempts: 3, worker: 'w' });
  });

  it('a failure that another attempt would repeat is final at once', async () => {
    await using world = await queueWorld();
    await world.queue.submit({ kind: 'echo', payload: null });
    const task = await claim(world);
    await world.queue.finish(claimOn(task), { state: 'failed', error: 'never', final: true });
    expect(world.queue.get(task.id)).toMatchObject({ state: 'failed', attempts: 1 });
  });

  it('a heartbeat keeps a task from everybody else, and silence gives it to the next who asks', async () => {
    await using world = await queueWorld();
    const { queue } = world;
    await queue.submit({ kind: 'echo', payload: null });
    const task = await claim(world);
    world.now += LEASE_MS - 1;
    expect(await queue.heartbeat(claimOn(task), LEASE_MS)).toBe('held');
    world.now += LEASE_MS - 1;
    expect(await queue.claim('other', ['echo'], LEASE_MS)).toBeUndefined();
    world.now += 1;
    const again = await queue.claim('other', ['echo'], LEASE_MS);
    expect(again).toMatchObject({ id: task.id, worker: 'other', attempts: 2, error: 'w did not renew its lease' });
    expect(await queue.heartbeat(claimOn(task), LEASE_MS)).toBe('lost');
    expect(await queue.finish(claimOn(task), { state: 'done', result: 'too late' })).toBe('lost');
    expect(queue.get(task.id)).toMatchObject({ state: 'running', worker: 'other' });
  });

  it('what a worker brings of an earlier attempt is not taken when it has the task again', async () => {
    await using world = await queueWorld();
    const { queue } = world;
    await queue.submit({ kind: 'echo', payload: null });
    const earlier = await claim(world);
    world.now += LEASE_MS;
    const task = await claim(world);
    expect(task).toMatchObject({ id: earlier.id, worker: 'w', attempts: 2 });
    expect(await queue.heartbeat(claimOn(earlier), LEASE_MS)).toBe('lost');
    expect(await queue.giveBack(claimOn(earlier))).toBe('lost');
    expect(await queue.finish(claimOn(earlier), { state: 'done', result: 'of the first attempt' })).toBe('lost');
    expect(await queue.finish(claimOn(task), { state: 'done', result: 'of the second' })).toBe('held');
    expect(queue.get(task.id)).toMatchObject({ state: 'done', result: 'of the second' });
  });

  it('a lease that runs out with the last attempt fails the task', async () => {
    await using world = await queueWorld();
    await world.queue.submit({ kind: 'echo', payload: null, maxAttempts: 1 });
    const { id } = await claim(world);
    world.now += LEASE_MS;
    expect(await world.queue.expire(['echo'])).toBe(1);
    expect(world.queue.get(id)).toMatchObject({ state: 'failed', error: 'w did not renew its lease' });
  });

  it('renewing everything of one worker touches what is half over, and nobody else', async () => {
    await using world = await queueWorld();
    const { queue } = world;
    for (const payload of [1, 2, 3]) await queue.submit({ kind: 'echo', payload });
    const mine = await claim(world);
    const theirs = await queue.claim('other', ['echo'], LEASE_MS);
    world.now += LEASE_MS / 2 + 1;
    const fresh = await claim(world);
    expect(await queue.renewAll('w', LEASE_MS)).toBe(1);
    expect(await queue.renewAll('w', LEASE_MS)).toBe(0);
    expect(queue.get(mine.id)?.leaseUntil).toBe(world.now + LEASE_MS);
    expect(queue.get(fresh.id)?.leaseUntil).toBe(fresh.leaseUntil);
    expect(queue.get(theirs!.id)?.leaseUntil).toBe(theirs!.leaseUntil);
  });

  it('with nothing to do, looking for it takes no lock', async () => {
    await using world = await queueWorld();
    await world.queue.submit({ kind: 'echo', payload: null });
    await claim(world);
    world.now += LEASE_MS / 4;
    const { database } = world;
    const idle = new TaskQueue({
      database: {
        readSync: (label, fn) => database.readSync(label, fn),
        write: (label) => Promise.reject(new Error(`"${label}" took the lock`)),
      },
      wallTime: () => world.now,
      random: () => 0,
      newId: () => 'nobody',
    });
    expect(await idle.renewAll('w', LEASE_MS)).toBe(0);
    expect(await idle.claim('w', ['echo'], LEASE_MS)).toBeUndefined();
    expect(await idle.expire(['echo'])).toBe(0);
  });

  it('a task that is given back is due at once, even after its last attempt', async () => {
    await using world = await queueWorld();
    await world.queue.submit({ kind: 'echo', payload: null, maxAttempts: 1 });
    const task = await claim(world);
    expect(await world.queue.giveBack(claimOn(task))).toBe('held');
    expect(await world.queue.giveBack(claimOn(task))).toBe('lost');
    expect(await claim(world)).toMatchObject({ id: task.id, attempts: 2 });
  });

  it('cancelling takes a queued task out of the queue, and tells the worker of a running one', async () => {
    await using world = await queueWorld();
    const { queue } = world;
    const { task: queued } = await queue.submit({ kind: 'sleep', payload: null });
    expect(await queue.cancel(queued.id)).toMatchObject({ outcome: 'cancelled', task: { state: 'cancelled' } });
    expect(await queue.claim('w', ['sleep'], LEASE_MS)).toBeUndefined();

    await queue.submit({ kind: 'echo', payload: null });
    const running = await claim(world);
    expect(await queue.cancel(running.id)).toMatchObject({ outcome: 'cancelled' });
    expect(await queue.cancel(running.id)).toMatchObject({ outcome: 'cancelled' });
    expect(await queue.heartbeat(claimOn(running), LEASE_MS)).toBe('cancelled');
    expect(await queue.finish(claimOn(running), { state: 'done', result: 1 })).toBe('cancelled');
    expect(queue.get(running.id)).toMatchObject({ state: 'cancelled', result: undefined });
    expect(queue.history(running.id)).toHaveLength(3);
  });

  it('what is over cannot be cancelled, and what is not there is nothing', async () => {
    await using world = await queueWorld();
    await world.queue.submit({ kind: 'echo', payload: null });
    const task = await claim(world);
    await world.queue.finish(claimOn(task), { state: 'done', result: null });
    expect(await world.queue.cancel(task.id)).toMatchObject({ outcome: 'over', task: { state: 'done' } });
    expect(await world.queue.cancel('nobody')).toBeUndefined();
  });

  it('the history says what happened when, to whom and why', async () => {
    await using world = await queueWorld({ backoff: { baseMs: 100, capMs: 100 } });
    const { queue } = world;
    await queue.submit({ kind: 'echo', payload: null });
    world.now += 5;
    const task = await claim(world);
    world.now += 5;
    await queue.finish(claimOn(task), { state: 'failed', error: 'no luck' });
    world.now += 100;
    await queue.finish(claimOn(await claim(world)), { state: 'done', result: null });
    expect(queue.history(task.id)).toEqual([
      { at: 1_000_000, from: undefined, to: 'queued', worker: undefined, note: undefined },
      { at: 1_000_005, from: 'queued', to: 'running', worker: 'w', note: 'attempt 1 of 5' },
      { at: 1_000_010, from: 'running', to: 'queued', worker: 'w', note: 'again in 50 ms: no luck' },
      { at: 1_000_110, from: 'queued', to: 'running', worker: 'w', note: 'attempt 2 of 5' },
      { at: 1_000_110, from: 'running', to: 'done', worker: 'w', note: undefined },
    ]);
  });

  it('a list is newest first, filtered by state and kind, and goes on where the last one ended', async () => {
    await using world = await queueWorld();
    const { queue } = world;
    for (let number = 0; number < 5; number++)
      await queue.submit({ kind: number % 2 === 0 ? 'echo' : 'sleep', payload: number });
    await claim(world);
    expect(payloads(queue.list({ limit: 2 }))).toEqual([4, 3]);
    expect(payloads(queue.list({ limit: 9, before: 'task-4' }))).toEqual([2, 1, 0]);
    expect(payloads(queue.list({ limit: 9, kind: 'sleep' }))).toEqual([3, 1]);
    expect(payloads(queue.list({ limit: 9, kind: 'echo', state: 'queued' }))).toEqual([4, 2]);
    expect(payloads(queue.list({ limit: 9, before: 'nobody' }))).toEqual([]);
  });

  it('a long error is cut where nobody reads any more', async () => {
    await using world = await queueWorld();
    await world.queue.submit({ kind: 'echo', payload: null, maxAttempts: 1 });
    const task = await claim(world);
    await world.queue.finish(claimOn(task), { state: 'failed', error: 'x'.repeat(100_000) });
    expect(world.queue.get(task.id)?.error).toHaveLength(2_000);
  });
});

async function claim({ queue }: QueueWorld): Promise<Task> {
  const task = await queue.claim('w', ['echo'], LEASE_MS);
  if (task === undefined) throw new Error('there was nothing to claim');
  return task;
}

function payloads(tasks: readonly Task[]): unknown[] {
  return tasks.map(({ payload }) => payload);
}

import { describe, expect, it } from 'vitest';
import { claimOn } from '../src/tasks/claim.ts';
import { TaskQueue } from '../src/tasks/queue.ts';
import { queueWorld, type QueueWorld } from './support/queue-world.ts';

const HOUR_MS = 3_600_000;
const LEASE_MS = 30_000;
const ECHO = { kind: 'echo', payload: null } as const;

/** A world in which it is late, so that there is a past to go back to. */
async function lateWorld(): Promise<QueueWorld> {
  const world = await queueWorld();
  world.now = 100 * HOUR_MS;
  return world;
}

const claim = async (world: QueueWorld, worker: string): Promise<string | undefined> =>
  (await world.queue.claim(worker, ['echo'], LEASE_MS))?.id;

describe('recovery: a clock that is set back by hours', () => {
  it('keeps no task waiting that was due', async () => {
    await using world = await lateWorld();
    const { task } = await world.queue.submit(ECHO);
    expect(await claim(world, 'ann')).toBe(task.id);
    await world.queue.giveBack({ taskId: task.id, worker: 'ann', attempt: 1 });
    world.now -= 3 * HOUR_MS;
    expect(await claim(world, 'ann')).toBe(task.id);
  });

  it('keeps a task that was to wait for as long as it was to wait, once', async () => {
    await using world = await lateWorld();
    const { task } = await world.queue.submit({ ...ECHO, delayMs: 60_000 });
    expect(await claim(world, 'ann')).toBeUndefined();
    world.now -= 3 * HOUR_MS;
    expect(await claim(world, 'ann')).toBeUndefined();
    expect(world.queue.get(task.id)).toMatchObject({ runAt: world.now + 60_000, updatedAt: world.now });
    world.now += 59_999;
    // Neither who comes later nor a small step back begins that again.
    world.now -= 10;
    expect(await claim(world, 'ann')).toBeUndefined();
    world.now += 11;
    expect(await claim(world, 'ann')).toBe(task.id);
  });

  it('keeps the pause of a failed attempt', async () => {
    await using world = await lateWorld();
    await world.queue.submit(ECHO);
    const task = await world.queue.claim('ann', ['echo'], LEASE_MS);
    await world.queue.finish(claimOn(task!), { state: 'failed', error: 'no luck' });
    world.now -= 3 * HOUR_MS;
    expect(await claim(world, 'ann')).toBeUndefined();
    world.now += 500;
    expect(await claim(world, 'ann')).toBe(task!.id);
  });

  it('gives the task of a dead worker to another after its lease, and leaves a living one its own', async () => {
    await using world = await lateWorld();
    await world.queue.submit(ECHO);
    await world.queue.submit(ECHO);
    const dead = await world.queue.claim('ann', ['echo'], LEASE_MS);
    const living = await world.queue.claim('ben', ['echo'], LEASE_MS);
    world.now -= 3 * HOUR_MS;
    expect(await world.queue.expire(['echo'])).toBe(0);
    world.now += LEASE_MS / 2;
    expect(await world.queue.heartbeat(claimOn(living!), LEASE_MS)).toBe('held');
    world.now += LEASE_MS / 2;
    expect(await claim(world, 'cid')).toBe(dead!.id);
    expect(await claim(world, 'cid')).toBeUndefined();
  });

  it('gives one that had been renewed for hours to another within an hour', async () => {
    await using world = await lateWorld();
    await world.queue.submit(ECHO);
    const task = await world.queue.claim('ann', ['echo'], LEASE_MS);
    world.now += 5 * HOUR_MS;
    await world.queue.heartbeat(claimOn(task!), LEASE_MS);
    world.now -= 3 * HOUR_MS;
    expect(await world.queue.expire(['echo'])).toBe(0);
    world.now += HOUR_MS;
    expect(await world.queue.expire(['echo'])).toBe(1);
  });

  it('is noticed by who comes later, and does not touch what was to wait for days', async () => {
    await using world = await lateWorld();
    const { task: patient } = await world.queue.submit({ ...ECHO, delayMs: 72 * HOUR_MS });
    world.now += HOUR_MS;
    const { task } = await world.queue.submit(ECHO);
    world.now -= HOUR_MS / 2;
    const { database } = world;
    const later = new TaskQueue({ database, wallTime: () => world.now, random: () => 0, newId: () => 'later' });
    expect((await later.claim('ben', ['echo'], LEASE_MS))?.id).toBe(task.id);
    expect(world.queue.get(patient.id)).toEqual(patient);
  });
});

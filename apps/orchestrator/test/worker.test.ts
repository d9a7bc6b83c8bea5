import { VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { pause } from '../src/pause.ts';
import { TaskQueue, type TaskRequest } from '../src/tasks/queue.ts';
import { workerHandlers, type TaskHandlers } from '../src/worker/task-handler.ts';
import { Worker } from '../src/worker/worker.ts';
import { rememberingLog, type Log } from './support/log.ts';
import { queueWorld } from './support/queue-world.ts';

const LEASE_MS = 3_000;

/** A worker in a time of its own, on a real queue. */
interface Bench extends AsyncDisposable {
  readonly clock: VirtualClock;
  readonly queue: TaskQueue;
  readonly log: Log;
  start(handlers: TaskHandlers, queue?: TaskQueue, concurrency?: number): Worker;
  /** Passes time in small parts, so that what a part sets off has happened before the next. */
  pass(ms: number): Promise<void>;
  submit(request?: Partial<TaskRequest>): Promise<string>;
}

async function bench(): Promise<Bench> {
  const world = await queueWorld();
  const clock = new VirtualClock(1_000_000);
  const log = rememberingLog();
  let ids = 0;
  const queue = new TaskQueue({
    database: world.database,
    wallTime: () => clock.wallTime(),
    random: () => 0,
    newId: () => `task-${++ids}`,
  });
  return {
    clock,
    queue,
    log,
    start: (handlers, used = queue, concurrency = 1) =>
      new Worker({ queue: used, name: 'w', handlers, concurrency, leaseMs: LEASE_MS, clock, logger: log }),
    pass: async (ms) => {
      for (let passed = 0; passed < ms; passed += 50) await clock.advance(50);
    },
    submit: async (request = {}) => (await queue.submit({ kind: 'job', payload: null, ...request })).task.id,
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

describe('a worker', () => {
  it('runs what is in the queue and stores what the handler returns', async () => {
    await using b = await bench();
    const id = await b.submit({ payload: 20 });
    const worker = b.start({ job: (task) => Promise.resolve((task.payload as number) + 1) });
    await b.pass(100);
    expect(b.queue.get(id)).toMatchObject({ state: 'done', result: 21, worker: 'w' });
    await worker.stop();
  });

  it('runs as many at once as it was told, and no more', async () => {
    await using b = await bench();
    for (let count = 0; count < 5; count++) await b.submit();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const worker = b.start({ job: () => promise }, b.queue, 3);
    await b.pass(200);
    expect(worker.running).toBe(3);
    expect(b.queue.list({ state: 'queued', limit: 9 })).toHaveLength(2);
    resolve(undefined);
    await b.pass(200);
    expect(b.queue.list({ state: 'done', limit: 9 })).toHaveLength(5);
    await worker.stop();
  });

  it('a handler that throws fails the attempt, with its message, and the task is tried again after its pause', async () => {
    await using b = await bench();
    const id = await b.submit({ maxAttempts: 2 });
    let tries = 0;
    const worker = b.start({ job: () => Promise.reject(new Error(`try ${++tries} failed`)) });
    await b.pass(100);
    expect(b.queue.get(id)).toMatchObject({ state: 'queued', error: 'try 1 failed' });
    await b.pass(600);
    expect(b.queue.get(id)).toMatchObject({ state: 'failed', error: 'try 2 failed', attempts: 2 });
    await worker.stop();
  });

  it('keeps the lease of a long task for as long as it takes', async () => {
    await using b = await bench();
    const id = await b.submit();
    const { promise, resolve } = Promise.withResolvers<string>();
    const worker = b.start({ job: () => promise });
    await b.pass(5 * LEASE_MS);
    expect(await b.queue.claim('other', ['job'], LEASE_MS)).toBeUndefined();
    resolve('at last');
    await b.pass(100);
    expect(b.queue.get(id)).toMatchObject({ state: 'done', result: 'at last', attempts: 1 });
    await worker.stop();
  });

  it('hears of a cancellation at its next heartbeat and tells the handler', async () => {
    await using b = await bench();
    const id = await b.submit();
    const reasons: unknown[] = [];
    const worker = b.start({
      job: (_task, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            reject(signal.reason as Error);
          });
        }),
    });
    await b.pass(100);
    await b.queue.cancel(id);
    await b.pass(LEASE_MS / 3);
    expect(reasons).toEqual([new Error('the attempt was interrupted: cancelled')]);
    expect(worker.running).toBe(0);
    expect(b.queue.get(id)).toMatchObject({ state: 'cancelled', error: undefined });
    await worker.stop();
  });

  it('ends its attempt when somebody else has the task, and its result is not taken', async () => {
    await using b = await bench();
    const id = await b.submit();
    const signals: AbortSignal[] = [];
    const { promise, resolve } = Promise.withResolvers<string>();
    const worker = b.start({
      job: (_task, signal) => {
        signals.push(signal);
        return promise;
      },
    });
    await b.pass(100);
    // The process stood still for longer than its lease, and somebody looked meanwhile.
    b.clock.block(LEASE_MS + 1);
    expect(await b.queue.claim('other', ['job'], LEASE_MS)).toMatchObject({ id, attempts: 2 });
    await b.pass(LEASE_MS / 3);
    expect(signals[0]?.aborted).toBe(true);
    resolve('too late');
    await b.pass(100);
    expect(b.queue.get(id)).toMatchObject({ state: 'running', worker: 'other' });
    await worker.stop();
  });

  it('takes a task for lost when its lease could not be renewed until it ran out', async () => {
    await using b = await bench();
    const broken = Object.create(b.queue) as TaskQueue;
    broken.claim = (...given) => b.queue.claim(...given);
    broken.heartbeat = () => Promise.reject(new Error('the disk is gone'));
    broken.finish = (...given) => b.queue.finish(...given);
    await b.submit();
    let aborted = false;
    const worker = b.start(
      {
        job: (_task, signal) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              aborted = true;
              reject(signal.reason as Error);
            });
          }),
      },
      broken,
    );
    await b.pass(LEASE_MS - 100);
    expect(aborted).toBe(false);
    await b.pass(200);
    expect(aborted).toBe(true);
    expect(b.log.lines).toContain('warn: a lease could not be renewed');
    // It has claimed the task again, as anybody would.
    const stopped = worker.stop();
    await b.pass(3_000);
    await stopped;
  });

  it('does not take a task for lost when its lease, renewed before, could not be renewed once', async () => {
    await using b = await bench();
    const faulty = Object.create(b.queue) as TaskQueue;
    faulty.claim = (...given) => b.queue.claim(...given);
    faulty.finish = (...given) => b.queue.finish(...given);
    let beats = 0;
    faulty.heartbeat = (...given) =>
      ++beats === 5 ? Promise.reject(new Error('locked')) : b.queue.heartbeat(...given);
    const id = await b.submit();
    let aborted = false;
    const worker = b.start(
      {
        job: async (_task, signal) => {
          await pause(b.clock, LEASE_MS * 3, signal);
          aborted = signal.aborted;
        },
      },
      faulty,
    );
    await b.pass(LEASE_MS * 3 + 100);
    expect(b.log.lines).toContain('warn: a lease could not be renewed');
    expect(aborted).toBe(false);
    expect(b.queue.get(id)).toMatchObject({ state: 'done', attempts: 1 });
    await worker.stop();
  });

  it('goes on after the queue could not be asked, with growing pauses', async () => {
    await using b = await bench();
    const broken = Object.create(b.queue) as TaskQueue;
    let tries = 0;
    broken.claim = () => {
      tries++;
      return Promise.reject(new Error('locked'));
    };
    const worker = b.start({ job: () => Promise.resolve() }, broken);
    await b.pass(1_000);
    // After 0, 250 and 750 ms.
    expect(tries).toBe(3);
    expect(b.log.lines[0]).toBe('error: worker w: failed, trying again');
    await worker.stop();
  });

  it('stopping lets short work finish', async () => {
    await using b = await bench();
    const id = await b.submit({ payload: { ms: 1_500 }, kind: 'sleep' });
    const worker = b.start(workerHandlers(b.clock));
    await b.pass(100);
    const stopped = worker.stop();
    await b.pass(1_500);
    await stopped;
    expect(b.queue.get(id)).toMatchObject({ state: 'done', result: { sleptMs: 1_500 } });
  });

  it('stopping ends long work and gives the task back at once', async () => {
    await using b = await bench();
    const id = await b.submit({ payload: { ms: 60_000 }, kind: 'sleep' });
    const worker = b.start(workerHandlers(b.clock));
    await b.pass(100);
    const stopped = worker.stop();
    await b.pass(2_100);
    await stopped;
    expect(b.queue.get(id)).toMatchObject({ state: 'queued', error: undefined, runAt: expect.any(Number) });
    expect(await b.queue.claim('other', ['sleep'], LEASE_MS)).toMatchObject({ id });
  });

  it('stopping gives back also what a handler does not let go of', async () => {
    await using b = await bench();
    const id = await b.submit();
    const worker = b.start({ job: () => new Promise(() => undefined) });
    await b.pass(100);
    const stopped = worker.stop({ finishMs: 200, endMs: 200 });
    await b.pass(500);
    await stopped;
    expect(b.queue.get(id)).toMatchObject({ state: 'queued', attempts: 1 });
  });

  it('stopping keeps the lease while a handler takes its time to end, and stores what it brings', async () => {
    await using b = await bench();
    const id = await b.submit();
    const worker = b.start({
      job: async (_task, signal) => {
        await pause(b.clock, 3_600_000, signal);
        await pause(b.clock, 2 * LEASE_MS, AbortSignal.any([]));
        return 'saved';
      },
    });
    await b.pass(100);
    const stopped = worker.stop({ finishMs: 100, endMs: 4 * LEASE_MS });
    await b.pass(2 * LEASE_MS);
    expect(await b.queue.claim('other', ['job'], LEASE_MS)).toBeUndefined();
    await b.pass(500);
    await stopped;
    expect(b.queue.get(id)).toMatchObject({ state: 'done', result: 'saved', attempts: 1 });
  });

  it('stopping claims nothing more', async () => {
    await using b = await bench();
    const worker = b.start({ job: () => Promise.resolve() });
    const stopped = worker.stop();
    await b.pass(100);
    await stopped;
    const id = await b.submit();
    await b.pass(1_000);
    expect(b.queue.get(id)?.state).toBe('queued');
  });
});

import {
  busMigrations,
  createConsumer,
  createRelay,
  deadEvents,
  outboxMigrations,
  publish,
  type BusEvent,
} from '@hive/hive-bus';
import { openDatabaseService, sqlite, systemClock, type SqliteDatabase } from '@hive/shared-db';
import { temporaryDirectory, VirtualClock } from '@hive/shared-db/testing';
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { orchestratorMigrations } from '../src/db/schema.ts';
import { StudyDesk } from '../src/studies/study-desk.ts';
import { TaskQueue } from '../src/tasks/queue.ts';
import type { Task } from '../src/tasks/task.ts';
import { rememberingLog, type Log } from './support/log.ts';
import { until } from './support/until.ts';

/** What was asked for, as the ecosystemiser sees it. */
interface Request {
  readonly taskId: string;
  readonly attempt: number;
  readonly study: unknown;
}

/** A desk and somebody on the other side of the bus who does nothing unless told to. */
interface Scene extends AsyncDisposable {
  readonly queue: TaskQueue;
  readonly database: SqliteDatabase;
  readonly log: Log;
  readonly requests: Request[];
  desk: StudyDesk;
  /** Another desk on the same databases, as after a restart. */
  newDesk(): StudyDesk;
  request(study?: unknown, maxAttempts?: number): Promise<Task>;
  asked(times: number): Promise<Request>;
  answer(topic: string, payload: object): Promise<void>;
  taskWhen(id: string, state: Task['state']): Promise<Task>;
}

async function scene(): Promise<Scene> {
  const directory = temporaryDirectory();
  const service = await openDatabaseService({
    app: 'test',
    presence: false,
    databases: {
      orchestrator: sqlite({
        path: directory.file('orchestrator.db'),
        migrations: orchestratorMigrations,
        durability: 'normal',
      }),
      ecosystemiser: sqlite({
        path: directory.file('ecosystemiser.db'),
        migrations: outboxMigrations(1),
        durability: 'normal',
      }),
      bus: sqlite({ path: directory.file('bus.db'), migrations: busMigrations, durability: 'normal' }),
    },
  });
  const outbox = service.database('orchestrator');
  const other = service.database('ecosystemiser');
  const bus = service.database('bus');
  const log = rememberingLog();
  const queue = new TaskQueue({
    database: outbox,
    wallTime: () => Math.floor(systemClock.wallTime()),
    random: () => 0,
    newId: randomUUID,
    backoff: { baseMs: 2, capMs: 2 },
  });
  const newDesk = (): StudyDesk => new StudyDesk({ queue, outbox, bus, clock: systemClock, logger: log });
  const requests: Request[] = [];
  const consumer = createConsumer({
    bus,
    consumer: 'ecosystemiser',
    topics: ['study.requested'],
    pollMs: 10,
    handle: ({ payload }: BusEvent) => {
      requests.push(payload as Request);
      return Promise.resolve();
    },
  });
  const relay = createRelay({ outbox: other, bus, source: 'ecosystemiser' });
  consumer.start();
  relay.start();
  const it: Scene = {
    queue,
    database: outbox,
    log,
    requests,
    desk: newDesk(),
    newDesk,
    request: async (study = 'detached-pv', maxAttempts = 3) =>
      (await queue.submit({ kind: 'study', payload: { study }, maxAttempts })).task,
    asked: (times) => until(`study number ${times} is asked for`, () => requests[times - 1]),
    answer: async (topic, payload) => {
      await other.write('answer', (tx) => publish(tx, { topic, payload }));
    },
    taskWhen: (id, state) =>
      until(`task ${id} is ${state}`, () => {
        const task = queue.get(id);
        return task?.state === state ? task : undefined;
      }),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([it.desk.stop(1_000), consumer.stop(), relay.stop()]);
      await service.close({ graceMs: 0 });
      directory[Symbol.dispose]();
    },
  };
  it.desk.start();
  return it;
}

describe('studies over the bus', () => {
  it('a study is asked for once per attempt, waits as running, and is done with what the answer says', async () => {
    await using s = await scene();
    const { id } = await s.request('detached-pv');
    const request = await s.asked(1);
    expect(request).toEqual({ taskId: id, attempt: 1, study: 'detached-pv' });
    expect(s.queue.get(id)).toMatchObject({ state: 'running', worker: 'bus' });
    await s.answer('study.finished', { taskId: id, attempt: 1, summary: { costUsd: 12.5 } });
    expect(await s.taskWhen(id, 'done')).toMatchObject({ result: { summary: { costUsd: 12.5 } }, attempts: 1 });
    expect(s.requests).toHaveLength(1);
  });

  it('a study that is spelled out travels as it was written', async () => {
    await using s = await scene();
    const study = { name: 'my-house', pv: [{ id: 'pv-perc-roof', peakKw: 8 }], battery: null };
    await s.request(study);
    expect((await s.asked(1)).study).toEqual(study);
  });

  it('a failure that may pass is asked for again, as another attempt', async () => {
    await using s = await scene();
    const { id } = await s.request();
    await s.asked(1);
    await s.answer('study.failed', { taskId: id, attempt: 1, error: 'the library was being reloaded' });
    expect(await s.asked(2)).toMatchObject({ taskId: id, attempt: 2 });
    await s.answer('study.finished', { taskId: id, attempt: 2 });
    expect(await s.taskWhen(id, 'done')).toMatchObject({ attempts: 2, error: undefined });
  });

  it('a failure that will not pass fails the task at once', async () => {
    await using s = await scene();
    const { id } = await s.request('no-such-study');
    await s.asked(1);
    await s.answer('study.failed', { taskId: id, attempt: 1, error: 'there is no such study', retryable: false });
    expect(await s.taskWhen(id, 'failed')).toMatchObject({ error: 'there is no such study', attempts: 1 });
  });

  it('answers that come twice, for another attempt, for a stranger or after a cancellation change nothing', async () => {
    await using s = await scene();
    const [one, two] = [await s.request(), await s.request()];
    await s.asked(2);
    await s.queue.cancel(two.id);
    await s.queue.submit({ kind: 'echo', payload: null });
    const other = await s.queue.claim('ann', ['echo'], 60_000);
    for (const answer of [
      { taskId: one.id, attempt: 2, summary: 'of an attempt that was never made' },
      { taskId: 'nobody', attempt: 1 },
      { taskId: other!.id, attempt: 1, summary: 'of no study' },
      { taskId: two.id, attempt: 1, summary: 'too late' },
      { taskId: one.id, attempt: 1, summary: 'right' },
      { taskId: one.id, attempt: 1, summary: 'again' },
    ])
      await s.answer('study.finished', answer);
    expect(await s.taskWhen(one.id, 'done')).toMatchObject({ result: { summary: 'right' } });
    await until('all answers were taken', () => s.log.lines.filter((line) => line === 'info: answer to a study')[5]);
    expect(s.queue.get(one.id)).toMatchObject({ state: 'done', result: { summary: 'right' } });
    expect(s.queue.get(other!.id)).toMatchObject({ state: 'running', worker: 'ann' });
    expect(s.queue.get(two.id)).toMatchObject({ state: 'cancelled', result: undefined });
  });

  it('an answer that nobody understands is logged and passed over, and the next one is taken', async () => {
    await using s = await scene();
    const { id } = await s.request();
    await s.asked(1);
    await s.answer('study.finished', { task: id });
    await s.answer('study.finished', { taskId: id, attempt: 1 });
    await s.taskWhen(id, 'done');
    expect(s.log.lines).toContain('error: an answer is not understood and passed over');
  });

  it('an answer that comes while nobody serves is taken by the next who does', async () => {
    await using s = await scene();
    const { id } = await s.request();
    await s.asked(1);
    await s.desk.stop(1_000);
    // Nobody has served for so long that the lease is over.
    await s.database.write('age', (tx) => tx.run('UPDATE tasks SET lease_until = 1'));
    await s.answer('study.finished', { taskId: id, attempt: 1 });
    expect(s.queue.get(id)?.state).toBe('running');
    s.desk = s.newDesk();
    s.desk.start();
    expect(await s.taskWhen(id, 'done')).toMatchObject({ attempts: 1 });
    expect(s.requests).toHaveLength(1);
  });
});

describe('an answer that cannot be stored', () => {
  it('for minutes is stored when that is possible again, and not put aside', { timeout: 90_000 }, async () => {
    using directory = temporaryDirectory();
    const clock = new VirtualClock(1_700_000_000_000);
    await using service = await openDatabaseService({
      app: 'test',
      presence: false,
      clock,
      databases: {
        orchestrator: sqlite({
          path: directory.file('orchestrator.db'),
          migrations: orchestratorMigrations,
          durability: 'normal',
        }),
        bus: sqlite({ path: directory.file('bus.db'), migrations: busMigrations, durability: 'normal' }),
      },
    });
    const [outbox, bus] = [service.database('orchestrator'), service.database('bus')];
    let failures = 12;
    class FullQueue extends TaskQueue {
      override finish(...given: Parameters<TaskQueue['finish']>): ReturnType<TaskQueue['finish']> {
        return failures-- > 0 ? Promise.reject(new Error('the disk is full')) : super.finish(...given);
      }
    }
    const wallTime = (): number => Math.floor(clock.wallTime());
    const queue = new FullQueue({ database: outbox, wallTime, random: () => 0, newId: () => 'study-1' });
    const desk = new StudyDesk({ queue, outbox, bus, clock, logger: rememberingLog() });
    await queue.submit({ kind: 'study', payload: { study: 'detached-pv' } });
    desk.start();
    await clock.advance(200);
    const payload = { taskId: 'study-1', attempt: 1, summary: 'good' };
    await outbox.write('answer', (tx) => publish(tx, { topic: 'study.finished', payload }, { clock }));
    for (let second = 0; second < 300; second++) await clock.advance(1_000);
    expect(failures).toBe(-1);
    expect(queue.get('study-1')).toMatchObject({ state: 'done', attempts: 1, result: { summary: 'good' } });
    expect(await deadEvents(bus, 'orchestrator')).toEqual([]);
    const stopped = desk.stop(1_000);
    await clock.advance(5_000);
    await stopped;
  });
});

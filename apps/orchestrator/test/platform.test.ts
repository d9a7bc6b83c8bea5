import { busMigrations, createConsumer, createRelay, outboxMigrations, publish } from '@hive/hive-bus';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, post, submitTo, taskWhen, type TaskDocument } from './support/client.ts';
import { platform, type Platform } from './support/platform.ts';

describe('integration: server and worker as processes', () => {
  it('a task that is posted is run by the worker and shown with its history', { timeout: 90_000 }, async () => {
    await using p = platform();
    const { url } = await p.serve();
    const worker = await p.worker('--name', 'ann');
    const posted = await post(`${url}/tasks`, { kind: 'echo', payload: { hello: ['world'] }, priority: 3 });
    expect(posted.status).toBe(201);
    const { id } = posted.body as TaskDocument;
    expect(posted.headers.get('location')).toBe(`/tasks/${id}`);
    const done = await taskWhen(url, id, 'done');
    expect(done).toMatchObject({ worker: 'ann', result: { hello: ['world'] }, priority: 3, leaseUntil: null });
    expect(done.history.map(({ to }) => to)).toEqual(['queued', 'running', 'done']);
    // A machine that is busy with something else makes any statement slow, which is told as well.
    const told = worker
      .stderr()
      .split('\n')
      .filter((line) => !line.includes('"msg":"a statement took'));
    expect(told.join('\n')).not.toMatch(/"level":(?:40|50)/);
  });

  it('health, readiness, liveness and metrics are served beside the tasks', { timeout: 90_000 }, async () => {
    await using p = platform();
    const { url } = await p.serve();
    const routes = ['/livez', '/readyz', '/startupz', '/health/database', '/health/database/orchestrator'];
    const answers = await Promise.all(routes.map((route) => ask(`${url}${route}`)));
    expect(answers.map(({ status, body }) => ({ status, body }))).toEqual(
      routes.map(() => ({ status: 200, body: { status: 'pass' } })),
    );
    expect((await ask(`${url}/health/database/nothing`)).status).toBe(404);
    expect((await ask(`${url}/metrics`)).body).toMatch(/^# HELP /);
  });

  it('details of health are for whoever has the token', { timeout: 90_000 }, async () => {
    await using p = platform();
    const server = p.start(['serve', '--port', '0'], { ORCHESTRATOR_HEALTH_TOKEN: 'a-long-enough-secret' });
    const url = await server.says(/(http:\/\/\S+:\d+)/);
    const health = `${url}/health/database`;
    expect((await ask(health)).body).toEqual({ status: 'pass' });
    const headers = { authorization: 'Bearer a-long-enough-secret' };
    expect((await ask(health, { headers })).body).toMatchObject({ status: 'pass', checks: expect.any(Object) });
    expect(server.stderr()).not.toContain('a-long-enough-secret');
  });

  it(
    'a running task that is cancelled ends in the worker, and its result is not taken',
    { timeout: 90_000 },
    async () => {
      await using p = platform();
      const { url } = await p.serve();
      await p.worker('--lease-ms', '600', '--concurrency', '1');
      const id = await submitTo(url, { kind: 'sleep', payload: { ms: 3_600_000 } });
      await taskWhen(url, id, 'running');
      const cancelled = await post(`${url}/tasks/${id}/cancel`, {});
      expect(cancelled).toMatchObject({ status: 200, body: { state: 'cancelled' } });
      // Its only place is free again only because the sleep was ended.
      const next = await submitTo(url, { kind: 'echo', payload: null });
      await taskWhen(url, next, 'done');
      expect(await taskWhen(url, id, 'cancelled')).toMatchObject({ result: null });
    },
  );

  it('tasks of the command line and of the server are the same', { timeout: 90_000 }, async () => {
    await using p = platform();
    const { url } = await p.serve();
    await p.worker();
    const submitted = await p.run('submit', 'echo', '"hi"', '--key', 'greeting');
    expect(submitted).toMatchObject({ code: 0, stderr: '' });
    const id = submitted.stdout.trim();
    await taskWhen(url, id, 'done');
    const again = await post(`${url}/tasks`, { kind: 'echo', payload: 'hi', key: 'greeting' });
    expect(again).toMatchObject({ status: 200, body: { id, state: 'done' } });
    const listed = await p.run('tasks');
    expect(listed.stdout).toMatch(new RegExp(`^ID +KIND +STATE .*\\n${id} +echo +done +1/5 `));
    const conflict = await p.run('submit', 'echo', '"bye"', '--key', 'greeting');
    expect(conflict).toMatchObject({ code: 1, stdout: '' });
    expect(conflict.stderr).toMatch(
      /^hive-orchestrator: the key greeting belongs to task \S+, which asks for something else\n$/,
    );
  });

  it('a study travels over the bus to another process and comes back done', { timeout: 90_000 }, async () => {
    await using p = platform();
    const { url } = await p.serve();
    await using _ecosystemiser = await answering(p);
    const id = await submitTo(url, { kind: 'study', payload: { study: 'detached-pv' } });
    expect(await taskWhen(url, id, 'done')).toMatchObject({ worker: 'bus', result: { summary: 'of detached-pv' } });
  });
});

/** An ecosystemiser that knows every study at once: in this process, which the server shares nothing with but files. */
async function answering({ dataDirectory }: Platform): Promise<AsyncDisposable> {
  const service = await openDatabaseService({
    app: 'ecosystemiser',
    presence: false,
    databases: {
      ecosystemiser: sqlite({ path: join(dataDirectory, 'ecosystemiser.db'), migrations: outboxMigrations(1) }),
      bus: sqlite({ path: join(dataDirectory, 'bus.db'), migrations: busMigrations }),
    },
  });
  const own = service.database('ecosystemiser');
  const bus = service.database('bus');
  const relay = createRelay({ outbox: own, bus, source: 'ecosystemiser' });
  const consumer = createConsumer({
    bus,
    consumer: 'ecosystemiser',
    topics: ['study.requested'],
    handle: async ({ payload }) => {
      const { taskId, attempt, study } = payload as { taskId: string; attempt: number; study: string };
      const answer = { topic: 'study.finished', payload: { taskId, attempt, summary: `of ${study}` } };
      await own.write('answer', (tx) => publish(tx, answer));
    },
  });
  relay.start();
  consumer.start();
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all([consumer.stop(), relay.stop()]);
      await service.close();
    },
  };
}

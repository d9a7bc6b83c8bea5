import { describe, expect, it } from 'vitest';
import { submitTo, taskWhen } from './support/client.ts';
import { platform } from './support/platform.ts';

describe('recovery', () => {
  it('a worker that is killed with its task loses it to another after the lease', { timeout: 90_000 }, async () => {
    await using p = platform();
    const { url } = await p.serve();
    const first = await p.worker('--name', 'first', '--lease-ms', '600');
    const id = await submitTo(url, { kind: 'sleep', payload: { ms: 1_500 } });
    const running = await taskWhen(url, id, 'running');
    expect(running).toMatchObject({ worker: 'first', attempts: 1 });

    first.child.kill('SIGKILL');
    expect(await first.ended).toEqual({ code: null, signal: 'SIGKILL' });
    await p.worker('--name', 'second', '--lease-ms', '600');

    const done = await taskWhen(url, id, 'done', 'failed');
    expect(done).toMatchObject({ state: 'done', worker: 'second', attempts: 2, result: { sleptMs: 1_500 } });
    expect(done.history.map(({ from, to, worker }) => `${from} > ${to} (${worker})`)).toEqual([
      'null > queued (null)',
      'queued > running (first)',
      'running > queued (first)',
      'queued > running (second)',
      'running > done (second)',
    ]);
  });

  it(
    'a server that is killed is simply started again, and its workers never noticed',
    { timeout: 90_000 },
    async () => {
      await using p = platform();
      const server = await p.serve();
      const worker = await p.worker();
      const id = await submitTo(server.url, { kind: 'sleep', payload: { ms: 700 } });
      await taskWhen(server.url, id, 'running');
      server.child.kill('SIGKILL');
      await server.ended;
      const again = await p.serve();
      expect(await taskWhen(again.url, id, 'done')).toMatchObject({ attempts: 1 });
      expect(worker.child.exitCode).toBeNull();
    },
  );

  it('what was acknowledged is there after everything was killed at once', { timeout: 90_000 }, async () => {
    await using p = platform();
    const server = await p.serve();
    const ids = await Promise.all(
      Array.from({ length: 50 }, (_, payload) => submitTo(server.url, { kind: 'echo', payload })),
    );
    server.child.kill('SIGKILL');
    await server.ended;
    const listed = await p.run('tasks', '--json', '--limit', '1000');
    const { tasks } = JSON.parse(listed.stdout) as { tasks: { id: string }[] };
    expect(tasks.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  });
});

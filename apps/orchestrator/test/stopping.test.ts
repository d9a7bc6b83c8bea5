import { openDatabaseService, sqlite, systemClock } from '@hive/shared-db';
import { createServer, request } from 'node:http';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { submitTo, taskWhen, type TaskDocument } from './support/client.ts';
import { orchestratorMigrations } from '../src/db/schema.ts';
import { platform, type Platform } from './support/platform.ts';
import { until } from './support/until.ts';

/** What the platform promises for Ctrl-C. */
const STOP_WITHIN_MS = 5_000;

describe('stopping', () => {
  it.for(['SIGINT', 'SIGTERM'] as const)(
    '%s ends the server with exit code 0 in time, as SIGHUP does not, and nothing that was taken is lost',
    { timeout: 90_000 },
    async (signal) => {
      await using p = platform();
      const server = await p.serve();
      const ids = await Promise.all(
        Array.from({ length: 20 }, (_, payload) =>
          submitTo(server.url, { kind: 'study', payload: { study: `s${payload}` } }),
        ),
      );
      server.child.kill('SIGHUP');
      await until(
        'it reads its settings again',
        () => /settings were read again: unchanged/.exec(server.stderr())?.[0],
      );
      const since = systemClock.now();
      server.child.kill(signal);
      expect(await server.ended).toEqual({ code: 0, signal: null });
      expect(systemClock.now() - since).toBeLessThan(STOP_WITHIN_MS);
      expect((await tasksOf(p)).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    },
  );

  it(
    'Ctrl-C while a study is on its way leaves it on its way, and it is not asked for again',
    { timeout: 90_000 },
    async () => {
      await using p = platform();
      const server = await p.serve();
      const id = await submitTo(server.url, { kind: 'study', payload: { study: 'detached-pv' } });
      await taskWhen(server.url, id, 'running');
      server.child.kill('SIGINT');
      await server.ended;
      expect(await tasksOf(p)).toMatchObject([{ id, state: 'running', worker: 'bus', attempts: 1 }]);
      const again = await p.serve();
      expect(await taskWhen(again.url, id, 'running')).toMatchObject({ attempts: 1 });
    },
  );

  it('Ctrl-C of a worker ends long work and gives it back at once', { timeout: 90_000 }, async () => {
    await using p = platform();
    const { url } = await p.serve();
    const worker = await p.worker('--name', 'ann');
    const id = await submitTo(url, { kind: 'sleep', payload: { ms: 3_600_000 } });
    await taskWhen(url, id, 'running');
    const since = systemClock.now();
    worker.child.kill('SIGINT');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    expect(systemClock.now() - since).toBeLessThan(STOP_WITHIN_MS);
    expect(await taskWhen(url, id, 'queued')).toMatchObject({ attempts: 1, error: null });
  });

  it('a worker whose starter is gone ends by itself, and gives back what it has', { timeout: 90_000 }, async () => {
    await using p = platform();
    const { url } = await p.serve();
    const worker = await p.worker();
    const id = await submitTo(url, { kind: 'sleep', payload: { ms: 3_600_000 } });
    await taskWhen(url, id, 'running');
    worker.child.disconnect();
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    await taskWhen(url, id, 'queued');
  });

  it('a second signal ends a worker at once, whatever it is doing', { timeout: 90_000 }, async () => {
    await using p = platform();
    const { url } = await p.serve();
    const worker = await p.worker();
    const id = await submitTo(url, { kind: 'sleep', payload: { ms: 3_600_000 } });
    await taskWhen(url, id, 'running');
    worker.child.kill('SIGINT');
    while (!worker.stderr().includes('"msg":"stopping"')) await once(worker.child.stderr!, 'data');
    worker.child.kill('SIGINT');
    expect(await worker.ended).toEqual({ code: null, signal: 'SIGINT' });
  });

  it.for(['serve', 'worker'])(
    '%s that waits for a lock of others while it starts ends at a signal at once',
    { timeout: 90_000 },
    async (command) => {
      await using p = platform();
      await using _holder = await holdingWriteLock(p);
      const waiting = p.start(command === 'serve' ? ['serve', '--port', '0'] : ['worker']);
      await until('it has the file open', () => (openFilesOf(waiting.pid).includes(fileOf(p)) ? true : undefined));
      const since = systemClock.now();
      waiting.child.kill('SIGTERM');
      expect(await waiting.ended).toEqual({ code: null, signal: 'SIGTERM' });
      expect(systemClock.now() - since).toBeLessThan(STOP_WITHIN_MS);
    },
  );

  it('a server whose log nobody reads any more goes on and ends cleanly', { timeout: 90_000 }, async () => {
    await using p = platform();
    const server = await p.serve();
    server.child.stderr?.destroy();
    server.child.kill('SIGTERM');
    expect(await server.ended).toEqual({ code: 0, signal: null });
  });

  it('a server whose client hangs on to its connection ends all the same', { timeout: 90_000 }, async () => {
    await using p = platform();
    const server = await p.serve();
    const hanging = request(`${server.url}/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': 100 },
    });
    hanging.on('error', () => undefined);
    // The rest never comes.
    hanging.write('{');
    await taskWhen(server.url, await submitTo(server.url, { kind: 'study', payload: { study: 's' } }), 'running');
    server.child.kill('SIGINT');
    expect(await server.ended).toEqual({ code: 0, signal: null });
  });
});

describe('a port in use', () => {
  it('is one sentence and exit code 2, and nothing was opened or written', { timeout: 90_000 }, async () => {
    await using p = platform();
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stdout, stderr } = await p.run('serve', '--port', String(port));
    other.close();
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      `hive-orchestrator: port ${port} on 127.0.0.1 is in use by another process: give another one with --port\n`,
    );
    expect(existsSync(p.dataDirectory)).toBe(false);
  });
});

async function tasksOf(p: Platform): Promise<readonly TaskDocument[]> {
  const { stdout } = await p.run('tasks', '--json');
  return (JSON.parse(stdout) as { tasks: TaskDocument[] }).tasks;
}

function fileOf({ dataDirectory }: Platform): string {
  return join(dataDirectory, 'orchestrator.db');
}

function openFilesOf(pid: number): readonly string[] {
  const descriptors = `/proc/${pid}/fd`;
  // What was closed since it was listed is of no interest.
  return readdirSync(descriptors).flatMap((name) => {
    try {
      return [readlinkSync(join(descriptors, name))];
    } catch {
      return [];
    }
  });
}

/** Holds the write lock of the queue until its scope ends, before its schema is there. */
async function holdingWriteLock(p: Platform): Promise<AsyncDisposable> {
  const service = await openDatabaseService({
    app: 'holder',
    presence: false,
    databases: { orchestrator: sqlite({ path: fileOf(p), migrations: orchestratorMigrations.slice(0, 1) }) },
  });
  const held = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const holding = service.database('orchestrator').transaction(
    'hold',
    async (tx) => {
      await tx.run('DELETE FROM tasks');
      held.resolve();
      await released.promise;
    },
    { limitMs: 60_000, idleLimitMs: 60_000 },
  );
  await Promise.race([held.promise, holding]);
  return {
    [Symbol.asyncDispose]: async () => {
      released.resolve();
      await holding;
      await service.close();
    },
  };
}

import { describe, expect, it } from 'vitest';
import { ask, submitTo, type TaskDocument } from './support/client.ts';
import { platform } from './support/platform.ts';
import { until } from './support/until.ts';

const TASKS = 300;

describe('two worker processes on one queue', () => {
  it('never get one task twice, and both get some', { timeout: 90_000 }, async () => {
    await using p = platform();
    const { url } = await p.serve();
    await Promise.all([p.worker('--name', 'ann'), p.worker('--name', 'ben')]);
    for (let sent = 0; sent < TASKS; sent += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, number) =>
          submitTo(url, { kind: 'sleep', payload: { ms: (sent + number) % 7 } }),
        ),
      );
    const done = await until('all tasks are done', async () => {
      const { tasks } = (await ask(`${url}/tasks?state=done&limit=1000`)).body as { tasks: TaskDocument[] };
      return tasks.length === TASKS ? tasks : undefined;
    });

    // The history is the ledger: whoever got a task has a line in it, written together with the claim.
    const given = await Promise.all(
      done.map(async ({ id }) => {
        const { history } = (await ask(`${url}/tasks/${id}`)).body as TaskDocument;
        return history.filter(({ to }) => to === 'running').map(({ worker }) => worker);
      }),
    );
    expect(given.filter((workers) => workers.length !== 1)).toEqual([]);
    expect(new Set(given.flat())).toEqual(new Set(['ann', 'ben']));
    expect(done.every(({ attempts }) => attempts === 1)).toBe(true);
  });
});

import { existsSync, readFileSync } from 'node:fs';
import type { OffloadSnapshot } from '@hive/shared-db';
import type { TemporaryDatabase } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { companion } from '../support/companion.ts';
import { COUNT_TO } from '../support/long-statement.ts';
import { rejectionOf } from '../support/outcome.ts';
import { shop } from '../support/shop.ts';

/** Minutes: only a process that is killed is done with it. */
const FOR_EVER = 10_000_000_000;
const APART = { isolation: 'process' } as const;

function processesOf({ service }: TemporaryDatabase): OffloadSnapshot['processes'] {
  return service.snapshot().offload.processes;
}

/** The process that runs a statement, when it does. */
async function runner(temporary: TemporaryDatabase, label: string): Promise<number> {
  await expect.poll(() => processesOf(temporary).running.map((one) => one.label), { timeout: 20_000 }).toContain(label);
  const { pid } = processesOf(temporary).running.find((one) => one.label === label)!;
  if (pid === undefined) throw new Error('a process has no number');
  return pid;
}

/** Not there any more, or only for whoever started it to notice. */
function isGone(pid: number): boolean {
  return !existsSync(`/proc/${pid}`) || /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

describe('reading in another process', () => {
  it('gives the rows that reading here gives, large results too', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const sql =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i, 'text ' || i AS t, x'00ff' AS b, NULL AS z FROM n";
    const expected = database.readSync('here', (c) => c.all(sql));
    expect(await database.offload('there', sql, [], APART)).toStrictEqual(expected);
    expect(await database.offload('few', 'SELECT ? AS a, ? AS b', [1, Buffer.from('x')], APART)).toStrictEqual([
      { a: 1, b: Buffer.from('x') },
    ]);
  });

  it('is used again while it is well', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    for (let i = 0; i < 3; i++) await database.offload('one', 'SELECT 1', [], APART);
    expect(processesOf(temporary)).toMatchObject({ live: 1, stuck: 0, counters: { done: 3, crashes: 0 } });
    expect(await rejectionOf(database.offload('wrong', 'SELEC 1', [], APART))).toMatchObject({ code: 'HIVEDB_E_SQL' });
    expect(processesOf(temporary)).toMatchObject({ live: 1 });
  });

  it('is killed in the middle of the statement when the time is up', async () => {
    await using temporary = await shop({ offloadWorkers: 1 });
    const { database } = temporary;
    // Started already, so that the statement is begun in time.
    await database.offload('one', 'SELECT 1', [], APART);
    const counting = rejectionOf(database.offload('yearly', COUNT_TO, [FOR_EVER], { ...APART, timeoutMs: 300 }));
    const pid = await runner(temporary, 'yearly');
    const error = await counting;
    expect(error).toMatchObject({ code: 'HIVEDB_E_ABORTED', label: 'yearly' });
    expect((error as Error).message).toContain('its process has been killed');
    await expect.poll(() => isGone(pid), { timeout: 10_000 }).toBe(true);
    expect(await database.offload('one', 'SELECT 1 AS n', [], APART)).toEqual([{ n: 1 }]);
    expect(processesOf(temporary)).toMatchObject({ live: 1, stuck: 0, counters: { crashes: 0 } });
  });

  it('is not killed before it reads: who cannot wait for it to start tries again, and finds it', async () => {
    await using temporary = await shop({ offloadWorkers: 1 });
    const { database } = temporary;
    const options = { ...APART, timeoutMs: 20 };
    const error = await rejectionOf(database.offload('hasty', 'SELECT 1 AS n', [], options));
    expect(error).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT', label: 'hasty', retryable: true });
    expect((error as Error).message).toContain('was still being started');
    expect(processesOf(temporary)).toMatchObject({ live: 1, busy: 0, counters: { released: 1, crashes: 0 } });
    await expect
      .poll(() => database.offload('hasty', 'SELECT 1 AS n', [], options).catch(() => undefined), {
        timeout: 20_000,
        interval: 20,
      })
      .toEqual([{ n: 1 }]);
    expect(processesOf(temporary)).toMatchObject({ live: 1, counters: { done: 1, crashes: 0 } });
  });

  it('is killed when the caller has had enough, and nobody else is', async () => {
    await using temporary = await shop({ offloadWorkers: 2 });
    const { database } = temporary;
    const controller = new AbortController();
    const counting = rejectionOf(
      database.offload('yearly', COUNT_TO, [FOR_EVER], { ...APART, signal: controller.signal }),
    );
    const pid = await runner(temporary, 'yearly');
    const other = database.offload('other', COUNT_TO, [1_000_000], APART);
    await runner(temporary, 'other');
    controller.abort();
    expect(await counting).toMatchObject({ code: 'HIVEDB_E_ABORTED' });
    await expect.poll(() => isGone(pid), { timeout: 10_000 }).toBe(true);
    expect(await other).toEqual([{ n: 1_000_000 }]);
  });

  it('tells its callers when it dies by itself, that they may try again, and is replaced', async () => {
    await using temporary = await shop({ offloadWorkers: 1 });
    const { database } = temporary;
    const counting = rejectionOf(database.offload('yearly', COUNT_TO, [FOR_EVER], APART));
    const waiting = database.offload('one', 'SELECT 1 AS n', [], APART);
    process.kill(await runner(temporary, 'yearly'), 'SIGKILL');
    expect(await counting).toMatchObject({ code: 'HIVEDB_E_CONNECTION_LOST', label: 'yearly', retryable: true });
    expect(await waiting).toEqual([{ n: 1 }]);
    expect(processesOf(temporary)).toMatchObject({ live: 1, counters: { crashes: 1, done: 1 } });
  });

  it('dies with the process that started it, even in the middle of a statement', async () => {
    await using temporary = await shop();
    const parent = companion(
      `import { openDatabaseService, sqlite } from '@hive/shared-db';
       const databases = { test: sqlite({ path: args[0] }) };
       const service = await openDatabaseService({ app: 'parent', presence: false, databases });
       service.database('test').offload('yearly', ${JSON.stringify(COUNT_TO)}, [${FOR_EVER}], { isolation: 'process' });
       for (let pid; pid === undefined; await new Promise((resolve) => setTimeout(resolve, 10))) {
         pid = service.snapshot().offload.processes.running[0]?.pid;
         if (pid !== undefined) say(String(pid));
       }
       await hear();`,
      temporary.path,
    );
    const pid = Number(await parent.hear());
    expect(isGone(pid)).toBe(false);
    await parent.kill();
    await expect.poll(() => isGone(pid), { timeout: 10_000 }).toBe(true);
  });

  it('is gone when the service has been closed', async () => {
    await using temporary = await shop();
    const { database, service } = temporary;
    const counting = rejectionOf(database.offload('yearly', COUNT_TO, [FOR_EVER], APART));
    const pid = await runner(temporary, 'yearly');
    const report = await service.close({ graceMs: 0 });
    expect(await counting).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    // What is killed is not stuck.
    expect(report.stuck).toEqual([]);
    await expect.poll(() => isGone(pid), { timeout: 10_000 }).toBe(true);
  });
});

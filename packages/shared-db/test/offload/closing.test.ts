import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { companion } from '../support/companion.ts';
import { COUNT_TO } from '../support/long-statement.ts';
import { rejectionOf } from '../support/outcome.ts';
import { recordingLogger } from '../support/recording-logger.ts';
import { shop } from '../support/shop.ts';

/** A program that reads once by each way, says what, and does what else it is told. */
const program = (waiting: string): string =>
  `import { openDatabaseService, sqlite } from '@hive/shared-db';
   const databases = { test: sqlite({ path: args[0] }) };
   const service = await openDatabaseService({ app: 'lonely', presence: false, databases });
   const rows = await service.database('test').offload('one', 'SELECT 1 AS n');
   await service.database('test').offload('one', 'SELECT 1 AS n', [], { isolation: 'process' });
   say(JSON.stringify(rows));
   ${waiting}`;

describe('closing while another thread reads', () => {
  it('lets what has begun come to its end, and turns away who waits and who comes', async () => {
    await using temporary = await shop({ offloadWorkers: 1 });
    const { database, service } = temporary;
    const counting = database.offload('count', COUNT_TO, [1_000_000]);
    await expect.poll(() => service.snapshot().offload.threads.running.length, { timeout: 20_000 }).toBe(1);
    const waiting = rejectionOf(database.offload('waiting', 'SELECT 1'));
    const closing = service.close({ graceMs: 60_000 });
    expect(await waiting).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED', label: 'waiting' });
    expect(await rejectionOf(database.offload('late', 'SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    expect(await counting).toEqual([{ n: 1_000_000 }]);
    expect((await closing).stuck).toEqual([]);
  });

  it.each([-1, Number.NaN, 1e15, '5', null])('is as patient as ever when it is told nonsense: %s', async (graceMs) => {
    await using temporary = await shop({ offloadWorkers: 1 });
    const { database, service } = temporary;
    const counting = database.offload('count', COUNT_TO, [1_000_000]);
    await expect
      .poll(() => service.snapshot().offload.threads.running.length, { timeout: 20_000, interval: 5 })
      .toBe(1);
    const closing = service.close({ graceMs: graceMs as number });
    expect(await counting).toEqual([{ n: 1_000_000 }]);
    expect((await closing).stuck).toEqual([]);
  });

  it('tidies up: the connection that writes is the last to close, whichever thread has read', async () => {
    await using temporary = await shop();
    const { database, service, path } = temporary;
    await database.write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    await database.offload('count', 'SELECT count(*) FROM item');
    await database.offload('count', 'SELECT count(*) FROM item', [], { isolation: 'process' });
    await service.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    expect(service.snapshot().offload).toMatchObject({ threads: { live: 0 }, processes: { live: 0 } });
  });

  it('does not wait for a statement that nothing can end, and reports it', async () => {
    const logger = recordingLogger();
    await using temporary = await shop({ offloadWorkers: 1, logger });
    const { database, service } = temporary;
    const counting = rejectionOf(database.offload('yearly', COUNT_TO, [4_000_000]));
    await expect.poll(() => service.snapshot().offload.threads.running.length, { timeout: 20_000 }).toBe(1);
    const { stuck } = await service.close({ graceMs: 50 });
    expect(await counting).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED', label: 'yearly' });
    expect(stuck).toMatchObject([
      { database: 'test', label: 'yearly', statement: expect.stringContaining('WITH RECURSIVE') as string },
    ]);
    expect(stuck[0]!.runningMs).toBeGreaterThan(0);
    // It was closed before the statement ended: that is what it is about.
    expect(service.snapshot().offload.threads.live).toBe(1);
    await expect.poll(() => service.snapshot().offload.threads.live, { timeout: 60_000 }).toBe(0);
  });

  it('keeps a process alive while somebody waits, and not when nobody does', async () => {
    await using temporary = await shop();
    await using idle = companion(program(''), temporary.path);
    expect(await idle.hear()).toBe('[{"n":1}]');
    expect(await idle.end()).toMatchObject({ code: 0, stderr: '' });
    await using busy = companion(
      program(
        `service.database('test').offload('count', ${JSON.stringify(COUNT_TO)}, [1000000]).then(([{ n }]) => say(String(n)));`,
      ),
      temporary.path,
    );
    expect(await busy.hear()).toBe('[{"n":1}]');
    expect(await busy.hear()).toBe('1000000');
    expect(await busy.end()).toMatchObject({ code: 0 });
  });
});

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { judge } from '@hive/shared-db/health';
import { listProcesses } from '@hive/shared-db/presence';
import { VirtualClock } from '@hive/shared-db/testing';
import { passUntilSettled } from '../support/fake-database.ts';
import { rejectionOf } from '../support/outcome.ts';
import { shop } from '../support/shop.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('a service', () => {
  it.each([
    [false, 'warn'],
    [true, 'fail'],
  ] as const)('whose pool stays full warns, or fails where it shall (failWhenSaturated %s)', async (fails, status) => {
    const clock = new VirtualClock();
    await using file = await shop({ clock, poolSize: 2, thresholds: { failWhenSaturated: fails, leaseMs: 600_000 } });
    const { database, service } = file;
    await using one = await database.session('one', { timeoutMs: 600_000 });
    await using two = await database.session('two', { timeoutMs: 600_000 });
    expect(service.verdict().status).toBe('pass');
    await clock.advance(10_000);
    expect(service.verdict().status).toBe('pass');
    await clock.advance(20_000);
    const verdict = service.verdict();
    expect(verdict).toMatchObject({ status, reasons: [{ status, code: 'saturated', database: 'test' }] });
    // Whoever has the snapshot comes to the same verdict.
    expect(judge(structuredClone(service.snapshot()))).toEqual(verdict);
    await clock.advance(10_000);
    expect(service.verdict().reasons[0]).toMatchObject({
      since: verdict.reasons[0]?.since,
      forMs: verdict.reasons[0]!.forMs! + 10_000,
    });
    await one.close();
    await two.close();
    await clock.advance(60_000);
    expect(service.verdict()).toMatchObject({ status: 'pass', reasons: [] });
  });

  it('whose calls fail says so by kind, and forgets it', async () => {
    const clock = new VirtualClock();
    await using file = await shop({ clock });
    const { database, service } = file;
    await clock.advance(30_000);
    for (let call = 0; call < 8; call++)
      await rejectionOf(database.read('wrong', (c) => c.all('SELECT * FROM nowhere')));
    expect(service.verdict().status).toBe('pass');
    await clock.advance(5_000);
    expect(service.verdict().reasons).toMatchObject([
      { code: 'errors', evidence: '8 of 8 calls failed in the last minute (100 %): 8 HIVEDB_E_SQL' },
    ]);
    await clock.advance(80_000);
    expect(service.verdict().status).toBe('pass');
  });

  it('judges a database by its own thresholds where it has some, and the others by those of all', async () => {
    using place = temporaryDirectory();
    const database = (name: string): string => join(place.path, `${name}.db`);
    await using service = await openDatabaseService({
      app: 'shop',
      presence: false,
      thresholds: { oldestWaitMs: 5_000, walBytes: 64 * 1024 },
      databases: {
        orders: sqlite({ path: database('orders'), thresholds: { walBytes: 4_096 } }),
        stock: sqlite({ path: database('stock') }),
      },
    });
    const [orders, stock] = service.snapshot().databases.map(({ thresholds }) => thresholds);
    expect(orders).toMatchObject({ walBytes: 4_096, oldestWaitMs: 5_000 });
    expect(stock).toMatchObject({ walBytes: 64 * 1024, oldestWaitMs: 5_000 });
    for (const name of ['orders', 'stock'] as const)
      await service.database(name).write('fill', (tx) => tx.exec('CREATE TABLE item AS SELECT randomblob(20000) AS x'));
    expect(service.verdict().reasons.map(({ code, database: where }) => [code, where])).toEqual([['wal', 'orders']]);
  });

  it('looks at itself whether anybody asks or not, keeps no process alive by it, and ends with its service', async () => {
    const clock = new VirtualClock();
    await using file = await shop({ clock });
    await clock.advance(10_000);
    expect(clock.aliveTimers).toBe(0);
    expect(file.database.snapshot().trend?.windowMs).toBe(10_000);
    await passUntilSettled(clock, file.service.close());
    const { trend } = file.database.snapshot();
    await clock.advance(10_000);
    expect(file.database.snapshot().trend).toBe(trend);
  });

  it('is judged by others, who ask its sentinel, as by itself', async () => {
    using place = temporaryDirectory();
    await using file = await shop({ runtimeDirectory: place.path });
    file.database.suspend();
    const [report] = await listProcesses({ directory: place.path, timeoutMs: 20_000 });
    if (report?.state !== 'answered') throw new Error('it does not answer');
    const [here] = file.service.verdict().reasons;
    const [there] = judge(report.snapshot).reasons;
    expect(there).toMatchObject({ code: 'suspended', evidence: here?.evidence });
    expect(Math.abs((there?.since ?? 0) - (here?.since ?? 0))).toBeLessThan(2_000);
    file.database.resume();
  });
});

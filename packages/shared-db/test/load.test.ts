import { describe, expect, it } from 'vitest';
import type { SqliteDatabase } from '@hive/shared-db';
import { itemsOf, shop } from './support/shop.ts';

const WORKERS = 8;
const ROUNDS = 60;

describe('sustained load with 8 workers', () => {
  it('ends without a failure, within the limits, with every write in the file and nothing left open', async () => {
    await using temporary = await shop({ poolSize: 2, maxOverflow: 1 });
    const { database, service } = temporary;
    let most = 0;
    const failures: unknown[] = [];
    const workers = Array.from({ length: WORKERS }, async (_, worker) => {
      for (let round = 0; round < ROUNDS; round++) {
        await work(database, worker, round).catch((error: unknown) => failures.push(error));
        most = Math.max(most, database.snapshot().pool.live);
      }
    });
    await Promise.all(workers);

    expect(failures).toEqual([]);
    expect(most).toBeLessThanOrEqual(3);
    const expected = Array.from({ length: WORKERS * ROUNDS }, (_, n) => `${n % WORKERS}.${Math.floor(n / WORKERS)}`);
    expect(itemsOf(database).toSorted()).toEqual(expected.toSorted());
    const { pool, counters, leases, waiters } = database.snapshot();
    expect(pool).toMatchObject({ leased: 0, waiting: 0, counters: { timeouts: 0, collected: 0, revoked: 0 } });
    expect({ errors: counters.errors, leases, waiters }).toEqual({ errors: {}, leases: [], waiters: [] });
    expect(service.verdict().status).toBe('pass');
  });
});

/** Writes one item, in one way or another, and reads it back in another. */
async function work(database: SqliteDatabase, worker: number, round: number): Promise<void> {
  const name = `${worker}.${round}`;
  const insert = 'INSERT INTO item (name) VALUES (?)';
  const select = 'SELECT name FROM item WHERE name = ?';
  switch (round % 3) {
    case 0:
      await database.write('add', (tx) => tx.run(insert, name));
      expect(await database.read('find', (c) => c.get(select, name))).toEqual({ name });
      return;
    case 1:
      await database.transaction('add slowly', async (tx) => {
        await tx.run(insert, name);
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      });
      expect(database.readSync('find', (c) => c.get(select, name))).toEqual({ name });
      return;
    default: {
      await using session = await database.session('import');
      await session.transaction(async (tx) => tx.run(insert, name));
      expect(await session.connection.get(select, name)).toEqual({ name });
    }
  }
}

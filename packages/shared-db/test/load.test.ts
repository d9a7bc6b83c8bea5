import { describe, expect, it } from 'vitest';
import type { SqliteDatabase } from '@hive/shared-db';
import type { TemporaryDatabase } from '@hive/shared-db/testing';
import { itemsOf, shop } from './support/shop.ts';

describe('5 workers x 50 operations', () => {
  it('all succeed with fewer connections than workers, and none is lost', async () => {
    await using temporary = await shop({ poolSize: 2 });
    expect(await toil(temporary, { workers: 5, rounds: 50, most: 2 })).toEqual([]);
  });
});

describe('sustained load with 8 workers', () => {
  it('ends without a failure, within the limits, with every write in the file and nothing left open', async () => {
    await using temporary = await shop({ poolSize: 2, maxOverflow: 1 });
    expect(await toil(temporary, { workers: 8, rounds: 60, most: 3 })).toEqual([]);
    // How long commits take is up to the machine, which others may use as well.
    const { reasons } = temporary.service.verdict();
    expect(reasons.filter(({ code }) => code !== 'slow-commits')).toEqual([]);
  });
});

interface Toil {
  readonly workers: number;
  readonly rounds: number;
  /** Connections that may be open at a time. */
  readonly most: number;
}

/** Lets workers toil, checks what is left when they have, and returns what failed. */
async function toil({ database }: TemporaryDatabase, { workers, rounds, most }: Toil): Promise<readonly unknown[]> {
  let live = 0;
  const failures: unknown[] = [];
  const toilers = Array.from({ length: workers }, async (_, worker) => {
    for (let round = 0; round < rounds; round++) {
      await work(database, worker, round).catch((error: unknown) => failures.push(error));
      live = Math.max(live, database.snapshot().pool.live);
    }
  });
  await Promise.all(toilers);

  expect(live).toBeLessThanOrEqual(most);
  const expected = Array.from({ length: workers * rounds }, (_, n) => `${n % workers}.${Math.floor(n / workers)}`);
  expect(itemsOf(database).toSorted()).toEqual(expected.toSorted());
  const { pool, counters, leases, waiters } = database.snapshot();
  expect(pool).toMatchObject({ leased: 0, waiting: 0, counters: { timeouts: 0, collected: 0, revoked: 0 } });
  expect({ errors: counters.errors, leases, waiters }).toEqual({ errors: {}, leases: [], waiters: [] });
  return failures;
}

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

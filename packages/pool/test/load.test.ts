import { describe, expect, it } from 'vitest';
import { verifyPool } from '@hive/pool/testing';
import { scene } from './support/scene.ts';

interface Toil {
  readonly workers: number;
  readonly rounds: number;
  readonly size: number;
  readonly maxOverflow: number;
}

/** Lets workers borrow again and again, for 1 to 3 ms at a time, and returns what went wrong with whatever they borrowed. */
async function toil({ workers, rounds, size, maxOverflow }: Toil): Promise<readonly string[]> {
  const { pool, clock, shop } = scene(() => ({ size, maxOverflow }));
  let served = 0;
  const work = async (worker: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      using lease = await pool.acquire();
      lease.resource.enter(`worker ${worker}`);
      verifyPool(pool);
      await new Promise<void>((resolve) => {
        clock.after(1 + ((worker + round) % 3), resolve);
      });
      lease.resource.leave(`worker ${worker}`);
      served++;
    }
  };
  const all = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  await clock.advance(rounds * workers * 3);
  await all;
  expect(served).toBe(workers * rounds);
  expect(pool.stats()).toMatchObject({ leased: 0, waiting: 0, counters: { timeouts: 0, createFailures: 0 } });
  expect(shop.made.length).toBeGreaterThan(0);
  await pool.close();
  expect(shop.alive).toEqual([]);
  return shop.faults;
}

describe('5 workers x 50 operations', () => {
  it('are all served by a pool of two, each alone with what it has borrowed', async () => {
    expect(await toil({ workers: 5, rounds: 50, size: 2, maxOverflow: 0 })).toEqual([]);
  });
});

describe('sustained load with 8 workers', () => {
  it('ends without a failure, within the limits, and with everything closed', async () => {
    expect(await toil({ workers: 8, rounds: 200, size: 2, maxOverflow: 1 })).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { quantileMs, type Lease, type Pool } from '@hive/pool';
import { delayed, never, scene } from './support/scene.ts';
import { watch } from './support/watched.ts';

describe('statistics', () => {
  it('are one frozen picture', async () => {
    const { pool } = scene(() => ({ name: 'readers' }));
    await pool.acquire();
    const stats = pool.stats();
    expect(stats).toMatchObject({ name: 'readers', status: 'open', size: 8, maxOverflow: 8, generation: 1 });
    for (const part of [stats, stats.counters, stats.counters.destroyed, stats.waitTime, stats.waitTime.buckets])
      expect(Object.isFrozen(part)).toBe(true);
    await pool.acquire();
    expect(stats.leased).toBe(1);
  });

  it('count every resource once, whatever it is doing', async () => {
    let hang = false;
    const { pool, clock } = scene(({ shop }) => ({
      size: 6,
      maxOverflow: 0,
      create: () => (hang ? never() : shop.make()),
      validate: () => (hang ? never() : true),
      reset: (resource) => (hang && resource.id === 3 ? never<void>() : undefined),
      destroy: () => never(),
    }));
    const leases = await Promise.all(Array.from({ length: 5 }, () => pool.acquire()));
    leases[0]?.release();
    await clock.advance(600);
    hang = true;
    watch(pool.acquire());
    leases[1]?.destroy();
    leases[2]?.release();
    watch(pool.acquire());
    await clock.advance(20);
    expect(pool.stats()).toMatchObject({
      live: 6,
      creating: 1,
      validating: 1,
      idle: 0,
      leased: 2,
      resetting: 1,
      closing: 1,
      waiting: 2,
    });
  });

  it('tell leases handed out at once from those that waited', async () => {
    const { pool } = scene(() => ({ size: 1, maxOverflow: 0 }));
    (await pool.acquire()).release();
    const holder = await pool.acquire();
    const waiting = pool.acquire();
    holder.release();
    (await waiting).release();
    expect(pool.stats().counters).toMatchObject({ immediate: 1, waited: 2, created: 1 });
  });

  it('time every wait, also one that ended in vain', async () => {
    const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0 }));
    const holder = await pool.acquire();
    const served = watch(pool.acquire());
    const late = watch(pool.acquire({ timeoutMs: 30 }));
    await clock.advance(100);
    holder.release();
    await clock.settle();
    expect([served.state, late.state]).toEqual(['fulfilled', 'rejected']);
    expect(pool.stats().waitTime).toMatchObject({ count: 3, sumMs: 130, maxMs: 100 });
  });

  it('time one wait in sixteen that ends within its turn of the event loop, and let it stand for the others', async () => {
    const { pool } = scene(() => ({ size: 1, maxOverflow: 0 }));
    await handOver(pool, 1_000);
    const { counters, waitTime, useTime } = pool.stats();
    expect(counters.immediate + counters.waited).toBe(1_001);
    expect(waitTime.count).toBeGreaterThan(950);
    expect(waitTime.count).toBeLessThan(1_050);
    expect(useTime.count).toBeLessThan(100);
  });

  it('time every wait that outlasts its turn, however dense the stream was before', async () => {
    const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0 }));
    const holder = await handOver(pool, 1_000);
    const before = pool.stats();
    const waits = Array.from({ length: 40 }, () => watch(pool.acquire()));
    const late = Array.from({ length: 40 }, () => watch(pool.acquire({ timeoutMs: 30 })));
    await clock.advance(29);
    expect(late.map(({ state }) => state)).not.toContain('rejected');
    await clock.advance(21);
    expect(late.map(({ state }) => state)).not.toContain('pending');
    expect(pool.stats().oldestWaitMs).toBe(50);
    holder.release();
    await clock.settle();
    for (const { value } of waits) {
      value?.release();
      await clock.settle();
    }
    const { waitTime, counters } = pool.stats();
    expect(counters.timeouts).toBe(40);
    expect(waitTime.count - before.waitTime.count).toBe(80);
    expect(waitTime.sumMs - before.waitTime.sumMs).toBe(40 * 50 + 40 * 30);
  });

  it('time a wait that outlasts its turn to its end, also when the use before it was not timed', async () => {
    const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0 }));
    for (let i = 0; i < 1_000; i++) (await pool.acquire()).release();
    // One of two that follow each other is not timed.
    for (let i = 0; i < 2; i++) {
      const holder = await pool.acquire();
      const waiting = watch(pool.acquire());
      await clock.settle();
      clock.block(40);
      holder.release();
      await clock.settle();
      expect(pool.stats().waitTime.maxMs).toBe(40);
      waiting.value.release();
    }
  });

  it('time the uses', async () => {
    const { pool, clock } = scene(() => ({ timeEvery: 1 }));
    for (const ms of [10, 20, 90]) {
      const lease = await pool.acquire();
      await clock.advance(ms);
      lease.release();
    }
    expect(pool.stats().useTime).toMatchObject({ count: 3, sumMs: 120, maxMs: 90 });
  });

  it('time one short use in sixteen unless told otherwise', async () => {
    const { pool } = scene();
    for (let i = 0; i < 161; i++) (await pool.acquire()).release();
    expect(pool.stats().useTime.count).toBeGreaterThanOrEqual(10);
    expect(pool.stats().useTime.count).toBeLessThanOrEqual(13);
    expect(pool.stats().waitTime.count).toBe(161);
  });

  it('time one use in sixteen of a dense stream however long that goes on', async () => {
    const { pool, clock } = scene();
    await clock.advance(1_000);
    for (let i = 0; i < 1_600; i++) {
      (await pool.acquire()).release();
      clock.block(0.01);
      if (i % 100 === 0) await clock.settle();
    }
    expect(pool.stats().useTime.count).toBeGreaterThanOrEqual(100);
    expect(pool.stats().useTime.count).toBeLessThan(120);
  });

  it('time every use that is long, for that costs next to nothing', async () => {
    const { pool, clock } = scene();
    for (let i = 0; i < 100; i++) {
      const lease = await pool.acquire();
      await clock.advance(3);
      lease.release();
    }
    expect(pool.stats().useTime.count).toBeGreaterThan(80);
    expect(quantileMs(pool.stats().useTime, 0.5)).toBeCloseTo(3, 0);
  });

  it('time the first use after a round of housekeeping, however dense the stream was before', async () => {
    for (let before = 100; before < 116; before++) {
      const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0 }));
      for (let i = 0; i < before; i++) (await pool.acquire()).release();
      await clock.advance(1_000);
      const lease = await pool.acquire();
      await clock.advance(500);
      lease.release();
      expect(pool.stats().useTime.maxMs).toBe(500);
    }
  });

  it('time the creations that succeed and count those that fail', async () => {
    let attempts = 0;
    const { pool, clock } = scene(({ clock, shop }) => ({
      create: () => {
        attempts++;
        return attempts === 1 ? Promise.reject(new Error('connect refused')) : delayed(clock, 40, () => shop.make());
      },
    }));
    const lease = watch(pool.acquire());
    await clock.advance(100);
    expect(lease.state).toBe('fulfilled');
    const stats = pool.stats();
    expect(stats.counters).toMatchObject({ created: 1, createFailures: 1 });
    expect(stats.createTime).toMatchObject({ count: 1, sumMs: 40, maxMs: 40 });
  });

  it('show how long the first in the queue has waited and the oldest lease was held', async () => {
    const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0 }));
    expect(pool.stats()).toMatchObject({ oldestWaitMs: 0, oldestLeaseMs: 0 });
    await pool.acquire();
    await clock.advance(70);
    watch(pool.acquire());
    await clock.advance(30);
    expect(pool.stats()).toMatchObject({ oldestWaitMs: 30, oldestLeaseMs: 100 });
  });
});

/** Hands the only resource from one caller to the next, again and again within one turn of the event loop. */
async function handOver(pool: Pool<unknown>, times: number): Promise<Lease<unknown>> {
  let lease = await pool.acquire();
  for (let i = 0; i < times; i++) {
    const next = pool.acquire();
    lease.release();
    lease = await next;
  }
  return lease;
}

import { describe, expect, it } from 'vitest';
import type { Lease, Pool } from '@hive/pool';
import { verifyPool } from '@hive/pool/testing';
import { delayed, never, scene } from './support/scene.ts';
import type { Resource } from './support/workshop.ts';
import { watch } from './support/watched.ts';

async function borrowAll(pool: Pool<Resource>, count: number): Promise<Lease<Resource>[]> {
  return Promise.all(Array.from({ length: count }, () => pool.acquire()));
}

async function makeIdle(pool: Pool<Resource>, count: number): Promise<void> {
  for (const lease of await borrowAll(pool, count)) lease.release();
}

describe('an idle resource', () => {
  it('is closed after its idle time', async () => {
    const { pool, clock, shop } = scene(() => ({ idleTimeoutMs: 60_000 }));
    await makeIdle(pool, 2);
    await clock.advance(59_000);
    expect(shop.alive).toEqual([1, 2]);
    await clock.advance(1_000);
    expect(shop.alive).toEqual([]);
    expect(pool.stats().counters.destroyed.idle).toBe(2);
  });

  it('stays when it is one of those to be kept ready', async () => {
    const { pool, clock, shop } = scene(() => ({ idleTimeoutMs: 10_000, minIdle: 2, maxLifetimeMs: 0 }));
    await makeIdle(pool, 5);
    await clock.advance(60_000);
    expect(shop.alive).toHaveLength(2);
    expect(pool.stats()).toMatchObject({ idle: 2, counters: { destroyed: { idle: 3 } } });
  });

  it('starts its idle time anew with every use', async () => {
    const { pool, clock, shop } = scene(() => ({ idleTimeoutMs: 10_000 }));
    for (let i = 0; i < 10; i++) {
      (await pool.acquire()).release();
      await clock.advance(6_000);
    }
    expect(shop.made).toHaveLength(1);
  });

  it('may stay for ever', async () => {
    const { pool, clock, shop } = scene(() => ({ idleTimeoutMs: 0, maxLifetimeMs: 0 }));
    await makeIdle(pool, 1);
    await clock.advance(10 * 3_600_000);
    expect(shop.alive).toEqual([1]);
  });
});

describe('overflow', () => {
  it('exists while there is demand, and goes soon after', async () => {
    const { pool, clock } = scene(() => ({ size: 2, maxOverflow: 3, overflowIdleTimeoutMs: 5_000 }));
    await makeIdle(pool, 5);
    await clock.advance(4_000);
    expect(pool.stats()).toMatchObject({ live: 5 });
    await clock.advance(1_000);
    expect(pool.stats()).toMatchObject({ live: 2, idle: 2, counters: { destroyed: { overflow: 3 } } });
  });

  it('does not take the rest of the pool with it when closing takes time', async () => {
    const { pool, clock, shop } = scene(({ clock }) => ({
      size: 2,
      maxOverflow: 3,
      overflowIdleTimeoutMs: 5_000,
      destroy: (resource) =>
        delayed(clock, 300, () => {
          resource.end();
        }),
    }));
    await makeIdle(pool, 5);
    await clock.advance(10_000);
    expect(shop.alive).toHaveLength(2);
  });
});

describe('an old resource', () => {
  it('is not handed out any more', async () => {
    const { pool, clock, shop } = scene(() => ({ maxLifetimeMs: 10_000, lifetimeJitter: 0, timeEvery: 1 }));
    await makeIdle(pool, 1);
    clock.block(10_000);
    const lease = watch(pool.acquire());
    await clock.settle();
    expect(lease.value.resource.id).toBe(2);
    expect(shop.alive).toEqual([2]);
    expect(pool.stats().counters.destroyed.lifetime).toBe(1);
  });

  it('may become one by a new limit, which counts from when it was opened, and be none again', async () => {
    const { pool, clock, shop } = scene(() => ({ maxLifetimeMs: 0, lifetimeJitter: 0, idleTimeoutMs: 0 }));
    await makeIdle(pool, 1);
    await clock.advance(9_000);
    pool.retune({ maxLifetimeMs: 10_000 });
    await clock.advance(500);
    pool.retune({ maxLifetimeMs: 0 });
    await clock.advance(60_000);
    expect(shop.alive).toEqual([1]);
    pool.retune({ maxLifetimeMs: 10_000 });
    await clock.advance(1_000);
    expect(shop.alive).toEqual([]);
    expect(() => pool.retune({ maxLifetimeMs: -1 })).toThrow('maxLifetimeMs is -1');
    // Those that are opened from now on go by it as well.
    await makeIdle(pool, 1);
    await clock.advance(11_000);
    expect(shop.alive).not.toContain(2);
  });

  it('goes when it comes back', async () => {
    const { pool, clock, shop } = scene(() => ({ size: 1, maxOverflow: 0, maxLifetimeMs: 10_000, lifetimeJitter: 0 }));
    const lease = await pool.acquire();
    await clock.advance(10_000);
    expect(lease.active).toBe(true);
    lease.release();
    expect(shop.alive).toEqual([]);
  });

  it('is replaced before it goes', async () => {
    const alive: number[] = [];
    const { pool, clock } = scene(({ clock, shop }) => ({
      size: 1,
      maxOverflow: 1,
      maxLifetimeMs: 10_000,
      create: () => delayed(clock, 150, () => shop.make()),
      destroy: (resource) => {
        alive.push(...shop.alive);
        resource.end();
      },
    }));
    const first = watch(pool.acquire());
    await clock.advance(150);
    first.value.release();
    await clock.advance(10_500);
    expect(alive).toEqual([1, 2]);
    expect(pool.stats()).toMatchObject({ live: 1, idle: 1 });
    expect(pool.tryAcquire()?.resource.id).toBe(2);
  });

  it('is used until its successor is there, and goes when that use ends', async () => {
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      size: 1,
      maxOverflow: 1,
      maxLifetimeMs: 10_000,
      lifetimeJitter: 1,
      create: () => delayed(clock, 150, () => shop.make()),
    }));
    const first = watch(pool.acquire());
    await clock.advance(150);
    first.value.release();
    while (pool.stats().creating === 0) await clock.advance(50);
    const lease = pool.tryAcquire();
    expect(lease?.resource.id).toBe(1);
    await clock.advance(150);
    expect(lease?.active).toBe(true);
    expect(shop.alive).toEqual([1, 2]);
    lease?.release();
    expect(shop.alive).toEqual([2]);
  });

  it('is replaced before it goes also when it is never idle', async () => {
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      size: 1,
      maxOverflow: 1,
      maxLifetimeMs: 20_000,
      lifetimeJitter: 0.5,
      create: () => delayed(clock, 150, () => shop.make()),
    }));
    const first = watch(pool.acquire());
    await clock.advance(150);
    await clock.advance(19_000);
    expect(first.value.active).toBe(true);
    expect(shop.alive).toEqual([1, 2]);
    first.value.release();
    expect(shop.alive).toEqual([2]);
    expect(pool.tryAcquire()?.resource.id).toBe(2);
  });

  it('has one successor, however long its last use takes', async () => {
    const { pool, clock, shop } = scene(() => ({ size: 2, maxOverflow: 4, maxLifetimeMs: 10_000, lifetimeJitter: 0 }));
    const lease = await pool.acquire();
    await clock.advance(15_000);
    expect(lease.active).toBe(true);
    expect(shop.alive).toEqual([1, 2]);
  });

  it('has no successor when it is one too many', async () => {
    const { pool, clock, shop } = scene(() => ({
      size: 1,
      maxOverflow: 4,
      maxLifetimeMs: 10_000,
      lifetimeJitter: 0.5,
    }));
    await borrowAll(pool, 2);
    await clock.advance(20_000);
    expect(shop.made).toHaveLength(2);
  });

  it('has no successor when it goes for want of work', async () => {
    const { pool, clock, shop } = scene(() => ({ maxLifetimeMs: 10_000, lifetimeJitter: 0, idleTimeoutMs: 8_000 }));
    await makeIdle(pool, 1);
    await clock.advance(20_000);
    expect(shop.made).toHaveLength(1);
  });

  it('stays when its successor turns out to be one too many', async () => {
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      size: 2,
      maxOverflow: 0,
      maxLifetimeMs: 10_000,
      lifetimeJitter: 0,
      create: () => delayed(clock, 500, () => shop.make()),
      // Its own destruction is still going on when the fate of the elder is decided.
      destroy: (resource) =>
        delayed(clock, 100, () => {
          resource.end();
        }),
    }));
    const first = watch(pool.acquire());
    await clock.advance(500);
    first.value.release();
    while (pool.stats().creating === 0) await clock.advance(100);
    const lease = pool.tryAcquire();
    await pool.resize({ size: 1 });
    await clock.advance(700);
    lease?.release();
    expect(shop.made).toHaveLength(2);
    expect(shop.alive).toEqual([1]);
    expect(pool.stats()).toMatchObject({ live: 1, idle: 1 });
  });

  it('goes without a successor when there is no room for one, in use when that ends', async () => {
    const one = { size: 1, maxOverflow: 0, maxLifetimeMs: 10_000, lifetimeJitter: 0.5 } as const;
    const [idle, used] = [scene(() => one), scene(() => one)];
    await makeIdle(idle.pool, 1);
    const lease = await used.pool.acquire();
    for (const { clock, shop } of [idle, used]) {
      await clock.advance(5_000);
      expect(shop.alive).toEqual([1]);
      await clock.advance(1_000);
    }
    expect(idle.shop.alive).toEqual([]);
    expect(lease.active).toBe(true);
    lease.release();
    expect(used.shop.alive).toEqual([]);
    expect(used.pool.stats().counters.destroyed.lifetime).toBe(1);
  });

  it('gets its successor half of its life before the end when that is short', async () => {
    const { pool, clock, shop } = scene(() => ({ maxLifetimeMs: 3_000, lifetimeJitter: 0 }));
    await makeIdle(pool, 1);
    await clock.advance(1_900);
    expect(shop.made).toHaveLength(1);
    await clock.advance(200);
    expect(shop.alive).toEqual([2]);
  });

  it('has no successor while the pool is suspended', async () => {
    const { pool, clock, shop } = scene(() => ({ size: 1, maxOverflow: 1, maxLifetimeMs: 10_000, lifetimeJitter: 0 }));
    await pool.acquire();
    pool.suspend();
    await clock.advance(8_000);
    expect(shop.made).toHaveLength(1);
    pool.resume();
    await clock.advance(1_000);
    expect(shop.made).toHaveLength(2);
  });

  it('has no successor when the end of another has closed the pool', async () => {
    const { pool, clock, shop } = scene(() => ({
      size: 2,
      maxOverflow: 4,
      maxLifetimeMs: 10_000,
      lifetimeJitter: 0,
      idleTimeoutMs: 8_000,
      destroy: (resource) => {
        resource.end();
        void pool.close({ graceMs: 60_000 });
      },
    }));
    const [idle, used] = await borrowAll(pool, 2);
    idle?.release();
    await clock.advance(9_000);
    expect(pool.stats()).toMatchObject({ status: 'closing', live: 1 });
    expect(used?.active).toBe(true);
    expect(shop.made).toHaveLength(2);
  });

  it('stays until its last day when its successor cannot be opened, which is tried again at growing intervals', async () => {
    const { pool, clock } = scene(({ shop }) => ({
      size: 1,
      maxOverflow: 1,
      maxLifetimeMs: 20_000,
      lifetimeJitter: 1,
      backoffMs: 2_000,
      create: () => (shop.made.length === 0 ? shop.make() : Promise.reject(new Error('connect refused'))),
    }));
    await makeIdle(pool, 1);
    await clock.advance(19_000);
    // Due at 8 s, then 1.5, 3, 3.75 s later, rounded up to whole rounds of housekeeping.
    expect(pool.stats().counters.createFailures).toBe(4);
    expect(pool.tryAcquire()?.resource.id).toBe(1);
    verifyPool(pool);
  });

  it.each([
    ['with', 8],
    ['without', 0],
  ])('does not go together with all others: lifetimes are spread, %s room for successors', async (_, maxOverflow) => {
    let seed = 1;
    const closed: number[] = [];
    const { pool, clock } = scene(({ clock }) => ({
      size: 20,
      maxOverflow,
      maxLifetimeMs: 1_000_000,
      lifetimeJitter: 0.2,
      idleTimeoutMs: 0,
      random: () => {
        seed = (seed * 16_807) % 2_147_483_647;
        return seed / 2_147_483_647;
      },
      destroy: () => {
        closed.push(clock.now());
      },
    }));
    await makeIdle(pool, 20);
    await clock.advance(1_001_000);
    expect(closed.length).toBeGreaterThanOrEqual(20);
    expect(Math.min(...closed)).toBeGreaterThanOrEqual(798_000);
    expect(new Set(closed.map((at) => Math.floor(at / 20_000))).size).toBeGreaterThan(5);
  });
});

describe('a closing resource', () => {
  it('counts against the limit until it is closed', async () => {
    const { pool, clock, shop } = scene(({ clock }) => ({
      size: 2,
      maxOverflow: 0,
      destroy: (resource) =>
        delayed(clock, 300, () => {
          resource.end();
        }),
    }));
    for (const lease of await borrowAll(pool, 2)) lease.destroy();
    const next = [watch(pool.acquire()), watch(pool.acquire())];
    await clock.advance(299);
    expect(pool.stats()).toMatchObject({ live: 2, closing: 2, waiting: 2 });
    expect(shop.made).toHaveLength(2);
    await clock.advance(10);
    expect(next.map(({ value }) => value.resource.id)).toEqual([3, 4]);
  });

  it('is abandoned and reported when it takes too long, so that its place is free', async () => {
    const abandoned: unknown[] = [];
    const { pool, clock } = scene(() => ({
      size: 1,
      maxOverflow: 0,
      destroyTimeoutMs: 500,
      destroy: () => never(),
      observer: {
        abandoned: (...event) => {
          abandoned.push(event);
        },
      },
    }));
    (await pool.acquire()).destroy();
    const next = watch(pool.acquire());
    await clock.advance(499);
    expect(pool.stats()).toMatchObject({ live: 1, closing: 1, abandoned: 0, waiting: 1 });
    await clock.advance(1);
    expect(next.value.resource.id).toBe(2);
    expect(pool.stats()).toMatchObject({ live: 1, leased: 1, abandoned: 1 });
    expect(abandoned).toEqual([[1, 'destroy']]);
  });

  it('is no longer counted as abandoned when it is closed after all', async () => {
    const closing = Promise.withResolvers<void>();
    const { pool, clock } = scene(() => ({ destroyTimeoutMs: 500, destroy: () => closing.promise }));
    (await pool.acquire()).destroy();
    await clock.advance(500);
    expect(pool.stats().abandoned).toBe(1);
    closing.reject(new Error('it was gone already'));
    await clock.settle();
    expect(pool.stats().abandoned).toBe(0);
    verifyPool(pool);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('socket closed');
      },
    ],
    ['rejects', () => Promise.reject(new Error('socket closed'))],
  ])('is gone when its hook %s', async (_, destroy) => {
    const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0, destroy }));
    (await pool.acquire()).destroy();
    const next = watch(pool.acquire());
    await clock.advance(20);
    expect(next.value.resource.id).toBe(2);
    expect(pool.stats()).toMatchObject({ live: 1, abandoned: 0 });
  });
});

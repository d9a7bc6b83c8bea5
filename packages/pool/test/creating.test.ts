import { describe, expect, it } from 'vitest';
import type { Pool } from '@hive/pool';
import { verifyPool, type VirtualClock } from '@hive/pool/testing';
// By itself: a pool shows no more of it than how many it has opened in the end.
import { creationsWanted } from '../dist/creation-policy.js';
import { delayed, never, scene } from './support/scene.ts';
import { watch } from './support/watched.ts';
import type { Resource } from './support/workshop.ts';

/** Borrows once for `holdMs`; returns when it had the resource, in the time of the clock. */
async function borrow(pool: Pool<Resource>, clock: VirtualClock, holdMs: number): Promise<number> {
  const lease = await pool.acquire();
  const served = clock.now();
  await delayed(clock, holdMs, () => {});
  lease.release();
  return served;
}

describe('creating under load', () => {
  it('meets a spike with what is there when that is faster than connecting', async () => {
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      size: 50,
      minIdle: 5,
      create: () => delayed(clock, 150, () => shop.make()),
    }));
    const warm = watch(pool.warm());
    await clock.advance(150);
    expect(warm.value).toBe(5);
    let opened = 0;
    const begin = clock.now();
    const borrowers = watch(
      Promise.all(
        Array.from({ length: 50 }, async () => {
          const served = await borrow(pool, clock, 2);
          opened = Math.max(opened, pool.stats().live);
          return served;
        }),
      ),
    );
    await clock.advance(40);
    expect(Math.max(...borrowers.value) - begin).toBeLessThanOrEqual(40);
    await clock.advance(1_000);
    expect(shop.made.length).toBeLessThanOrEqual(7);
    expect(opened).toBeLessThanOrEqual(7);
  });

  it('fills a cold pool within one and a half times of the ideal', async () => {
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      size: 16,
      maxOverflow: 0,
      create: () => delayed(clock, 150, () => shop.make()),
    }));
    const borrowers = watch(Promise.all(Array.from({ length: 50 }, () => borrow(pool, clock, 50))));
    // Sixteen connects at once, then four rounds: 150 + 4 * 50.
    await clock.advance(1.5 * 350);
    expect(borrowers.state).toBe('fulfilled');
    expect(shop.made.length).toBeLessThanOrEqual(16);
  });

  it('opens another as soon as the queue would take longer than a connect, and one for each that this is so with', () => {
    // Four serve ten milliseconds each: forty callers are served in the hundred that a connect takes.
    const demand = { serving: 4, creating: 0, room: 100, maxCreating: 100, useMs: 10, createMs: 100, oldestWaitMs: 0 };
    const wanted = (waiting: number): number => creationsWanted({ ...demand, waiting });
    expect([1, 40, 41, 50, 51, 60, 61].map(wanted)).toEqual([0, 0, 1, 1, 2, 2, 3]);
  });

  it('opens another when holders keep what they have', async () => {
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      size: 4,
      create: () => delayed(clock, 100, () => shop.make()),
    }));
    const quick = watch(borrow(pool, clock, 1));
    await clock.advance(101);
    expect(quick.state).toBe('fulfilled');
    const holder = watch(pool.acquire());
    await clock.settle();
    const waiting = watch(pool.acquire());
    await clock.advance(201);
    expect(holder.value.active).toBe(true);
    expect(waiting.value.resource.id).toBe(2);
    expect(shop.made).toHaveLength(2);
  });

  it('opens another at once when the last that served the queue is destroyed, however long that takes', async () => {
    const { pool, clock } = scene(({ clock, shop }) => ({
      size: 2,
      maxOverflow: 0,
      create: () => delayed(clock, 1_000, () => shop.make()),
      destroy: () => never(),
    }));
    const first = watch(pool.acquire());
    await clock.advance(1_000);
    first.value.release();
    (await pool.acquire()).release();
    const broken = await pool.acquire();
    const waiting = watch(pool.acquire());
    expect(pool.stats()).toMatchObject({ creating: 0, waiting: 1 });
    broken.destroy();
    await clock.advance(1_000);
    expect(waiting.value.resource.id).toBe(2);
  });

  it('never opens more than the limit', async () => {
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      size: 2,
      maxOverflow: 1,
      create: () => delayed(clock, 10, () => shop.make()),
    }));
    for (let i = 0; i < 20; i++) watch(pool.acquire());
    await clock.advance(5_000);
    expect(shop.made).toHaveLength(3);
    expect(pool.stats()).toMatchObject({ live: 3, leased: 3, waiting: 17 });
  });

  it('runs no more creations at once than it may', async () => {
    let running = 0;
    let most = 0;
    const { pool, clock } = scene(({ clock, shop }) => ({
      size: 16,
      maxCreating: 3,
      create: async () => {
        most = Math.max(most, ++running);
        await delayed(clock, 100, () => {});
        running--;
        return shop.make();
      },
    }));
    for (let i = 0; i < 16; i++) watch(pool.acquire());
    await clock.advance(10_000);
    expect(most).toBe(3);
    expect(pool.stats()).toMatchObject({ leased: 16, waiting: 0 });
  });

  it('looks again whether one is needed before it opens the next', async () => {
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      size: 8,
      maxCreating: 1,
      create: () => delayed(clock, 10, () => shop.make()),
    }));
    const callers = Array.from({ length: 5 }, () => new AbortController());
    for (const { signal } of callers) watch(pool.acquire({ signal }));
    for (const caller of callers) caller.abort();
    await clock.advance(1_000);
    expect(shop.made).toHaveLength(1);
  });

  it('serves a queue of thousands with resources that open at once', async () => {
    const { pool, clock, shop } = scene(() => ({ size: 10_000 }));
    pool.suspend();
    const waiting = Array.from({ length: 10_000 }, () => watch(pool.acquire()));
    pool.resume();
    await clock.settle();
    expect(waiting.filter(({ state }) => state === 'fulfilled')).toHaveLength(10_000);
    expect(shop.made).toHaveLength(10_000);
  });
});

describe('a creation', () => {
  it('survives the caller who triggered it, and serves the next', async () => {
    const aborted: boolean[] = [];
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      create: ({ signal }) =>
        delayed(clock, 100, () => {
          aborted.push(signal.aborted);
          return shop.make();
        }),
    }));
    const controller = new AbortController();
    watch(pool.acquire({ signal: controller.signal }));
    await clock.advance(50);
    controller.abort();
    const next = watch(pool.acquire());
    await clock.advance(50);
    expect(aborted).toEqual([false]);
    expect(next.value.resource.id).toBe(1);
    expect(shop.made).toHaveLength(1);
  });

  it('becomes idle when nobody wants it any more', async () => {
    const { pool, clock } = scene(({ clock, shop }) => ({ create: () => delayed(clock, 100, () => shop.make()) }));
    const late = watch(pool.acquire({ timeoutMs: 60 }));
    await clock.advance(100);
    expect(late.error.code).toBe('POOL_TIMEOUT');
    expect(pool.stats()).toMatchObject({ idle: 1, creating: 0 });
    expect(pool.tryAcquire()?.resource.id).toBe(1);
  });

  it('goes to whoever waits longest, not to the caller it was opened for', async () => {
    const { pool, clock } = scene(({ clock, shop }) => ({
      size: 2,
      maxOverflow: 0,
      create: () => delayed(clock, 100, () => shop.make()),
    }));
    const order: string[] = [];
    const first = watch(pool.acquire().then((lease) => (order.push('first'), lease)));
    await clock.advance(100);
    const second = watch(pool.acquire().then((lease) => (order.push('second'), lease)));
    await clock.advance(50);
    watch(pool.acquire().then((lease) => (order.push('third'), lease)));
    first.value.release();
    await clock.advance(50);
    expect(order).toEqual(['first', 'second', 'third']);
    expect(second.value.resource.id).toBe(1);
  });

  it('that takes too long frees its place, is told to stop and is counted as abandoned', async () => {
    const signals: AbortSignal[] = [];
    const { pool, clock, shop } = scene(({ shop }) => ({
      size: 1,
      maxOverflow: 0,
      createTimeoutMs: 100,
      create: ({ signal }) => {
        signals.push(signal);
        return signals.length === 1 ? never() : shop.make();
      },
    }));
    const waiting = watch(pool.acquire());
    await clock.advance(99);
    expect(pool.stats()).toMatchObject({ live: 1, creating: 1, abandoned: 0 });
    await clock.advance(20);
    expect(signals[0]?.aborted).toBe(true);
    expect(waiting.value.resource).toBe(shop.made[0]);
    expect(pool.stats()).toMatchObject({ live: 1, leased: 1, abandoned: 1, counters: { createFailures: 1 } });
  });

  it('that comes after its time is destroyed, never handed out', async () => {
    let attempts = 0;
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      createTimeoutMs: 100,
      create: () => (++attempts === 1 ? delayed(clock, 250, () => shop.make()) : never()),
    }));
    watch(pool.acquire({ timeoutMs: 50 }));
    await clock.advance(249);
    expect(pool.stats().abandoned).toBe(1);
    await clock.advance(1);
    expect(shop.made).toHaveLength(1);
    expect(shop.alive).toEqual([]);
    expect(pool.stats()).toMatchObject({ leased: 0, idle: 0, abandoned: 0, counters: { destroyed: { late: 1 } } });
  });

  it('that fails after its time is no longer counted as abandoned', async () => {
    const attempt = Promise.withResolvers<never>();
    const { pool, clock } = scene(() => ({ createTimeoutMs: 100, create: () => attempt.promise }));
    watch(pool.acquire({ timeoutMs: 50 }));
    await clock.advance(100);
    expect(pool.stats().abandoned).toBe(1);
    attempt.reject(new Error('connection reset'));
    await clock.settle();
    expect(pool.stats().abandoned).toBe(0);
    verifyPool(pool);
  });

  it('may be a thenable of another library, even one that misbehaves', async () => {
    const { pool, clock, shop } = scene(({ shop }) => ({
      create: () =>
        ({
          // eslint-disable-next-line unicorn/no-thenable -- a foreign thenable is the point
          then: (resolve: (resource: Resource) => void, reject: (error: Error) => void) => {
            resolve(shop.make());
            reject(new Error('settled twice'));
          },
        }) as unknown as Promise<Resource>,
    }));
    const lease = await pool.acquire();
    await clock.settle();
    expect(lease.resource).toBe(shop.made[0]);
    expect(pool.stats()).toMatchObject({ leased: 1, abandoned: 0, counters: { createFailures: 0 } });
  });

  it('may be a thenable that is a function', async () => {
    const { pool, shop } = scene(({ shop }) => ({
      create: () =>
        Object.assign(() => {}, {
          // eslint-disable-next-line unicorn/no-thenable -- a foreign thenable is the point
          then: (resolve: (resource: Resource) => void) => {
            resolve(shop.make());
          },
        }) as unknown as Promise<Resource>,
    }));
    const lease = await pool.acquire();
    expect(lease.resource).toBe(shop.made[0]);
  });

  it('has failed when nobody can tell whether it is a thenable, and the pool goes on', async () => {
    // eslint-disable-next-line unicorn/no-thenable -- a foreign thenable is the point
    const mute = Object.defineProperty({}, 'then', {
      get: () => {
        throw new Error('do not ask');
      },
    }) as Resource;
    let attempts = 0;
    const { pool, clock, shop } = scene(({ shop }) => ({ create: () => (++attempts === 1 ? mute : shop.make()) }));
    const lease = watch(pool.acquire());
    await clock.advance(20);
    expect(lease.value.resource).toBe(shop.made[0]);
    expect(pool.stats().counters.createFailures).toBe(1);
  });
});

describe('recovery: a server that refuses', () => {
  it('is asked again at growing intervals, by one attempt at a time', async () => {
    const attempts: number[] = [];
    const { pool, clock } = scene(({ clock }) => ({
      failFastAfter: 1_000,
      backoffMs: 10,
      maxBackoffMs: 100,
      create: () => {
        attempts.push(clock.now());
        throw new Error('connect refused');
      },
    }));
    for (let i = 0; i < 10; i++) watch(pool.acquire({ timeoutMs: 1_000 }));
    await clock.advance(1_000);
    const pauses = attempts.map((at, i) => at - (attempts[i - 1] ?? 0)).slice(1);
    // Three quarters of 10, 20, 40, 80, then of the longest, rounded up to whole milliseconds: the random half is in the middle.
    expect(pauses.slice(0, 4)).toEqual([8, 15, 30, 60]);
    expect(new Set(pauses.slice(4))).toEqual(new Set([75]));
  });

  it('is asked again at these intervals however long a connect took before', async () => {
    const attempts: number[] = [];
    const { pool, clock } = scene(({ clock, shop }) => ({
      create: () => {
        attempts.push(clock.now());
        if (attempts.length > 1) throw new Error('connect refused');
        return delayed(clock, 2_000, () => shop.make());
      },
    }));
    const first = watch(pool.acquire());
    await clock.advance(2_000);
    first.value.destroy();
    watch(pool.acquire());
    await clock.advance(8);
    expect(attempts).toEqual([0, 2_000, 2_008]);
  });

  it('is asked no more than a few times a second by a crowd', async () => {
    let attempts = 0;
    const { pool, clock } = scene(() => ({
      create: () => {
        attempts++;
        return Promise.reject(new Error('connect refused'));
      },
    }));
    const retry = async (): Promise<void> => {
      while (clock.now() < 10_000)
        try {
          (await pool.acquire()).release();
        } catch {
          await delayed(clock, 10, () => {});
        }
    };
    const crowd = watch(Promise.all(Array.from({ length: 20 }, retry)));
    await clock.advance(20_000);
    expect(crowd.state).toBe('fulfilled');
    expect(attempts).toBeLessThan(20);
  });

  it('fails all who wait at once after three rounds, with the cause', async () => {
    const refused = new Error('connect refused');
    const { pool, clock } = scene(() => ({ name: 'readers', create: () => Promise.reject(refused) }));
    const callers = Array.from({ length: 5 }, () => watch(pool.acquire()));
    await clock.advance(100);
    for (const { error } of callers) {
      expect(error).toMatchObject({ code: 'CREATE_FAILED', retryable: true, cause: refused });
      expect(error.message).toMatch(
        /^pool "readers": opening a resource failed 3 times in a row: connect refused \(0 of 16 leased/,
      );
    }
    expect(pool.stats()).toMatchObject({ waiting: 0, live: 0 });
  });

  it('fails newcomers at once until the next attempt is due', async () => {
    let attempts = 0;
    const { pool, clock } = scene(() => ({
      backoffMs: 100,
      create: () => {
        attempts++;
        return Promise.reject(new Error('connect refused'));
      },
    }));
    watch(pool.acquire());
    await clock.advance(75 + 150);
    expect(attempts).toBe(3);
    const newcomer = watch(pool.acquire());
    await clock.settle();
    expect(newcomer.error.code).toBe('CREATE_FAILED');
    expect(attempts).toBe(3);
    await clock.advance(300);
    const later = watch(pool.acquire());
    await clock.settle();
    expect(attempts).toBe(4);
    expect(later.error.code).toBe('CREATE_FAILED');
  });

  it('is found again when it is back', async () => {
    let up = false;
    const { pool, clock } = scene(({ shop }) => ({
      create: () => (up ? Promise.resolve(shop.make()) : Promise.reject(new Error('connect refused'))),
    }));
    const early = watch(pool.acquire());
    await clock.advance(100);
    expect(early.error.code).toBe('CREATE_FAILED');
    up = true;
    await clock.advance(1_000);
    const late = watch(pool.acquire());
    await clock.settle();
    expect(late.value.resource.id).toBe(1);
  });

  it('does not fail those who wait while a resource lives that may serve them', async () => {
    const { pool, clock } = scene(({ shop }) => ({
      create: () => (shop.made.length === 0 ? shop.make() : Promise.reject(new Error('connect refused'))),
    }));
    const holder = await pool.acquire();
    const waiting = watch(pool.acquire());
    await clock.advance(5_000);
    expect(waiting.state).toBe('pending');
    holder.release();
    await clock.settle();
    expect(waiting.value.resource.id).toBe(1);
  });

  it('fails those who wait also while a resource that can serve nobody takes its time to close', async () => {
    const { pool, clock } = scene(({ shop }) => ({
      create: () => (shop.made.length === 0 ? shop.make() : Promise.reject(new Error('connect refused'))),
      destroy: () => never(),
    }));
    (await pool.acquire()).destroy();
    const waiting = watch(pool.acquire());
    await clock.advance(200);
    expect(pool.stats()).toMatchObject({ live: 1, closing: 1 });
    expect(waiting.error.code).toBe('CREATE_FAILED');
  });

  it('counts attempts that ran side by side as one round', async () => {
    const { pool, clock } = scene(({ clock }) => ({
      failFastAfter: 2,
      create: async () => {
        await delayed(clock, 10, () => {});
        throw new Error('connect refused');
      },
    }));
    const callers = Array.from({ length: 8 }, () => watch(pool.acquire()));
    await clock.advance(10);
    expect(pool.stats().counters.createFailures).toBe(8);
    expect(callers.map(({ state }) => state)).not.toContain('rejected');
  });

  it('is trusted again as soon as one attempt succeeds', async () => {
    const attempts: PromiseWithResolvers<Resource>[] = [];
    const { pool, clock, shop } = scene(() => ({
      backoffMs: 5_000,
      create: () => {
        const attempt = Promise.withResolvers<Resource>();
        attempts.push(attempt);
        return attempt.promise;
      },
    }));
    for (let i = 0; i < 3; i++) watch(pool.acquire());
    expect(attempts).toHaveLength(3);
    attempts[0]?.reject(new Error('connect refused'));
    await clock.settle();
    attempts[1]?.resolve(shop.make());
    attempts[2]?.resolve(shop.make());
    await clock.advance(100);
    expect(pool.stats()).toMatchObject({ leased: 2, waiting: 1 });
    expect(attempts.length).toBeGreaterThan(3);
  });
});

describe('resources kept ready', () => {
  it('are opened in the background, before anybody asks', async () => {
    const { pool, clock } = scene(({ clock, shop }) => ({
      minIdle: 3,
      create: () => delayed(clock, 20, () => shop.make()),
    }));
    expect(pool.stats()).toMatchObject({ creating: 3, idle: 0 });
    await clock.advance(20);
    expect(pool.stats()).toMatchObject({ creating: 0, idle: 3 });
  });

  it('are replaced by the housekeeper when they are borrowed', async () => {
    const { pool, clock } = scene(() => ({ size: 4, minIdle: 2 }));
    await pool.acquire();
    expect(pool.stats()).toMatchObject({ idle: 1 });
    await clock.advance(1_000);
    expect(pool.stats()).toMatchObject({ idle: 2, leased: 1 });
  });

  it('never make the pool larger than its size', async () => {
    const { pool, clock } = scene(() => ({ size: 3, minIdle: 2 }));
    await pool.acquire();
    await pool.acquire();
    await clock.advance(5_000);
    expect(pool.stats()).toMatchObject({ live: 3, idle: 1 });
  });

  it('are waited for by warm', async () => {
    const { pool, clock } = scene(({ clock, shop }) => ({
      minIdle: 3,
      maxCreating: 1,
      create: () => delayed(clock, 20, () => shop.make()),
    }));
    const warm = watch(pool.warm());
    await clock.advance(59);
    expect(warm.state).toBe('pending');
    await clock.advance(1);
    expect(warm.value).toBe(3);
  });

  it('make warm fail with the reason when they cannot be opened', async () => {
    const refused = new Error('connect refused');
    const { pool, clock } = scene(() => ({ minIdle: 1, create: () => Promise.reject(refused) }));
    const warm = watch(pool.warm());
    await clock.settle();
    expect(warm.error).toMatchObject({ code: 'CREATE_FAILED', cause: refused });
    expect(warm.error.message).toContain('opening a resource failed: connect refused');
  });

  it('are tried again by warm after an earlier failure', async () => {
    let up = false;
    const { pool, clock } = scene(({ shop }) => ({
      minIdle: 1,
      create: () => (up ? Promise.resolve(shop.make()) : Promise.reject(new Error('connect refused'))),
    }));
    await expect(pool.warm()).rejects.toMatchObject({ code: 'CREATE_FAILED' });
    up = true;
    await clock.advance(100);
    await expect(pool.warm()).resolves.toBe(1);
  });

  it('come by themselves when the server is back, also after a long time', async () => {
    let up = false;
    const { pool, clock } = scene(({ shop }) => ({
      minIdle: 2,
      create: () => (up ? shop.make() : Promise.reject(new Error('connect refused'))),
    }));
    await clock.advance(600_000);
    up = true;
    await clock.advance(10_000);
    expect(pool.stats()).toMatchObject({ idle: 2 });
  });

  it('are not promised by a pool that is closed', async () => {
    const { pool } = scene(() => ({ minIdle: 1 }));
    await pool.close();
    await expect(pool.warm()).rejects.toMatchObject({ code: 'POOL_CLOSED' });
  });
});

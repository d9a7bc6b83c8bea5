// The situations in which pools that are in use today give one connection to two, wait for ever, or hammer a dead server.
import { describe, expect, it } from 'vitest';
import { verifyPool } from '@hive/pool/testing';
import { delayed, never, scene } from './support/scene.ts';
import { watch } from './support/watched.ts';

const ONE = { size: 1, maxOverflow: 0 } as const;

describe('where other pools fail', () => {
  it('a second release does not make one resource two leases', async () => {
    const { pool, clock } = scene(() => ONE);
    const careless = await pool.acquire({ owner: 'careless' });
    careless.release();
    const second = watch(pool.acquire());
    const third = watch(pool.acquire());
    await clock.settle();
    careless.release();
    await clock.settle();
    expect([second.state, third.state]).toEqual(['fulfilled', 'pending']);
    second.value.release();
    await clock.settle();
    expect(third.state).toBe('fulfilled');
  });

  it('asking a closed pool fails at once, and opens nothing again', async () => {
    const { pool, clock, shop } = scene();
    await pool.close();
    const refused = watch(pool.acquire());
    await clock.settle();
    expect(refused.error.code).toBe('POOL_CLOSED');
    expect(shop.made).toHaveLength(0);
  });

  it('whoever waits when the pool closes is told at once', async () => {
    const { pool, clock } = scene(() => ONE);
    await pool.acquire();
    const waiting = watch(pool.acquire());
    void pool.close();
    await clock.settle();
    expect(waiting.error.code).toBe('POOL_CLOSED');
  });

  it('a server that is down is not asked in a hot loop', async () => {
    let attempts = 0;
    const { pool, clock } = scene(() => ({
      create: () => {
        attempts++;
        return Promise.reject(new Error('connect refused'));
      },
    }));
    const waiting = watch(pool.acquire());
    await clock.advance(400);
    expect(waiting.error.code).toBe('CREATE_FAILED');
    expect(attempts).toBe(3);
  });

  it('an exhausted pool and a server that is down are two errors', async () => {
    const full = scene(() => ({ ...ONE, acquireTimeoutMs: 100 }));
    await full.pool.acquire();
    const down = scene(() => ({ acquireTimeoutMs: 100, create: () => Promise.reject(new Error('connect refused')) }));
    const [exhausted, refused] = [watch(full.pool.acquire()), watch(down.pool.acquire())];
    await full.clock.advance(100);
    await down.clock.advance(100);
    expect([exhausted.error.code, refused.error.code]).toEqual(['POOL_TIMEOUT', 'CREATE_FAILED']);
  });

  it('a check that throws once costs one resource, not a place in the pool', async () => {
    let checks = 0;
    const { pool, clock } = scene(() => ({
      ...ONE,
      validateAfterIdleMs: 0,
      validate: () => {
        if (++checks === 1) throw new Error('connection lost');
        return true;
      },
    }));
    for (let i = 0; i < 5; i++) {
      const lease = watch(pool.acquire({ timeoutMs: 100 }));
      await clock.advance(20);
      lease.value.release();
    }
    expect(pool.stats()).toMatchObject({ live: 1, idle: 1, counters: { validationFailures: 1, created: 2 } });
  });

  it('there are never more resources than the limit while old ones are closing', async () => {
    let alive = 0;
    let most = 0;
    const { pool, clock } = scene(({ clock, shop }) => ({
      size: 2,
      maxOverflow: 0,
      create: () => {
        most = Math.max(most, ++alive);
        return shop.make();
      },
      destroy: async () => {
        await delayed(clock, 50, () => {});
        alive--;
      },
    }));
    const work = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) (await pool.acquire()).destroy();
    };
    const done = watch(Promise.all([work(), work(), work()]));
    await clock.advance(5_000);
    expect(done.state).toBe('fulfilled');
    expect(most).toBe(2);
  });

  it('a connect that hangs does not take its place for ever', async () => {
    let attempts = 0;
    const { pool, clock } = scene(({ shop }) => ({
      ...ONE,
      createTimeoutMs: 1_000,
      create: () => (++attempts === 1 ? never() : shop.make()),
    }));
    const waiting = watch(pool.acquire());
    await clock.advance(1_100);
    expect(waiting.value.resource.id).toBe(1);
  });

  it('a close that never ends does not strand those who wait', async () => {
    const { pool, clock } = scene(() => ({ ...ONE, destroyTimeoutMs: 1_000, destroy: () => never() }));
    const holder = await pool.acquire();
    const waiting = watch(pool.acquire());
    holder.destroy();
    await clock.advance(1_000);
    expect(waiting.value.resource.id).toBe(2);
  });

  it('a resource that its holder closed does not take its place for ever', async () => {
    const { pool } = scene(() => ONE);
    for (let i = 1; i <= 5; i++) {
      const lease = await pool.acquire({ timeoutMs: 0 });
      expect(lease.resource.id).toBe(i);
      lease.destroy();
    }
  });

  it('one release wakes one waiter, and the deadlines of the others stand', async () => {
    const { pool, clock } = scene(() => ({ ...ONE, acquireTimeoutMs: 200 }));
    const holder = await pool.acquire();
    const ended: number[] = [];
    for (let i = 0; i < 4; i++)
      pool.acquire().then(
        (lease) => {
          clock.after(60, () => {
            lease.release();
          });
        },
        () => {
          ended.push(clock.now());
        },
      );
    await clock.advance(60);
    holder.release();
    await clock.advance(1_000);
    expect(ended).toEqual([200]);
  });

  it('a larger limit wakes those who wait', async () => {
    const { pool, clock } = scene(() => ONE);
    await pool.acquire();
    const waiting = watch(pool.acquire());
    await pool.resize({ maxOverflow: 1 });
    await clock.settle();
    expect(waiting.value.resource.id).toBe(2);
  });

  it('a wait that ends at the moment of a release loses no resource', async () => {
    const { pool, clock } = scene(() => ONE);
    for (let i = 0; i < 20; i++) {
      const holder = await pool.acquire();
      clock.after(i % 2 === 0 ? 50 : 51, () => {
        holder.release();
      });
      const waiting = watch(pool.acquire({ timeoutMs: 50 }));
      await clock.advance(60);
      if (waiting.state === 'fulfilled') waiting.value.release();
      expect(pool.stats()).toMatchObject({ idle: 1, leased: 0, waiting: 0 });
    }
  });

  it('a hundred waits on one signal leave no warning and no listener', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error): void => {
      warnings.push(warning);
    };
    process.on('warning', listen);
    const { pool, clock } = scene(() => ONE);
    await pool.acquire();
    const controller = new AbortController();
    const waiting = Array.from({ length: 100 }, () => watch(pool.acquire({ signal: controller.signal })));
    await clock.settle();
    controller.abort();
    await clock.settle();
    process.off('warning', listen);
    expect(waiting.every(({ error }) => error.code === 'ABORTED')).toBe(true);
    expect(warnings).toEqual([]);
  });

  it('a borrower who asks for a second resource while it holds the last learns that it waits for itself', async () => {
    const { pool, clock } = scene(() => ({ ...ONE, acquireTimeoutMs: 1_000 }));
    await pool.acquire({ owner: 'move stock' });
    const nested = watch(pool.acquire({ owner: 'move stock' }));
    await clock.advance(1_000);
    expect(nested.error.holders).toMatchObject([{ owner: 'move stock', ageMs: 1_000 }]);
  });

  it('what one borrower leaves behind does not reach the next', async () => {
    const open = new Set<number>();
    const { pool, clock } = scene(() => ({
      ...ONE,
      reset: async (resource) => {
        await Promise.resolve();
        open.delete(resource.id);
      },
    }));
    const first = await pool.acquire();
    open.add(first.resource.id);
    const second = watch(pool.acquire());
    first.release();
    await clock.settle();
    expect(open.has(second.value.resource.id)).toBe(false);
  });

  it('an outage costs the pool one failed check, not one for each resource', async () => {
    const { pool, clock } = scene(() => ({ size: 20, validate: (resource) => resource.id > 20 }));
    const leases = await Promise.all(Array.from({ length: 20 }, () => pool.acquire()));
    for (const lease of leases) lease.release();
    await clock.advance(60_000);
    const after = Array.from({ length: 20 }, () => watch(pool.acquire()));
    await clock.advance(100);
    expect(after.every(({ value }) => value.resource.id > 20)).toBe(true);
    expect(pool.stats().counters).toMatchObject({ validations: 1, validationFailures: 1 });
    verifyPool(pool);
  });

  it('three resources that shall be ready are ready', async () => {
    const { pool } = scene(() => ({ minIdle: 3 }));
    expect(await pool.warm()).toBe(3);
    expect(pool.stats().idle).toBe(3);
  });
});

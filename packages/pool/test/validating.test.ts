import { describe, expect, it } from 'vitest';
import { verifyPool } from '@hive/pool/testing';
import { delayed, never, scene } from './support/scene.ts';
import { watch } from './support/watched.ts';
import type { Resource } from './support/workshop.ts';

describe('validating', () => {
  it('checks a resource that has lain idle before it is handed out', async () => {
    const checked: number[] = [];
    const { pool, clock } = scene(() => ({
      validate: (resource) => {
        checked.push(resource.id);
        return true;
      },
    }));
    (await pool.acquire()).release();
    await clock.advance(500);
    using lease = await pool.acquire();
    expect(checked).toEqual([1]);
    expect(lease.resource.id).toBe(1);
    expect(pool.stats().counters).toMatchObject({ validations: 1, validationFailures: 0 });
  });

  it('trusts what was used just now', async () => {
    const { pool, clock } = scene(() => ({ validate: () => true }));
    (await pool.acquire()).release();
    await clock.advance(499);
    (await pool.acquire()).release();
    expect(pool.stats().counters.validations).toBe(0);
  });

  it('counts the idle time from the return, also of a use that is not timed', async () => {
    const { pool, clock } = scene(() => ({ validate: () => true }));
    (await pool.acquire()).release();
    const lease = await pool.acquire();
    clock.block(700);
    lease.release();
    pool.tryAcquire()?.release();
    expect(pool.stats().counters).toMatchObject({ immediate: 2, validations: 0 });
  });

  it('does not check a resource that was opened just now', async () => {
    const { pool } = scene(() => ({ validate: () => false }));
    expect((await pool.acquire()).resource.id).toBe(1);
  });

  it('checks every time when told to', async () => {
    const { pool } = scene(() => ({ validate: () => true, validateAfterIdleMs: 0 }));
    for (let i = 0; i < 3; i++) (await pool.acquire()).release();
    expect(pool.stats().counters.validations).toBe(2);
  });

  it.each([
    ['says no', () => false],
    ['says no later', () => Promise.resolve(false)],
    [
      'throws',
      () => {
        throw new Error('connection lost');
      },
    ],
    ['rejects', () => Promise.reject(new Error('connection lost'))],
  ])('replaces a resource whose check %s', async (_, validate) => {
    const { pool, clock, shop } = scene(() => ({ validate }));
    (await pool.acquire()).release();
    await clock.advance(600);
    const lease = watch(pool.acquire());
    await clock.advance(20);
    expect(lease.value.resource.id).toBe(2);
    expect(shop.alive).toEqual([2]);
    expect(pool.stats().counters).toMatchObject({ validationFailures: 1, destroyed: { invalid: 1 } });
    verifyPool(pool);
  });

  it('replaces a resource whose check never ends', async () => {
    const { pool, clock, shop } = scene(() => ({ validate: () => never(), validateTimeoutMs: 200 }));
    (await pool.acquire()).release();
    await clock.advance(600);
    pool.tryAcquire();
    await clock.advance(199);
    expect(pool.stats()).toMatchObject({ live: 1, validating: 1 });
    await clock.advance(1);
    expect(shop.alive).toEqual([]);
    expect((await pool.acquire()).resource.id).toBe(2);
  });

  it('condemns the whole generation when one of it fails, so that an outage costs one failure', async () => {
    let up = true;
    const { pool, clock, shop } = scene(() => ({ validate: () => up }));
    const leases = [await pool.acquire(), await pool.acquire(), await pool.acquire(), await pool.acquire()];
    const [, , , borrowed] = leases;
    for (const lease of leases.slice(0, 3)) lease.release();
    await clock.advance(600);
    up = false;
    const next = watch(pool.acquire());
    await clock.advance(20);
    expect(next.value.resource.id).toBe(5);
    expect(shop.alive).toEqual([4, 5]);
    expect(pool.stats()).toMatchObject({
      generation: 2,
      counters: { validationFailures: 1, destroyed: { invalid: 1, condemned: 2 } },
    });
    borrowed?.release();
    expect(shop.alive).toEqual([5]);
  });

  it('checks no other of a generation when one has failed, however its check answers', async () => {
    const { pool, clock } = scene(() => ({
      size: 4,
      maxOverflow: 0,
      validate: (resource) => Promise.resolve(resource.id > 4),
    }));
    for (const lease of await Promise.all(Array.from({ length: 4 }, () => pool.acquire()))) lease.release();
    await clock.advance(600);
    const waiting = watch(pool.acquire());
    await clock.settle();
    expect(waiting.value.resource.id).toBeGreaterThan(4);
    expect(pool.stats().counters).toMatchObject({ validations: 1, destroyed: { invalid: 1, condemned: 3 } });
  });

  it('condemns a generation once, however many of it fail', async () => {
    const checks: PromiseWithResolvers<boolean>[] = [];
    const { pool, clock } = scene(() => ({
      validate: () => {
        const check = Promise.withResolvers<boolean>();
        checks.push(check);
        return check.promise;
      },
    }));
    const leases = [await pool.acquire(), await pool.acquire()];
    for (const lease of leases) lease.release();
    await clock.advance(600);
    const callers = [watch(pool.acquire()), watch(pool.acquire())];
    checks[0]?.resolve(false);
    await clock.advance(100);
    checks[1]?.resolve(false);
    await clock.advance(100);
    expect(pool.stats().generation).toBe(2);
    expect(callers.map(({ value }) => value.resource.id)).toEqual([3, 4]);
  });

  it('closes a resource that was being opened when its generation was condemned', async () => {
    const slow = Promise.withResolvers<Resource>();
    const { pool, clock, shop } = scene(({ shop }) => ({
      create: () => (shop.made.length === 1 ? slow.promise : shop.make()),
      validate: () => false,
    }));
    const first = await pool.acquire();
    const opening = watch(pool.acquire({ timeoutMs: 300 }));
    await clock.advance(300);
    expect(opening.error.code).toBe('POOL_TIMEOUT');
    first.release();
    await clock.advance(600);
    pool.tryAcquire();
    slow.resolve(shop.make());
    await clock.settle();
    expect(shop.alive).toEqual([]);
    expect(pool.stats()).toMatchObject({ live: 0, generation: 2 });
  });

  it('keeps the resource for others when the one it was checked for has left', async () => {
    const { pool, clock } = scene(({ clock }) => ({
      size: 1,
      maxOverflow: 0,
      validate: () => delayed(clock, 50, () => true),
    }));
    (await pool.acquire()).release();
    await clock.advance(600);
    const late = watch(pool.acquire({ timeoutMs: 10 }));
    await clock.advance(10);
    const next = watch(pool.acquire());
    await clock.advance(40);
    expect(late.error.code).toBe('POOL_TIMEOUT');
    expect(next.value.resource.id).toBe(1);
  });

  it('gives what passed to whoever waits longest, not to the one it was checked for', async () => {
    const slow = Promise.withResolvers<boolean>();
    const { pool, clock } = scene(() => ({
      size: 2,
      maxOverflow: 0,
      validate: (resource) => (resource.id === 2 ? slow.promise : true),
    }));
    const leases = [await pool.acquire(), await pool.acquire()];
    for (const lease of leases) lease.release();
    await clock.advance(600);
    const first = watch(pool.acquire());
    const second = watch(pool.acquire());
    expect(pool.tryAcquire()).toBeUndefined();
    await clock.settle();
    expect([first.value.resource.id, second.state]).toEqual([1, 'pending']);
    slow.resolve(true);
    await clock.settle();
    expect(second.value.resource.id).toBe(2);
  });

  it('wakes whoever waits when a resource that passed has grown too old meanwhile', async () => {
    const checks: PromiseWithResolvers<boolean>[] = [];
    const { pool, clock } = scene(() => ({
      size: 2,
      maxOverflow: 0,
      maxLifetimeMs: 4_000,
      lifetimeJitter: 0,
      validate: () => {
        const check = Promise.withResolvers<boolean>();
        checks.push(check);
        return check.promise;
      },
      destroy: () => never(),
    }));
    const older = await pool.acquire();
    await clock.advance(900);
    const younger = await pool.acquire();
    younger.release();
    older.release();
    clock.block(3_000);
    const waiting = watch(pool.acquire());
    expect(pool.stats()).toMatchObject({ validating: 1, idle: 1 });
    clock.block(101);
    checks[0]?.resolve(true);
    await clock.settle();
    checks[1]?.resolve(true);
    await clock.settle();
    expect(pool.stats()).toMatchObject({ closing: 1, idle: 0 });
    expect(waiting.value.resource.id).toBe(2);
  });

  it('does not hand out what passed a check that suspended the pool', async () => {
    const { pool, clock } = scene(() => ({
      validateAfterIdleMs: 0,
      validate: () => {
        pool.suspend();
        return true;
      },
    }));
    (await pool.acquire()).release();
    expect(pool.tryAcquire()).toBeUndefined();
    const waiting = watch(pool.acquire());
    await clock.settle();
    expect(waiting.state).toBe('pending');
    expect(pool.stats()).toMatchObject({ status: 'suspended', idle: 1, leased: 0 });
  });

  it('does not hand out what passed a check that closed the pool', async () => {
    const { pool, clock, shop } = scene(() => ({
      validateAfterIdleMs: 0,
      validate: () => {
        void pool.close();
        return true;
      },
    }));
    (await pool.acquire()).release();
    const refused = watch(pool.acquire());
    await clock.settle();
    expect(refused.error.code).toBe('POOL_CLOSED');
    expect(pool.stats()).toMatchObject({ status: 'closed', live: 0 });
    expect(shop.alive).toEqual([]);
  });

  it('does not hand out what passed a check that condemned its generation', async () => {
    const { pool, clock } = scene(() => ({
      validateAfterIdleMs: 0,
      validate: () => {
        void pool.flush('graceful');
        return true;
      },
    }));
    (await pool.acquire()).release();
    const lease = watch(pool.acquire());
    await clock.settle();
    expect(lease.value.resource.id).toBe(2);
    verifyPool(pool);
  });

  it.each([true, false])('does nothing with the answer %s when the resource was taken away meanwhile', async (good) => {
    const check = Promise.withResolvers<boolean>();
    const { pool, clock, shop } = scene(() => ({ validate: () => check.promise }));
    (await pool.acquire()).release();
    await clock.advance(600);
    pool.tryAcquire();
    await pool.flush('all');
    check.resolve(good);
    await clock.settle();
    expect(shop.faults).toEqual([]);
    expect(pool.stats()).toMatchObject({ live: 0, generation: 2, counters: { validationFailures: 0 } });
    verifyPool(pool);
  });

  it('loses no resource when the one it was checked for leaves during the check', async () => {
    const controller = new AbortController();
    const { pool, clock } = scene(() => ({
      validate: () => {
        controller.abort();
        return true;
      },
    }));
    (await pool.acquire()).release();
    pool.suspend();
    const aborted = watch(pool.acquire({ signal: controller.signal }));
    await clock.advance(600);
    pool.resume();
    await clock.settle();
    expect(aborted.error.code).toBe('ABORTED');
    expect(pool.stats()).toMatchObject({ live: 1, idle: 1 });
    verifyPool(pool);
  });
});

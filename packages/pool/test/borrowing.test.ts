import { describe, expect, it } from 'vitest';
import type { Lease } from '@hive/pool';
import { verifyPool } from '@hive/pool/testing';
import { scene } from './support/scene.ts';
import type { Resource } from './support/workshop.ts';
import { watch } from './support/watched.ts';

describe('basic use: borrowing', () => {
  it('opens nothing before somebody asks', async () => {
    const { pool, clock, shop } = scene();
    await clock.advance(10_000);
    expect(shop.made).toHaveLength(0);
    using lease = await pool.acquire();
    expect(lease.resource.id).toBe(1);
    expect(pool.stats()).toMatchObject({ live: 1, leased: 1, idle: 0 });
  });

  it('hands a returned resource out again instead of opening another', async () => {
    const { pool, shop } = scene();
    (await pool.acquire()).release();
    (await pool.acquire()).release();
    expect(shop.made).toHaveLength(1);
    expect(pool.stats()).toMatchObject({ live: 1, leased: 0, idle: 1 });
  });

  it('hands out what was used last', async () => {
    const { pool } = scene();
    const [first, second, third] = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    first.release();
    third.release();
    second.release();
    const order = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    expect(order.map(({ resource }) => resource.id)).toEqual([2, 3, 1]);
  });

  it('never gives one resource to two borrowers', async () => {
    const { pool } = scene(() => ({ size: 3, maxOverflow: 2 }));
    const leases = await Promise.all(Array.from({ length: 5 }, () => pool.acquire()));
    expect(new Set(leases.map(({ resource }) => resource)).size).toBe(5);
  });

  it('gives every borrower a handle of its own', async () => {
    const { pool } = scene();
    const first = await pool.acquire();
    first.release();
    const second = await pool.acquire();
    expect(second.resource.id).toBe(1);
    expect(second).not.toBe(first);
    expect(second.id).not.toBe(first.id);
    expect([first.active, second.active]).toEqual([false, true]);
  });

  it('releases at the end of a using block, also when the block throws', async () => {
    const { pool } = scene();
    const work = async (): Promise<void> => {
      using lease = await pool.acquire();
      throw new Error(`failed on ${lease.resource.id}`);
    };
    await expect(work()).rejects.toThrow('failed on 1');
    expect(pool.stats()).toMatchObject({ leased: 0, idle: 1 });
  });

  it('destroys a resource that its borrower calls broken, and opens another for the next', async () => {
    const { pool, shop } = scene();
    const lease = await pool.acquire();
    lease.destroy();
    expect(shop.alive).toEqual([]);
    expect(pool.stats()).toMatchObject({ live: 0, counters: { destroyed: { caller: 1 } } });
    using next = await pool.acquire();
    expect(next.resource.id).toBe(2);
  });

  it('lists the leases with their owners, longest first', async () => {
    const { pool, clock } = scene();
    await pool.acquire({ owner: 'first' });
    await clock.advance(300);
    await pool.acquire({ owner: 'second' });
    await clock.advance(200);
    const [first, second] = pool.leases();
    expect(first).toMatchObject({ owner: 'first', resourceId: 1, ageMs: 500 });
    expect(second).toMatchObject({ owner: 'second', resourceId: 2, ageMs: 200 });
  });
});

describe('a lease that has ended', () => {
  it('can be released again without effect, which is counted', async () => {
    const { pool } = scene();
    const lease = await pool.acquire();
    lease.release();
    lease.release();
    lease.destroy();
    lease[Symbol.dispose]();
    expect(pool.stats()).toMatchObject({ leased: 0, idle: 1, live: 1, counters: { staleReleases: 3 } });
    verifyPool(pool);
  });

  it('neither releases nor shows the resource of the next borrower', async () => {
    const { pool } = scene(() => ({ size: 1, maxOverflow: 0 }));
    const first = await pool.acquire();
    first.release();
    const second = await pool.acquire();
    first.release();
    first.destroy();
    expect(first.active).toBe(false);
    expect(() => first.resource).toThrow(expect.objectContaining({ code: 'LEASE_STALE' }));
    expect(second.active).toBe(true);
    expect(pool.tryAcquire()).toBeUndefined();
    expect(pool.stats()).toMatchObject({ leased: 1, idle: 0 });
  });

  it('throws when its resource is asked for, and says whose it was', async () => {
    const { pool } = scene(() => ({ name: 'readers' }));
    const lease = await pool.acquire({ owner: 'nightly import' });
    lease.release();
    expect(() => lease.resource).toThrow(
      expect.objectContaining({
        code: 'LEASE_STALE',
        retryable: false,
        message: expect.stringMatching(/^pool "readers": lease 1 of nightly import was released/) as string,
      }),
    );
  });

  it('names both places when they were captured', async () => {
    const { pool } = scene();
    const borrowHere = (): Promise<Lease<Resource>> => pool.acquire({ capture: true });
    const lease = await borrowHere();
    const returnHere = (): void => {
      lease.release();
    };
    expect(pool.leases()[0]?.acquiredAt).toMatch(/borrowHere/);
    returnHere();
    expect(() => lease.resource).toThrow(/borrowHere[^]*returnHere/);
  });

  it('names the place of the borrower who waited, not of the one who made room', async () => {
    const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0 }));
    const holder = await pool.acquire();
    const waitHere = (): Promise<Lease<Resource>> => pool.acquire({ capture: true });
    const makeRoomHere = (): void => {
      holder.release();
    };
    const waiting = waitHere();
    makeRoomHere();
    await clock.settle();
    const place = pool.leases()[0]?.acquiredAt;
    expect(place).toMatch(/waitHere/);
    expect(place).not.toMatch(/makeRoomHere/);
    (await waiting).release();
  });

  it('tells a destroyed and a revoked lease from a released one', async () => {
    const { pool } = scene();
    const [released, destroyed, revoked] = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    released.release();
    destroyed.destroy();
    await pool.flush('all');
    expect(() => released.resource).toThrow(/was released; .*somebody else/);
    expect(() => destroyed.resource).toThrow(/was destroyed; .*gone/);
    expect(() => revoked.resource).toThrow(/was revoked by flush\('all'\); .*gone/);
  });

  it('is not told how a later lease on its resource ended', async () => {
    const { pool } = scene();
    const earlier = await pool.acquire();
    earlier.release();
    (await pool.acquire()).destroy();
    expect(() => earlier.resource).toThrow(/^pool "pool": lease 1 was released; .*somebody else/);
  });

  it('names where it was acquired, and where it was taken away, when nobody has asked for that', async () => {
    const { pool } = scene(() => ({ captureEvery: 1 }));
    const borrowHere = (): Promise<Lease<Resource>> => pool.acquire();
    const [returned, destroyed] = [await borrowHere(), await borrowHere()];
    const endHere = (): void => {
      returned.release();
      destroyed.destroy();
    };
    endHere();
    // A stack for each lease that is given back as usual would double the price of the sample.
    expect(() => returned.resource).toThrow(/borrowHere/);
    expect(() => returned.resource).not.toThrow(/endHere/);
    expect(() => destroyed.resource).toThrow(/borrowHere[^]*endHere/);
  });
});

describe('borrowing without waiting', () => {
  it('gives what is idle, at once', async () => {
    const { pool } = scene();
    (await pool.acquire()).release();
    const lease = pool.tryAcquire({ owner: 'reader' });
    expect(lease?.resource.id).toBe(1);
    expect(pool.leases()[0]?.owner).toBe('reader');
  });

  it('never opens a resource', () => {
    const { pool, shop } = scene();
    expect(pool.tryAcquire()).toBeUndefined();
    expect(shop.made).toHaveLength(0);
  });

  it('gives nothing while everything is borrowed, suspended or closed', async () => {
    const { pool } = scene(() => ({ size: 1, maxOverflow: 0 }));
    const lease = await pool.acquire();
    expect(pool.tryAcquire()).toBeUndefined();
    lease.release();
    pool.suspend();
    expect(pool.tryAcquire()).toBeUndefined();
    pool.resume();
    pool.tryAcquire()?.release();
    await pool.close();
    expect(pool.tryAcquire()).toBeUndefined();
    expect(pool.stats().counters.immediate).toBe(1);
  });

  it('has the resource validated for the next time when its state is not known', async () => {
    const check = Promise.withResolvers<boolean>();
    const { pool, clock } = scene(() => ({ validate: () => check.promise }));
    (await pool.acquire()).release();
    await clock.advance(600);
    expect(pool.tryAcquire()).toBeUndefined();
    expect(pool.stats()).toMatchObject({ validating: 1 });
    check.resolve(true);
    await clock.settle();
    expect(pool.tryAcquire()?.resource.id).toBe(1);
  });

  it('does not overtake those who wait', async () => {
    const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0 }));
    const holder = await pool.acquire();
    const waiting = watch(pool.acquire());
    holder.release();
    expect(pool.tryAcquire()).toBeUndefined();
    await clock.settle();
    expect(waiting.value.resource.id).toBe(1);
  });
});

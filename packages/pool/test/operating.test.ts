import { describe, expect, it } from 'vitest';
import type { Lease, Pool, PoolObserver, Timer } from '@hive/pool';
import { verifyPool, VirtualClock } from '@hive/pool/testing';
import { delayed, never, scene } from './support/scene.ts';
import type { Resource } from './support/workshop.ts';
import { watch } from './support/watched.ts';

/** A clock that knows which timers are neither fired nor cancelled. */
class Tracking extends VirtualClock {
  readonly pending = new Set<Timer>();

  override after(delayMs: number, callback: () => void): Timer {
    const timer = super.after(delayMs, () => {
      this.pending.delete(tracked);
      callback();
    });
    const tracked = {
      ...timer,
      cancel: () => {
        this.pending.delete(tracked);
        timer.cancel();
      },
    };
    this.pending.add(tracked);
    return tracked;
  }
}

async function borrowAll(pool: Pool<Resource>, count: number): Promise<Lease<Resource>[]> {
  return Promise.all(Array.from({ length: count }, () => pool.acquire()));
}

describe('resizing', () => {
  it('up serves those who wait', async () => {
    const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0 }));
    await pool.acquire();
    const waiting = [watch(pool.acquire()), watch(pool.acquire())];
    await pool.resize({ size: 3 });
    await clock.settle();
    expect(waiting.map(({ value }) => value.resource.id)).toEqual([2, 3]);
    expect(pool.stats()).toMatchObject({ size: 3, maxOverflow: 0, live: 3 });
  });

  it('down closes what is idle now, and what is in use when it comes back', async () => {
    const { pool, shop } = scene(() => ({ size: 4, maxOverflow: 0 }));
    const leases = await borrowAll(pool, 4);
    leases[0]?.release();
    await pool.resize({ size: 2 });
    expect(shop.alive).toEqual([2, 3, 4]);
    leases[1]?.release();
    expect(shop.alive).toEqual([3, 4]);
    leases[2]?.release();
    leases[3]?.release();
    expect(pool.stats()).toMatchObject({ live: 2, idle: 2 });
  });

  it('down keeps as many as it should when closing takes time', async () => {
    const { pool, clock, shop } = scene(({ clock }) => ({
      size: 6,
      maxOverflow: 0,
      destroy: (resource) =>
        delayed(clock, 100, () => {
          resource.end();
        }),
    }));
    const leases = await borrowAll(pool, 6);
    await pool.resize({ size: 2 });
    for (const lease of leases) lease.release();
    await clock.advance(100);
    expect(shop.alive).toHaveLength(2);
    expect(pool.stats()).toMatchObject({ live: 2, idle: 2 });
  });

  it('down takes what is closing already for gone', async () => {
    const { pool, shop } = scene(() => ({ size: 4, maxOverflow: 0, destroy: () => never() }));
    const leases = await borrowAll(pool, 4);
    leases[0]?.destroy();
    leases[1]?.destroy();
    leases[2]?.release();
    leases[3]?.release();
    await pool.resize({ size: 2 });
    expect(shop.made).toHaveLength(4);
    expect(pool.stats()).toMatchObject({ live: 4, closing: 2, idle: 2 });
  });

  it('up opens what is to be kept ready', async () => {
    const { pool } = scene(() => ({ size: 2, maxOverflow: 0, minIdle: 2 }));
    await borrowAll(pool, 2);
    expect(pool.stats().idle).toBe(0);
    await pool.resize({ size: 4 });
    expect(pool.stats()).toMatchObject({ leased: 2, idle: 2 });
  });

  it('down resolves when what was idle is closed', async () => {
    const { pool, clock } = scene(({ clock }) => ({
      size: 2,
      maxOverflow: 0,
      destroy: () => delayed(clock, 100, () => {}),
    }));
    for (const lease of await borrowAll(pool, 2)) lease.release();
    const resized = watch(pool.resize({ size: 1 }));
    await clock.advance(99);
    expect(resized.state).toBe('pending');
    await clock.advance(1);
    expect(resized.state).toBe('fulfilled');
  });

  it('down does not hand out what was being opened beyond the new limit', async () => {
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      size: 2,
      maxOverflow: 0,
      create: () => delayed(clock, 100, () => shop.make()),
    }));
    const callers = [watch(pool.acquire()), watch(pool.acquire())];
    await pool.resize({ size: 1 });
    await clock.advance(200);
    expect(callers.map(({ state }) => state)).toEqual(['fulfilled', 'pending']);
    expect(shop.alive).toHaveLength(1);
    expect(pool.stats().live).toBe(1);
  });

  it('changes only what it names', async () => {
    const { pool } = scene(() => ({ size: 3, maxOverflow: 2 }));
    await pool.resize({ maxOverflow: 5 });
    expect(pool.stats()).toMatchObject({ size: 3, maxOverflow: 5 });
  });

  it('refuses wrong limits and keeps the old ones', async () => {
    const { pool } = scene(() => ({ size: 3, minIdle: 2 }));
    await expect(pool.resize({ size: 0 })).rejects.toThrow(
      'pool option size is 0; expected a whole number from 1 to 1000000',
    );
    await expect(pool.resize({ size: null as unknown as number })).rejects.toThrow(
      'pool option size is null; expected',
    );
    await expect(pool.resize({ maxOverflow: 1.5 })).rejects.toThrow(
      'pool option maxOverflow is 1.5; expected a whole number from 0 to 1000000',
    );
    await expect(pool.resize({ size: 1 })).rejects.toThrow(
      'pool option size is 1; expected at least minIdle, which is 2',
    );
    expect(pool.stats()).toMatchObject({ size: 3, maxOverflow: 8 });
  });
});

describe('suspending', () => {
  it('lets callers wait and leases go on, until it resumes', async () => {
    const { pool, clock } = scene();
    const before = await pool.acquire();
    pool.suspend();
    const waiting = [watch(pool.acquire()), watch(pool.acquire())];
    before.release();
    await clock.settle();
    expect(waiting.map(({ state }) => state)).toEqual(['pending', 'pending']);
    expect(pool.stats()).toMatchObject({ status: 'suspended', idle: 1, waiting: 2 });
    pool.resume();
    await clock.advance(20);
    expect(waiting.map(({ value }) => value.resource.id)).toEqual([1, 2]);
    expect(pool.stats().status).toBe('open');
    verifyPool(pool);
  });

  it('opens nothing, and keeps what was being opened', async () => {
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      create: () => delayed(clock, 100, () => shop.make()),
    }));
    const waiting = watch(pool.acquire());
    pool.suspend();
    watch(pool.acquire());
    await clock.advance(5_000);
    expect(shop.made).toHaveLength(1);
    expect(pool.stats()).toMatchObject({ idle: 1, waiting: 2 });
    pool.resume();
    await clock.settle();
    expect(waiting.value.resource.id).toBe(1);
  });

  it('ends the wait of callers with a word of its own', async () => {
    const { pool, clock } = scene(() => ({ acquireTimeoutMs: 200 }));
    pool.suspend();
    const late = watch(pool.acquire());
    await clock.advance(200);
    expect(late.error).toMatchObject({ code: 'POOL_SUSPENDED', retryable: true });
    expect(late.error.message).toContain('the pool is suspended and no resource came free within 200 ms');
  });

  it('checks what has lain idle before it hands it out again', async () => {
    const checked: number[] = [];
    const { pool, clock } = scene(({ clock }) => ({
      size: 2,
      maxOverflow: 0,
      validate: (resource) => {
        checked.push(resource.id);
        return delayed(clock, 10, () => true);
      },
    }));
    for (const lease of await borrowAll(pool, 2)) lease.release();
    pool.suspend();
    const waiting = watch(pool.acquire());
    await clock.advance(2_000);
    pool.resume();
    await clock.advance(10);
    expect(checked).toEqual([2]);
    expect(waiting.value.resource.id).toBe(2);
  });

  it('again from a hook that runs while the pool resumes leaves it suspended', async () => {
    const { pool, clock } = scene(() => ({
      validate: () => {
        pool.suspend();
        return true;
      },
    }));
    (await pool.acquire()).release();
    pool.suspend();
    const waiting = watch(pool.acquire());
    await clock.advance(600);
    pool.resume();
    await clock.settle();
    expect(waiting.state).toBe('pending');
    expect(pool.stats()).toMatchObject({ status: 'suspended', idle: 1, waiting: 1 });
  });

  it('from a hook that opens a resource stops the opening of more', async () => {
    const { pool, clock, shop } = scene(({ shop }) => ({
      create: () => {
        pool.suspend();
        return shop.make();
      },
    }));
    const waiting = [watch(pool.acquire()), watch(pool.acquire())];
    await clock.settle();
    expect(shop.made).toHaveLength(1);
    pool.resume();
    await clock.settle();
    expect(waiting[0]?.value.resource.id).toBe(1);
    verifyPool(pool);
  });

  it('and resuming within a hook forgets nobody who waits', async () => {
    const { pool, clock } = scene(({ shop }) => ({
      size: 2,
      maxOverflow: 0,
      create: () => {
        pool.suspend();
        holder?.release();
        pool.resume();
        return shop.make();
      },
    }));
    let holder: Lease<Resource> | undefined;
    holder = await pool.acquire();
    pool.suspend();
    const waiting = [watch(pool.acquire()), watch(pool.acquire())];
    pool.resume();
    await clock.settle();
    expect(waiting.map(({ value }) => value.resource.id)).toEqual([2, 1]);
    verifyPool(pool);
  });

  it('from the end of a resource that has grown too old hands out no other', async () => {
    const { pool, clock } = scene(() => ({
      maxLifetimeMs: 4_000,
      lifetimeJitter: 0,
      timeEvery: 1,
      destroy: () => {
        pool.suspend();
      },
    }));
    const older = await pool.acquire();
    await clock.advance(900);
    const younger = await pool.acquire();
    younger.release();
    older.release();
    clock.block(3_200);
    expect(pool.tryAcquire()).toBeUndefined();
    expect(pool.stats()).toMatchObject({ status: 'suspended', idle: 1, leased: 0 });
  });

  it('twice is suspending once, and resuming an open pool does nothing', () => {
    const { pool } = scene();
    pool.resume();
    pool.suspend();
    pool.suspend();
    expect(pool.stats().status).toBe('suspended');
    pool.resume();
    expect(pool.stats().status).toBe('open');
  });

  it('does not open a closed pool again', async () => {
    const { pool } = scene();
    await pool.close();
    pool.suspend();
    pool.resume();
    expect(pool.stats().status).toBe('closed');
  });
});

describe('flushing', () => {
  it("'idle' destroys what nobody uses", async () => {
    const { pool, shop } = scene();
    const leases = await borrowAll(pool, 3);
    leases[0]?.release();
    leases[1]?.release();
    await expect(pool.flush('idle')).resolves.toEqual({ destroyed: 2, revoked: [] });
    expect(shop.alive).toEqual([3]);
    expect(leases[2]?.active).toBe(true);
    expect(pool.stats()).toMatchObject({ generation: 1, counters: { destroyed: { flushed: 2 } } });
  });

  it("'graceful' destroys everything, but lets leases finish", async () => {
    const { pool, shop } = scene();
    const leases = await borrowAll(pool, 2);
    leases[0]?.release();
    await expect(pool.flush('graceful')).resolves.toEqual({ destroyed: 1, revoked: [] });
    expect(leases[1]?.resource.id).toBe(2);
    leases[1]?.release();
    expect(shop.alive).toEqual([]);
    expect((await pool.acquire()).resource.id).toBe(3);
  });

  it("'leaked' takes away what is held too long, and only that", async () => {
    const { pool, clock, shop } = scene(() => ({ leakThresholdMs: 30_000 }));
    const leaked = await pool.acquire({ owner: 'forgetful' });
    const long = await pool.acquire({ owner: 'nightly import', allowedMs: 600_000 });
    await clock.advance(29_999);
    const young = await pool.acquire();
    (await pool.acquire()).release();
    await clock.advance(1);
    const report = await pool.flush('leaked');
    expect(report).toMatchObject({ destroyed: 1, revoked: [{ owner: 'forgetful', ageMs: 30_000 }] });
    expect([leaked.active, young.active, long.active]).toEqual([false, true, true]);
    expect(shop.alive).toEqual([2, 3, 4]);
    await clock.advance(570_000);
    young.release();
    await expect(pool.flush('leaked')).resolves.toMatchObject({
      revoked: [{ owner: 'nightly import', allowedMs: 600_000 }],
    });
  });

  it("'all' takes everything from everybody, and harms no later borrower", async () => {
    const { pool, clock, shop } = scene(() => ({ size: 2, maxOverflow: 0 }));
    const held = await pool.acquire({ owner: 'stuck', allowedMs: 600_000 });
    (await pool.acquire()).release();
    const report = await pool.flush('all');
    expect(report).toMatchObject({ destroyed: 2, revoked: [{ owner: 'stuck' }] });
    expect(shop.alive).toEqual([]);
    const next = await pool.acquire();
    held.release();
    await clock.settle();
    expect(() => held.resource).toThrow(/revoked by flush\('all'\)/);
    expect(next.resource.id).toBe(3);
    expect(next.active).toBe(true);
    expect(pool.stats().counters).toMatchObject({ revoked: 1, staleReleases: 1 });
  });

  it("'all' also takes what is being checked, reset or opened", async () => {
    let hang = false;
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      size: 3,
      maxOverflow: 0,
      validate: () => (hang ? never() : true),
      reset: () => (hang ? never<void>() : undefined),
      create: () => (shop.made.length < 2 ? shop.make() : delayed(clock, 50, () => shop.make())),
    }));
    const [first, second] = await borrowAll(pool, 2);
    first?.release();
    await clock.advance(600);
    hang = true;
    second?.release();
    const waiting = watch(pool.acquire());
    await clock.advance(20);
    expect(pool.stats()).toMatchObject({ validating: 1, resetting: 1, creating: 1 });
    const flushed = watch(pool.flush('all'));
    await clock.settle();
    expect(flushed.value.destroyed).toBe(2);
    expect(shop.alive).toEqual([]);
    await clock.advance(200);
    expect(waiting.value.resource.id).toBeGreaterThan(2);
    expect(shop.alive).toEqual([waiting.value.resource.id]);
    verifyPool(pool);
  });

  it('opens again what is to be kept ready', async () => {
    const { pool } = scene(() => ({ minIdle: 2 }));
    await pool.flush('idle');
    expect(pool.stats()).toMatchObject({ idle: 2, counters: { destroyed: { flushed: 2 } } });
  });

  it('serves those who wait with new resources', async () => {
    const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0 }));
    await pool.acquire();
    const waiting = watch(pool.acquire());
    await pool.flush('all');
    await clock.settle();
    expect(waiting.value.resource.id).toBe(2);
  });

  it('resolves when what it destroys is closed, and counts nothing else', async () => {
    const { pool, clock } = scene(({ clock }) => ({ destroy: () => delayed(clock, 100, () => {}) }));
    const leases = await borrowAll(pool, 2);
    leases[0]?.destroy();
    await clock.advance(50);
    leases[1]?.release();
    const flushed = watch(pool.flush('idle'));
    await clock.advance(99);
    expect(flushed.state).toBe('pending');
    await clock.advance(1);
    expect(flushed.value).toEqual({ destroyed: 1, revoked: [] });
  });

  it('refuses a mode that does not exist', async () => {
    const { pool } = scene();
    await expect(pool.flush('everything' as 'all')).rejects.toMatchObject({
      code: 'CONFIG',
      message: 'flush mode is "everything"; expected idle, all, leaked or graceful',
    });
  });
});

describe('closing', () => {
  it('rejects those who wait now, and those who come later', async () => {
    const { pool, clock } = scene(() => ({ name: 'readers', size: 1, maxOverflow: 0 }));
    const holder = await pool.acquire();
    const waiting = watch(pool.acquire());
    const closed = watch(pool.close());
    const later = watch(pool.acquire());
    await clock.settle();
    expect(waiting.error).toMatchObject({ code: 'POOL_CLOSED', retryable: false });
    expect(later.error).toMatchObject({ code: 'POOL_CLOSED' });
    expect(closed.state).toBe('pending');
    holder.release();
    await clock.settle();
    expect(closed.value).toEqual({ forced: [], abandoned: 0 });
  });

  it('waits for borrowed leases and closes each when it comes back', async () => {
    const { pool, clock, shop } = scene(() => ({ reset: () => never() }));
    const leases = await borrowAll(pool, 2);
    (await pool.acquire()).destroy();
    const closed = watch(pool.close());
    expect(pool.stats().status).toBe('closing');
    await clock.advance(1_000);
    leases[0]?.release();
    expect(shop.alive).toEqual([2]);
    expect(closed.state).toBe('pending');
    leases[1]?.release();
    await clock.settle();
    expect(closed.value).toEqual({ forced: [], abandoned: 0 });
    expect(pool.stats()).toMatchObject({ status: 'closed', live: 0 });
  });

  it('takes away what is still borrowed when the grace period ends, and reports it', async () => {
    const { pool, clock, shop } = scene();
    const held = await pool.acquire({ owner: 'stuck', capture: true });
    const closed = watch(pool.close({ graceMs: 2_000 }));
    await clock.advance(1_999);
    expect(held.active).toBe(true);
    await clock.advance(1);
    expect(closed.value.forced).toMatchObject([
      { owner: 'stuck', ageMs: 2_000, acquiredAt: expect.stringContaining('operating.test') as string },
    ]);
    expect(shop.alive).toEqual([]);
    expect(() => held.resource).toThrow(/was revoked when the pool closed/);
    held.release();
    expect(pool.stats().counters.staleReleases).toBe(1);
  });

  it('is patient for five seconds unless told otherwise', async () => {
    const { pool, clock } = scene();
    await pool.acquire();
    const closed = watch(pool.close());
    await clock.advance(4_999);
    expect(closed.state).toBe('pending');
    await clock.advance(1);
    expect(closed.value.forced).toHaveLength(1);
  });

  it('is patient for five seconds when it is told nonsense, for it never rejects', async () => {
    const { pool, clock } = scene();
    await pool.acquire();
    const closed = watch(pool.close({ graceMs: Number.NaN }));
    await clock.advance(4_999);
    expect(closed.state).toBe('pending');
    await clock.advance(1);
    expect(closed.state).toBe('fulfilled');
  });

  it('ends in time whatever hangs, and counts what was abandoned', async () => {
    let hang = false;
    const { pool, clock } = scene(({ shop }) => ({
      size: 4,
      maxOverflow: 0,
      destroyTimeoutMs: 500,
      validate: () => (hang ? never() : true),
      reset: () => (hang ? never<void>() : undefined),
      create: () => (hang ? never() : shop.make()),
      destroy: () => never(),
    }));
    const leases = await borrowAll(pool, 3);
    leases[0]?.release();
    await clock.advance(600);
    hang = true;
    leases[1]?.release();
    watch(pool.acquire());
    watch(pool.acquire());
    await clock.advance(20);
    expect(pool.stats()).toMatchObject({ leased: 1, validating: 1, resetting: 1, creating: 1 });
    const closed = watch(pool.close({ graceMs: 1_000 }));
    await clock.advance(1_499);
    expect(closed.state).toBe('pending');
    await clock.advance(1);
    expect(closed.value).toMatchObject({ abandoned: 4, forced: [{ resourceId: 3 }] });
    expect(pool.stats()).toMatchObject({ live: 0, abandoned: 4 });
  });

  it('tells creations to stop, and destroys what arrives all the same', async () => {
    const signals: AbortSignal[] = [];
    const { pool, clock, shop } = scene(({ clock, shop }) => ({
      create: ({ signal }) => {
        signals.push(signal);
        return delayed(clock, 100, () => shop.make());
      },
    }));
    const waiting = watch(pool.acquire());
    const closed = watch(pool.close());
    expect(signals[0]?.aborted).toBe(true);
    await clock.advance(100);
    expect(waiting.error.code).toBe('POOL_CLOSED');
    expect(closed.state).toBe('fulfilled');
    expect(shop.made).toHaveLength(1);
    expect(shop.alive).toEqual([]);
  });

  it('ends a creation that listens to its signal at once', async () => {
    const { pool, clock } = scene(() => ({
      create: ({ signal }) =>
        new Promise<Resource>((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        }),
    }));
    watch(pool.acquire());
    const closed = watch(pool.close());
    await clock.settle();
    expect(closed.value).toEqual({ forced: [], abandoned: 0 });
  });

  it('goes on counting a creation that it gave up, until that comes back', async () => {
    const attempt = Promise.withResolvers<Resource>();
    const { pool, clock, shop } = scene(() => ({ createTimeoutMs: 3_000, create: () => attempt.promise }));
    watch(pool.acquire());
    const closed = watch(pool.close({ graceMs: 1_000 }));
    await clock.advance(1_000);
    expect(closed.value.abandoned).toBe(1);
    await clock.advance(5_000);
    expect(pool.stats().abandoned).toBe(1);
    attempt.resolve(shop.make());
    await clock.settle();
    expect(pool.stats().abandoned).toBe(0);
    expect(shop.alive).toEqual([]);
    verifyPool(pool);
  });

  it('twice is closing once', async () => {
    const { pool } = scene();
    const first = pool.close();
    expect(pool.close({ graceMs: 1 })).toBe(first);
    await first;
    expect(pool.close()).toBe(first);
  });

  it('is closing once also when a hook closes the pool meanwhile', async () => {
    const closes: Promise<unknown>[] = [];
    const { pool } = scene(() => ({
      destroy: () => {
        closes.push(pool.close());
      },
    }));
    (await pool.acquire()).release();
    const closed = pool.close();
    expect(closes).toEqual([closed]);
    expect(closes[0]).toBe(closed);
    await closed;
  });

  it('works on a suspended pool', async () => {
    const { pool, clock } = scene();
    pool.suspend();
    const waiting = watch(pool.acquire());
    await pool.close();
    await clock.settle();
    expect(waiting.error.code).toBe('POOL_CLOSED');
  });

  it('stops the housekeeper', async () => {
    const { pool, clock, shop } = scene(() => ({ minIdle: 2 }));
    await pool.close();
    await clock.advance(60_000);
    expect(shop.alive).toEqual([]);
    expect(clock.aliveTimers).toBe(0);
  });

  it('leaves no timer behind, also none that would let the process end', async () => {
    const clock = new Tracking();
    const { pool } = scene(({ shop }) => ({
      clock,
      size: 2,
      create: () => (shop.made.length === 0 ? shop.make() : Promise.reject(new Error('connect refused'))),
    }));
    const lease = await pool.acquire();
    const waiting = watch(pool.acquire());
    await clock.advance(20);
    expect(clock.pending.size).toBe(3);
    const closed = pool.close();
    lease.release();
    await closed;
    expect(waiting.error.code).toBe('POOL_CLOSED');
    expect(clock.pending.size).toBe(0);
  });

  it('leaves no timer behind when the housekeeper is at work', async () => {
    const clock = new Tracking();
    const { pool } = scene(() => ({
      clock,
      size: 1,
      maxOverflow: 0,
      minIdle: 1,
      idleTimeoutMs: 0,
      maxLifetimeMs: 10_000,
      destroy: () => void pool.close(),
    }));
    await clock.advance(10_000);
    expect(pool.stats().status).toBe('closed');
    expect(clock.pending.size).toBe(0);
  });

  it('happens at the end of an await using block', async () => {
    const { pool, shop } = scene();
    {
      await using scoped = pool;
      (await scoped.acquire()).release();
    }
    expect(pool.stats().status).toBe('closed');
    expect(shop.alive).toEqual([]);
  });

  it('never throws out of the block, whatever fails', async () => {
    const observer: PoolObserver = {
      destroyed: () => {
        throw new Error('the observer fails');
      },
    };
    const { pool } = scene(() => ({
      observer,
      destroy: () => Promise.reject(new Error('socket closed')),
    }));
    (await pool.acquire()).release();
    await expect(pool[Symbol.asyncDispose]()).resolves.toBeUndefined();
    expect(pool.stats()).toMatchObject({ status: 'closed', counters: { observerErrors: 1 } });
  });
});

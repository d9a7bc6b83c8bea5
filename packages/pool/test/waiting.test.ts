import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { PoolError, type Clock, type PoolObserver } from '@hive/pool';
import { verifyPool, VirtualClock } from '@hive/pool/testing';
import { delayed, never, scene } from './support/scene.ts';
import { watch } from './support/watched.ts';

const ONE = { size: 1, maxOverflow: 0 } as const;

describe('the queue', () => {
  it('is served first come, first served', async () => {
    const { pool } = scene(() => ONE);
    const holder = await pool.acquire();
    const order: string[] = [];
    const callers = ['a', 'b', 'c', 'd'].map(async (name) => {
      const lease = await pool.acquire({ owner: name });
      order.push(name);
      lease.release();
    });
    holder.release();
    await Promise.all(callers);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is served at the moment of release, so that nobody comes in between', async () => {
    const { pool, clock } = scene(() => ONE);
    const holder = await pool.acquire();
    const first = watch(pool.acquire({ owner: 'first' }));
    holder.release();
    expect(pool.leases()).toMatchObject([{ owner: 'first' }]);
    const newcomer = watch(pool.acquire({ owner: 'newcomer' }));
    await clock.settle();
    expect([first.state, newcomer.state]).toEqual(['fulfilled', 'pending']);
    first.value.release();
    await clock.settle();
    newcomer.value.release();
  });

  it('shows who waits, longest first', async () => {
    const { pool, clock } = scene(() => ONE);
    await pool.acquire();
    watch(pool.acquire({ owner: 'first' }));
    await clock.advance(40);
    watch(pool.acquire({ owner: 'second' }));
    await clock.advance(2);
    expect(pool.waiters()).toEqual([
      { owner: 'first', waitMs: 42 },
      { owner: 'second', waitMs: 2 },
    ]);
    expect(pool.stats()).toMatchObject({ waiting: 2, oldestWaitMs: 42 });
  });

  it('refuses the caller who comes when it is full, and says so at once', async () => {
    const { pool, clock } = scene(() => ({ ...ONE, maxWaiting: 2 }));
    await pool.acquire();
    const waiting = [watch(pool.acquire()), watch(pool.acquire())];
    const refused = watch(pool.acquire());
    await clock.settle();
    expect(waiting.map(({ state }) => state)).toEqual(['pending', 'pending']);
    expect(refused.error).toMatchObject({ code: 'OVERLOADED', retryable: true, waiting: 2 });
    expect(pool.stats()).toMatchObject({ waiting: 2, counters: { overloaded: 1 } });
  });
});

describe('a wait that is too long', () => {
  it('ends with who holds what, for how long, and how many wait', async () => {
    const { pool, clock } = scene(() => ({ name: 'readers', size: 2, maxOverflow: 0, acquireTimeoutMs: 1_000 }));
    await pool.acquire({ owner: 'nightly import' });
    await clock.advance(4_000);
    await pool.acquire({ owner: 'report' });
    const late = watch(pool.acquire());
    await clock.advance(999);
    expect(late.state).toBe('pending');
    await clock.advance(1);
    expect(late.error).toMatchObject({ code: 'POOL_TIMEOUT', retryable: true, waiting: 1 });
    expect(late.error.message).toBe(
      'pool "readers": no resource came free within 1000 ms (2 of 2 leased, 1 waiting); ' +
        'held longest by nightly import for 5.0 s, report for 1.0 s',
    );
    expect(late.error.holders.map(({ owner, ageMs }) => [owner, ageMs])).toEqual([
      ['nightly import', 5_000],
      ['report', 1_000],
    ]);
    expect(pool.stats()).toMatchObject({ waiting: 0, counters: { timeouts: 1 } });
  });

  it('names who waited before, ten at most, and not who came later', async () => {
    const { pool, clock } = scene(() => ONE);
    await pool.acquire({ owner: 'holder' });
    for (let i = 1; i <= 12; i++) watch(pool.acquire({ owner: `early ${i}`, timeoutMs: 60_000 }));
    await clock.advance(500);
    const late = watch(pool.acquire({ timeoutMs: 1_000 }));
    watch(pool.acquire({ owner: 'later', timeoutMs: 60_000 }));
    await clock.advance(1_000);
    const ten = Array.from({ length: 10 }, (_, i) => ({ owner: `early ${i + 1}`, waitMs: 1_500 }));
    expect(late.error).toMatchObject({ waiting: 14, ahead: ten });
    expect(late.error.message).toMatch(/; waiting longest: early 1 for 1\.5 s$/u);
    const first = scene(() => ONE);
    await first.pool.acquire();
    const only = watch(first.pool.acquire({ timeoutMs: 100 }));
    watch(first.pool.acquire({ owner: 'later', timeoutMs: 60_000 }));
    await first.clock.advance(100);
    expect(only.error).toMatchObject({ ahead: [] });
    expect(only.error.message).not.toContain('waiting longest');
  });

  it('names what takes up the limit when nobody holds a lease', async () => {
    const { pool, clock } = scene(() => ({ ...ONE, acquireTimeoutMs: 50, destroy: () => never() }));
    (await pool.acquire()).destroy();
    const late = watch(pool.acquire());
    await clock.advance(50);
    expect(late.error.message).toContain('0 of 1 leased, 1 closing, 1 waiting');
  });

  it('ends at its own deadline, whatever its place in the queue', async () => {
    const { pool, clock } = scene(() => ONE);
    await pool.acquire();
    const [patient, hasty, middling] = [300, 100, 200].map((timeoutMs) => watch(pool.acquire({ timeoutMs })));
    const states = (): unknown[] => [patient?.state, middling?.state, hasty?.state];
    await clock.advance(99);
    expect(states()).toEqual(['pending', 'pending', 'pending']);
    await clock.advance(1);
    expect(states()).toEqual(['pending', 'pending', 'rejected']);
    await clock.advance(100);
    expect(states()).toEqual(['pending', 'rejected', 'rejected']);
    await clock.advance(100);
    expect(states()).toEqual(['rejected', 'rejected', 'rejected']);
  });

  it('is not made longer by others who come and go', async () => {
    const { pool, clock } = scene(() => ONE);
    let holder = await pool.acquire();
    const late = watch(pool.acquire({ timeoutMs: 1_000 }));
    for (let i = 0; i < 9; i++) {
      const early = watch(pool.acquire({ timeoutMs: 50 }));
      await clock.advance(100);
      expect(early.error.code).toBe('POOL_TIMEOUT');
    }
    expect(late.state).toBe('pending');
    await clock.advance(100);
    expect(late.error.code).toBe('POOL_TIMEOUT');
    holder.release();
    holder = await pool.acquire();
    expect(holder.resource.id).toBe(1);
  });

  it('ends also when whoever came just before, in a dense stream, has left at once', async () => {
    // One of these counts meets callers of whom none is timed.
    for (let before = 100; before < 116; before++) {
      const { pool, clock } = scene(() => ONE);
      for (let i = 0; i < before; i++) (await pool.acquire()).release();
      await pool.acquire();
      const controller = new AbortController();
      watch(pool.acquire({ signal: controller.signal }));
      const late = watch(pool.acquire({ timeoutMs: 30 }));
      controller.abort();
      await clock.advance(30);
      expect(late.error.code).toBe('POOL_TIMEOUT');
    }
  });

  it('leaves the resource to the next in the queue', async () => {
    const { pool, clock } = scene(() => ONE);
    const holder = await pool.acquire();
    const late = watch(pool.acquire({ timeoutMs: 10 }));
    const next = watch(pool.acquire({ timeoutMs: 100 }));
    await clock.advance(10);
    holder.release();
    await clock.settle();
    expect(late.error.code).toBe('POOL_TIMEOUT');
    expect(next.value.resource.id).toBe(1);
    verifyPool(pool);
  });

  it('is still served when a release comes before the timer of a stalled event loop', async () => {
    const { pool, clock } = scene(() => ONE);
    const holder = await pool.acquire();
    const waiting = watch(pool.acquire({ timeoutMs: 100 }));
    clock.block(5_000);
    holder.release();
    await clock.advance(0);
    expect(waiting.value.active).toBe(true);
  });

  it('ends also when somebody else leaves the queue at that moment', async () => {
    const controller = new AbortController();
    const observer: PoolObserver = {
      timedOut: () => {
        controller.abort();
      },
    };
    const { pool, clock } = scene(() => ({ ...ONE, observer, acquireTimeoutMs: 100 }));
    await pool.acquire();
    const first = watch(pool.acquire());
    const aborted = watch(pool.acquire({ signal: controller.signal }));
    const last = watch(pool.acquire());
    await clock.advance(100);
    expect([first.error.code, aborted.error.code, last.error.code]).toEqual([
      'POOL_TIMEOUT',
      'ABORTED',
      'POOL_TIMEOUT',
    ]);
    expect(pool.stats().counters).toMatchObject({ timeouts: 2, aborted: 1 });
  });

  it('carries what the last failed creation said', async () => {
    const refused = new Error('connect refused');
    const { pool, clock } = scene(() => ({
      ...ONE,
      acquireTimeoutMs: 100,
      failFastAfter: 1_000,
      create: () => Promise.reject(refused),
    }));
    const late = watch(pool.acquire());
    await clock.advance(100);
    expect(late.error).toMatchObject({ code: 'POOL_TIMEOUT', cause: refused });
    expect(late.error.message).toContain('opening one fails and no resource came free');
  });

  it('may be the longest that a timer can express', async () => {
    const delays: number[] = [];
    class Recording extends VirtualClock {
      override after(delayMs: number, callback: () => void): ReturnType<Clock['after']> {
        delays.push(delayMs);
        return super.after(delayMs, callback);
      }
    }
    const clock = new Recording();
    const { pool } = scene(() => ({ ...ONE, clock }));
    await pool.acquire();
    for (let i = 0; i < 50; i++) {
      clock.block(0.1);
      watch(pool.acquire({ timeoutMs: 2_147_483_647 - i }));
    }
    expect(Math.max(...delays)).toBeLessThanOrEqual(2_147_483_647);
  });
});

describe('a wait that may not be', () => {
  it('ends at once with timeoutMs 0 when nothing is idle', async () => {
    const { pool, clock } = scene(() => ONE);
    const lease = await pool.acquire({ timeoutMs: 0 });
    const refused = watch(pool.acquire({ timeoutMs: 0 }));
    await clock.settle();
    expect(refused.error).toMatchObject({ code: 'POOL_TIMEOUT' });
    expect(pool.stats().waiting).toBe(0);
    lease.release();
    expect((await pool.acquire({ timeoutMs: 0 })).resource.id).toBe(1);
  });

  it('opens a resource all the same, for who comes next', async () => {
    const { pool, clock } = scene(({ clock, shop }) => ({ create: () => delayed(clock, 20, () => shop.make()) }));
    const refused = watch(pool.acquire({ timeoutMs: 0 }));
    await clock.advance(20);
    expect(refused.error.code).toBe('POOL_TIMEOUT');
    expect(pool.tryAcquire()?.resource.id).toBe(1);
  });

  it.each([-1, Number.NaN, Infinity, 2 ** 31, '5' as unknown as number])(
    'is refused for timeoutMs %s',
    async (wrong) => {
      const { pool } = scene(() => ONE);
      await pool.acquire();
      await expect(pool.acquire({ timeoutMs: wrong })).rejects.toMatchObject({
        code: 'CONFIG',
        message: expect.stringMatching(/timeoutMs is "?[-\w]+"?; expected a number from 0 to 2147483647/) as string,
      });
      expect(pool.stats().waiting).toBe(0);
    },
  );
});

describe('an aborted wait', () => {
  it('leaves the queue at once, with the reason as the cause', async () => {
    const { pool, clock } = scene(() => ONE);
    await pool.acquire();
    const controller = new AbortController();
    const aborted = watch(pool.acquire({ signal: controller.signal }));
    const reason = new Error('the client hung up');
    controller.abort(reason);
    expect(pool.stats()).toMatchObject({ waiting: 0, counters: { aborted: 1 } });
    await clock.settle();
    expect(aborted.error).toMatchObject({ code: 'ABORTED', retryable: false, cause: reason });
  });

  it('leaves from the middle without disturbing the order', async () => {
    const { pool, clock } = scene(() => ONE);
    const holder = await pool.acquire();
    const controller = new AbortController();
    const first = watch(pool.acquire());
    watch(pool.acquire({ signal: controller.signal }));
    const third = watch(pool.acquire());
    controller.abort();
    holder.release();
    await clock.settle();
    expect([first.state, third.state]).toEqual(['fulfilled', 'pending']);
    first.value.release();
    await clock.settle();
    expect(third.state).toBe('fulfilled');
    verifyPool(pool);
  });

  it('is refused before it begins when the signal has fired already', async () => {
    const { pool, clock, shop } = scene();
    (await pool.acquire()).release();
    const refused = watch(pool.acquire({ signal: AbortSignal.abort() }));
    await clock.settle();
    expect(refused.error.code).toBe('ABORTED');
    expect(shop.made).toHaveLength(1);
    expect(pool.stats()).toMatchObject({ idle: 1, leased: 0 });
  });

  it('does nothing to a lease that was handed out before', async () => {
    const { pool, clock } = scene(() => ONE);
    const holder = await pool.acquire();
    const controller = new AbortController();
    const served = watch(pool.acquire({ signal: controller.signal }));
    holder.release();
    controller.abort();
    await clock.settle();
    expect(served.value.active).toBe(true);
    expect(pool.stats().counters.aborted).toBe(0);
  });

  it('leaves no listener on the signal, however the wait ends', async () => {
    const { pool, clock } = scene(() => ONE);
    const { signal } = new AbortController();
    const holder = await pool.acquire({ signal });
    const served = watch(pool.acquire({ signal }));
    const late = watch(pool.acquire({ signal, timeoutMs: 10 }));
    expect(getEventListeners(signal, 'abort')).toHaveLength(2);
    await clock.advance(10);
    holder.release();
    await clock.settle();
    expect([served.state, late.state]).toEqual(['fulfilled', 'rejected']);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('does not keep the resource from those who wait behind it', async () => {
    const { pool, clock } = scene(({ clock, shop }) => ({
      ...ONE,
      create: () => delayed(clock, 100, () => shop.make()),
    }));
    const controller = new AbortController();
    watch(pool.acquire({ signal: controller.signal }));
    const next = watch(pool.acquire());
    await clock.advance(50);
    controller.abort();
    await clock.advance(50);
    expect(next.value.resource.id).toBe(1);
  });
});

describe('an error of the pool', () => {
  it('says whether the same call may succeed later', async () => {
    const { pool } = scene(() => ({ ...ONE, maxWaiting: 1 }));
    await pool.acquire();
    const results = await Promise.allSettled([
      pool.acquire({ timeoutMs: 0 }),
      pool.acquire({ signal: AbortSignal.abort() }),
      pool.acquire({ timeoutMs: -1 }),
    ]);
    const errors = results.map((result) => (result.status === 'rejected' ? (result.reason as PoolError) : undefined));
    expect(errors.map((error) => [error?.code, error?.retryable])).toEqual([
      ['POOL_TIMEOUT', true],
      ['ABORTED', false],
      ['CONFIG', false],
    ]);
    for (const error of errors) expect(error).toBeInstanceOf(PoolError);
  });
});

import { describe, expect, it } from 'vitest';
import { verifyPool } from '@hive/pool/testing';
import { delayed, never, scene } from './support/scene.ts';
import { watch } from './support/watched.ts';

const ONE = { size: 1, maxOverflow: 0 } as const;

describe('resetting', () => {
  it('makes a returned resource as good as new before the next borrower gets it', async () => {
    const events: string[] = [];
    const { pool, clock } = scene(({ clock }) => ({
      ...ONE,
      reset: async (resource) => {
        events.push(`reset ${resource.id} begins`);
        await delayed(clock, 20, () => {});
        events.push(`reset ${resource.id} ends`);
      },
    }));
    const first = await pool.acquire();
    const next = watch(pool.acquire().then((lease) => (events.push('handed out'), lease)));
    first.release();
    expect(pool.stats()).toMatchObject({ resetting: 1, leased: 0, live: 1 });
    await clock.advance(20);
    expect(events).toEqual(['reset 1 begins', 'reset 1 ends', 'handed out']);
    expect(next.value.resource.id).toBe(1);
    expect(pool.stats().waitTime.maxMs).toBe(20);
  });

  it('does not keep the one who returns it waiting', async () => {
    const { pool } = scene(() => ({ reset: () => never() }));
    const lease = await pool.acquire();
    lease.release();
    expect(lease.active).toBe(false);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('still in a transaction');
      },
    ],
    ['rejects', () => Promise.reject(new Error('still in a transaction'))],
    ['never ends', () => never<void>()],
  ])('destroys a resource whose reset %s, and opens another for who waits', async (_, reset) => {
    const { pool, clock, shop } = scene(() => ({ ...ONE, reset, resetTimeoutMs: 100 }));
    const first = await pool.acquire();
    const next = watch(pool.acquire());
    first.release();
    await clock.advance(200);
    expect(next.value.resource.id).toBe(2);
    expect(shop.alive).toEqual([2]);
    expect(pool.stats().counters.destroyed['reset-failed']).toBe(1);
    verifyPool(pool);
  });

  it('is not wasted on a resource that goes anyway', async () => {
    const reset: number[] = [];
    const { pool, clock } = scene(() => ({
      reset: (resource) => {
        reset.push(resource.id);
      },
    }));
    const leases = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
    leases[0]?.destroy();
    await pool.flush('graceful');
    leases[1]?.release();
    expect(reset).toEqual([]);
    const fresh = watch(pool.acquire());
    await clock.advance(20);
    fresh.value.release();
    expect(reset).toEqual([4]);
  });

  it('does nothing when it comes back after its time', async () => {
    const reset = Promise.withResolvers<void>();
    const { pool, clock, shop } = scene(() => ({ ...ONE, reset: () => reset.promise, resetTimeoutMs: 100 }));
    (await pool.acquire()).release();
    await clock.advance(100);
    reset.resolve();
    await clock.settle();
    expect(shop.alive).toEqual([]);
    expect(pool.stats()).toMatchObject({ live: 0, idle: 0 });
    verifyPool(pool);
  });
});

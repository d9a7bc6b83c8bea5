import { describe, expect, it } from 'vitest';
import type { LeaseInfo, PoolObserver } from '@hive/pool';
import { verifyPool } from '@hive/pool/testing';
import { delayed, scene } from './support/scene.ts';
import { watch } from './support/watched.ts';

const lease = ({ id, resourceId, owner }: LeaseInfo): string => `lease ${id} on ${resourceId} by ${owner ?? 'nobody'}`;

const fail = (): never => {
  throw new Error('the observer fails');
};

/** Writes down all that it is told. */
function recorder(): { readonly events: string[]; readonly observer: PoolObserver } {
  const events: string[] = [];
  return {
    events,
    observer: {
      created: (id, ms) => events.push(`created ${id} in ${ms} ms`),
      createFailed: (error, times) => events.push(`createFailed ${String(error)} ${times}`),
      acquired: (info, ms) => events.push(`acquired ${lease(info)} after ${ms} ms`),
      released: (info) => events.push(`released ${lease(info)} after ${info.ageMs} ms`),
      invalidated: (id, generation, cause) => events.push(`invalidated ${id} of ${generation}: ${String(cause)}`),
      destroyed: (id, reason) => events.push(`destroyed ${id}: ${reason}`),
      collected: (info) => events.push(`collected ${lease(info)}`),
      revoked: (info, how) => events.push(`revoked ${lease(info)}: ${how}`),
      timedOut: (owner, ms) => events.push(`timedOut ${owner ?? 'nobody'} after ${ms} ms`),
      abandoned: (id, hook) => events.push(`abandoned ${id}: ${hook}`),
    },
  };
}

describe('an observer', () => {
  it('is told the life of a resource and its leases', async () => {
    const { events, observer } = recorder();
    const { pool, clock } = scene(({ clock, shop }) => ({
      size: 1,
      maxOverflow: 0,
      observer,
      create: () => delayed(clock, 20, () => shop.make()),
    }));
    const first = watch(pool.acquire({ owner: 'a' }));
    await clock.advance(20);
    const second = watch(pool.acquire({ owner: 'b' }));
    const late = watch(pool.acquire({ owner: 'c', timeoutMs: 5 }));
    await clock.advance(30);
    first.value.release();
    await clock.settle();
    second.value.destroy();
    expect(late.error.code).toBe('POOL_TIMEOUT');
    expect(events).toEqual([
      'created 1 in 20 ms',
      'acquired lease 1 on 1 by a after 20 ms',
      'timedOut c after 5 ms',
      'released lease 1 on 1 by a after 30 ms',
      'acquired lease 2 on 1 by b after 30 ms',
      'released lease 2 on 1 by b after 0 ms',
      'destroyed 1: caller',
    ]);
  });

  it('is told what fails', async () => {
    const { events, observer } = recorder();
    let up = true;
    const { pool, clock } = scene(({ shop }) => ({
      observer,
      failFastAfter: 1,
      create: () => {
        if (!up) throw new Error('refused');
        return shop.make();
      },
      validate: () => Promise.reject(new Error('lost')),
    }));
    (await pool.acquire()).release();
    const held = await pool.acquire({ owner: 'a' });
    await pool.flush('all');
    (await pool.acquire()).release();
    await clock.advance(600);
    up = false;
    watch(pool.acquire());
    await clock.settle();
    expect(held.active).toBe(false);
    expect(events.filter((event) => !/^(?:acquired|released|created)/.test(event))).toEqual([
      'destroyed 1: flushed',
      "revoked lease 2 on 1 by a: revoked by flush('all')",
      'invalidated 2 of 2: Error: lost',
      'destroyed 2: invalid',
      'createFailed Error: refused 1',
    ]);
  });

  it('is told of what comes too late', async () => {
    const { events, observer } = recorder();
    const { pool, clock } = scene(({ clock, shop }) => ({
      observer,
      createTimeoutMs: 50,
      create: () => delayed(clock, 70, () => shop.make()),
    }));
    watch(pool.acquire({ timeoutMs: 10 }));
    await clock.advance(70);
    expect(events).toEqual([
      'timedOut nobody after 10 ms',
      'abandoned 1: create',
      'createFailed Error: create took longer than 50 ms 1',
      'destroyed 1: late',
    ]);
  });

  it('that throws harms nobody and is counted', async () => {
    const { pool } = scene(() => ({ observer: { created: fail, acquired: fail, released: fail, destroyed: fail } }));
    const lease = await pool.acquire();
    lease.release();
    (await pool.acquire()).destroy();
    expect(pool.stats()).toMatchObject({ live: 0, counters: { observerErrors: 6 } });
    verifyPool(pool);
  });

  it('that rejects harms nobody and is counted', async () => {
    const reject = (() => Promise.reject(new Error('the observer fails later'))) as () => void;
    const { pool, clock } = scene(() => ({ observer: { created: reject, acquired: reject, released: reject } }));
    (await pool.acquire()).release();
    await clock.settle();
    expect(pool.stats()).toMatchObject({ idle: 1, counters: { observerErrors: 3 } });
  });

  it.each(['created', 'acquired', 'released', 'invalidated', 'destroyed'] as const)(
    'may flush the pool when it is told that something was %s',
    async (event) => {
      let told = 0;
      const { pool, clock, shop } = scene(() => ({
        validate: () => shop.made.length > 2,
        observer: {
          [event]: () => {
            if (++told % 2 === 1) void pool.flush('all');
          },
        },
      }));
      for (let i = 0; i < 4; i++) {
        const lease = await pool.acquire();
        verifyPool(pool);
        lease.release();
        verifyPool(pool);
        await clock.advance(600);
      }
      await pool.close();
      expect(told).toBeGreaterThan(0);
      expect(shop.alive).toEqual([]);
      expect(shop.faults).toEqual([]);
    },
  );
});

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Lease, LeaseInfo, Pool } from '@hive/pool';
import { verifyPool, type VirtualClock } from '@hive/pool/testing';
import { scene } from './support/scene.ts';
import { watch } from './support/watched.ts';
import { Resource } from './support/workshop.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Lets the collector run until `done`; it promises nothing about when it tells what it found. */
async function collectUntil(clock: VirtualClock, done: () => boolean): Promise<void> {
  for (let round = 0; round < 50 && !done(); round++) {
    collectGarbage();
    await clock.settle();
  }
}

/** Borrows and forgets: no variable of a caller keeps the lease alive. */
async function forget(pool: Pool<Resource>, owner: string): Promise<void> {
  await pool.acquire({ owner });
}

/** Somebody who keeps his lease, and stands in the stacks of all that he does with it. */
class Keeper {
  readonly #pool: Pool<Resource>;
  #lease: Lease<Resource> | undefined;

  constructor(pool: Pool<Resource>) {
    this.#pool = pool;
  }

  async begin(): Promise<void> {
    this.#lease = await this.#pool.acquire({ owner: 'keeper', capture: true });
  }

  end(): void {
    this.#lease?.destroy();
  }

  giveBack(): void {
    this.#lease?.release();
  }
}

describe('leak detection: a lease that is dropped without release', () => {
  it('is not waited for when the pool closes, however short it was held, once it is found', async () => {
    const { pool, clock } = scene();
    await forget(pool, 'forgetful');
    await clock.settle();
    let report: unknown;
    void pool.close({ graceMs: 5_000 }).then((value) => (report = value));
    await collectUntil(clock, () => report !== undefined);
    expect(report).toEqual({ forced: [], abandoned: 0 });
    expect(pool.stats().counters).toMatchObject({ collected: 1, revoked: 0 });
  });

  it('is found, reported, and its resource destroyed, never reused', async () => {
    const reports: LeaseInfo[] = [];
    const { pool, clock, shop } = scene(() => ({
      size: 1,
      maxOverflow: 0,
      observer: {
        collected: (lease) => {
          reports.push(lease);
        },
      },
    }));
    await forget(pool, 'forgetful');
    const waiting = watch(pool.acquire({ timeoutMs: 60_000 }));
    await clock.advance(1_000);
    await collectUntil(clock, () => reports.length > 0);
    expect(reports).toMatchObject([{ owner: 'forgetful', resourceId: 1, ageMs: 1_000 }]);
    expect(shop.alive).toEqual([2]);
    expect(waiting.value.resource.id).toBe(2);
    expect(pool.stats().counters).toMatchObject({ collected: 1, destroyed: { collected: 1 } });
    verifyPool(pool);
    waiting.value.release();
    await clock.advance(4_000);
    expect(pool.stats().collectedAgoMs).toBe(4_000);
    // It is worth knowing where the next one is acquired that may be forgotten as well.
    await pool.acquire({ owner: 'forgetful' });
    expect(pool.leases()[0]?.acquiredAt).toMatch(/leaking\.test/);
  });

  it('is not mistaken for one that is still held', async () => {
    const { pool, clock } = scene();
    const held = await pool.acquire();
    await clock.advance(5_000);
    await forget(pool, 'forgetful');
    await clock.advance(1_000);
    await collectUntil(clock, () => pool.stats().counters.collected > 0);
    expect(pool.stats().counters.collected).toBe(1);
    expect(held.active).toBe(true);
    expect(held.resource.id).toBe(1);
  });

  it('is not reported when it was released, destroyed or revoked before', async () => {
    const { pool, clock, shop } = scene();
    await (async () => {
      const leases = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
      await clock.advance(1_000);
      leases[0]?.release();
      leases[1]?.destroy();
    })();
    await pool.flush('all');
    // Something else that is dropped now: once the collector tells of it, it would have told of the leases as well.
    let told = false;
    const others = new FinalizationRegistry(() => {
      told = true;
    });
    others.register({}, undefined);
    await collectUntil(clock, () => told);
    expect(told).toBe(true);
    expect(pool.stats().counters.collected).toBe(0);
    expect(shop.faults).toEqual([]);
    verifyPool(pool);
  });
});

describe('where a lease was acquired and ended, when that is remembered', () => {
  it('keeps nobody alive who has dropped it', async () => {
    const reports: LeaseInfo[] = [];
    const observer = {
      collected: (lease: LeaseInfo) => {
        reports.push(lease);
      },
    };
    const { pool, clock } = scene(() => ({ observer }));
    await (async () => {
      await new Keeper(pool).begin();
    })();
    await clock.advance(1_000);
    await collectUntil(clock, () => reports.length > 0);
    expect(reports).toMatchObject([{ owner: 'keeper' }]);
  });

  it('keeps nobody alive whose resource was destroyed', async () => {
    const { pool, clock } = scene();
    let collected = false;
    const registry = new FinalizationRegistry(() => {
      collected = true;
    });
    await (async () => {
      const keeper = new Keeper(pool);
      registry.register(keeper, undefined);
      await keeper.begin();
      await clock.advance(1_000);
      keeper.end();
    })();
    await collectUntil(clock, () => collected);
    expect(collected).toBe(true);
  });

  it('keeps nobody alive who has given it back, also while nobody else wants the resource', async () => {
    const { pool, clock } = scene();
    let collected = false;
    const registry = new FinalizationRegistry(() => {
      collected = true;
    });
    await (async () => {
      const keeper = new Keeper(pool);
      registry.register(keeper, undefined);
      await keeper.begin();
      keeper.giveBack();
    })();
    await collectUntil(clock, () => collected);
    expect(collected).toBe(true);
    expect(pool.stats().idle).toBe(1);
  });
});

describe('a lease that is kept after its end', () => {
  it('does not keep a resource that was destroyed', async () => {
    const { pool, clock } = scene(() => ({ create: () => new Resource(1, []) }));
    const lease = await pool.acquire();
    let collected = false;
    const registry = new FinalizationRegistry(() => {
      collected = true;
    });
    registry.register(lease.resource, undefined);
    lease.destroy();
    await collectUntil(clock, () => collected);
    expect(collected).toBe(true);
    expect(lease.active).toBe(false);
  });
});

describe('a lease that is held too long', () => {
  it('can be found by its age and its owner before anybody complains', async () => {
    const { pool, clock } = scene();
    await pool.acquire({ owner: 'report', capture: true });
    await clock.advance(120_000);
    expect(pool.leases()).toMatchObject([{ owner: 'report', ageMs: 120_000 }]);
    expect(pool.leases()[0]?.acquiredAt).toMatch(/leaking\.test/);
    expect(pool.stats().oldestLeaseMs).toBe(120_000);
  });
});

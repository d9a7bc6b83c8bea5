import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPool, PoolError, type Budgets, type Lease, type Pool } from '@hive/pool';
import { verifyPool } from '@hive/pool/testing';
import { replay } from './support/replay.ts';
import { delayed, scene, type Scene } from './support/scene.ts';
import { quantile, share } from './support/tenants.ts';
import { watch, type Watched } from './support/watched.ts';
import type { Resource } from './support/workshop.ts';

/** A pool of `size` that has these budgets. */
function shared(size: number, budgets: Budgets, more: { readonly maxWaiting?: number } = {}): Scene {
  return scene(() => ({ size, maxOverflow: 0, budgets, acquireTimeoutMs: 60_000, ...more }));
}

async function borrow(pool: Pool<Resource>, budget: string, count: number): Promise<Lease<Resource>[]> {
  return Promise.all(Array.from({ length: count }, () => pool.acquire({ budget })));
}

function wait(pool: Pool<Resource>, budget: string, count: number): Watched<Lease<Resource>>[] {
  return Array.from({ length: count }, () => watch(pool.acquire({ budget })));
}

function served(waiters: readonly Watched<unknown>[]): number {
  return waiters.filter(({ state }) => state === 'fulfilled').length;
}

function figures(pool: Pool<Resource>, name: string): unknown {
  return pool.stats().budgets?.find((budget) => budget.name === name);
}

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof PoolError && error.code === 'CONFIG') return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

/** Serves all of a queue, one release at a time; returns whose turn it was. */
async function order({ pool, clock }: Scene, held: readonly Lease<Resource>[], turns: number): Promise<string[]> {
  const leases = [...held];
  const names: string[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const before = new Set(pool.leases().map(({ id }) => id));
    leases.shift()?.release();
    await clock.settle();
    names.push(pool.leases().find(({ id }) => !before.has(id))?.budget ?? 'nobody');
  }
  return names;
}

describe('a budget', () => {
  it('that has its most tells which leases are in its way, and none while it may have more', async () => {
    const { pool } = shared(4, { batch: { max: 2 } });
    const [first] = await borrow(pool, 'batch', 1);
    await borrow(pool, 'default', 1);
    expect(pool.leasesInWayOf('batch')).toBeUndefined();
    const [second] = await borrow(pool, 'batch', 1);
    expect(pool.leasesInWayOf('batch')).toEqual([first?.id, second?.id]);
    pool.suspend();
    expect(pool.leasesInWayOf('batch')).toBeUndefined();
    pool.resume();
    expect([pool.leasesInWayOf(), pool.leasesInWayOf('unknown')]).toEqual([undefined, undefined]);
    first?.release();
    expect(pool.leasesInWayOf('batch')).toBeUndefined();
    const plain = scene(() => ({ size: 1, maxOverflow: 0 }));
    await plain.pool.acquire();
    expect(plain.pool.leasesInWayOf()).toBeUndefined();
  });

  it('has what nobody else uses, up to its most', async () => {
    const { pool, clock } = shared(4, { batch: { max: 3 }, web: { reserved: 2 } });
    const batch = wait(pool, 'batch', 4);
    await clock.settle();
    expect(served(batch)).toBe(3);
    expect(figures(pool, 'batch')).toMatchObject({ reserved: 0, max: 3, weight: 1, leased: 3, waiting: 1 });
  });

  it('at its most lets others pass, and is served again as soon as it has less', async () => {
    const { pool, clock } = shared(2, { batch: { max: 1 } });
    const [batch] = await borrow(pool, 'batch', 1);
    const [web] = await borrow(pool, 'default', 1);
    web?.release();
    const waiting = watch(pool.acquire({ budget: 'batch' }));
    await clock.settle();
    expect([waiting.state, pool.stats().idle]).toEqual(['pending', 1]);
    expect(pool.tryAcquire({ budget: 'batch' })).toBeUndefined();
    const other = pool.tryAcquire();
    expect(other?.active).toBe(true);
    other?.release();
    batch?.release();
    await clock.settle();
    expect(waiting.value.active).toBe(true);
  });

  it('below its reserve gets the next that comes free, before all who wait longer', async () => {
    const stage = shared(3, { web: { reserved: 2 }, other: {} });
    const held = await borrow(stage.pool, 'default', 3);
    wait(stage.pool, 'other', 3);
    wait(stage.pool, 'web', 3);
    expect(await order(stage, held, 3)).toEqual(['web', 'web', 'other']);
  });

  it('that has the smallest part of its reserve comes before others below theirs', async () => {
    const stage = shared(6, { small: { reserved: 2 }, large: { reserved: 4 } });
    const held = await borrow(stage.pool, 'default', 6);
    wait(stage.pool, 'large', 4);
    wait(stage.pool, 'small', 2);
    expect(await order(stage, held, 6)).toEqual(['large', 'small', 'large', 'large', 'small', 'large']);
  });

  it('shares with others by weight what is not reserved, whoever asks more often', async () => {
    const waits = { light: { weight: 1 }, heavy: { weight: 3 } };
    const tenants = ['light', 'heavy'].map((budget) => ({ budget, load: 16, holdMs: 10 }));
    const fates = await share({ tenants, size: 8, seed: 7, ms: 2_000, budgets: waits });
    const [light = 0, heavy = 0] = ['light', 'heavy'].map((name) => fates.get(name)?.leasedMs ?? 0);
    expect(heavy / light).toBeGreaterThan(2.7);
    expect(heavy / light).toBeLessThan(3.3);
  });

  it('has its share of the time, not of the leases: long ones are dearer', async () => {
    const tenants = [
      { budget: 'slow', load: 16, holdMs: 50 },
      { budget: 'quick', load: 16, holdMs: 5 },
    ];
    const fates = await share({ tenants, size: 8, seed: 7, ms: 2_000, budgets: { slow: {}, quick: {} } });
    const [slow = 0, quick = 0] = ['slow', 'quick'].map((name) => fates.get(name)?.leasedMs ?? 0);
    expect(slow / quick).toBeGreaterThan(0.8);
    expect(slow / quick).toBeLessThan(1.25);
  });

  it('that was idle for long has saved no more than its share of a second', async () => {
    const stage = shared(2, { late: {} });
    const { pool, clock } = stage;
    const counts = { default: 0, late: 0 };
    const work = async (budget: 'default' | 'late'): Promise<void> => {
      for (;;) {
        const lease = await pool.acquire({ budget });
        counts[budget]++;
        await delayed(clock, 10, () => {
          lease.release();
        });
      }
    };
    for (let i = 0; i < 4; i++) void work('default');
    await clock.advance(60_000);
    for (let i = 0; i < 4; i++) void work('late');
    const before = counts.default;
    await clock.advance(1_200);
    expect(counts.default - before).toBeGreaterThan(15);
    const { default: mine, late } = counts;
    await clock.advance(1_000);
    expect(Math.abs(counts.default - mine - (counts.late - late))).toBeLessThan(6);
  });

  it('is served first come, first served within, and who gives up leaves at once', async () => {
    const { pool, clock } = shared(1, { web: {} });
    const [holder] = await borrow(pool, 'web', 1);
    const controller = new AbortController();
    const names: string[] = [];
    const ask = async (owner: string, signal?: AbortSignal): Promise<void> => {
      const lease = await pool.acquire({ budget: 'web', owner, signal });
      names.push(owner);
      lease.release();
    };
    const all = [ask('a'), ask('b', controller.signal).catch(() => {}), ask('c'), ask('d')];
    controller.abort();
    expect(figures(pool, 'web')).toMatchObject({ waiting: 3 });
    holder?.release();
    await Promise.all(all);
    await clock.settle();
    expect(names).toEqual(['a', 'c', 'd']);
  });

  it('has a share of the queue, so that nobody else is turned away for it', async () => {
    const { pool, clock } = shared(1, { batch: {}, web: { weight: 2 } }, { maxWaiting: 8 });
    await borrow(pool, 'batch', 1);
    const batch = wait(pool, 'batch', 5);
    const web = wait(pool, 'web', 4);
    await clock.settle();
    expect(batch.filter(({ state }) => state === 'rejected')).toHaveLength(3);
    expect(batch[4]?.error).toMatchObject({ code: 'OVERLOADED' });
    expect(batch[4]?.error.message).toContain('the queue of budget "batch" is full');
    expect(web.every(({ state }) => state === 'pending')).toBe(true);
  });

  it('may have one who waits, however small its share of the queue is', async () => {
    const { pool, clock } = shared(1, { batch: {}, web: { weight: 2 } }, { maxWaiting: 1 });
    await borrow(pool, 'batch', 1);
    const waiting = [...wait(pool, 'batch', 1), ...wait(pool, 'web', 1)];
    const more = wait(pool, 'web', 1);
    await clock.settle();
    expect(waiting.map(({ state }) => state)).toEqual(['pending', 'pending']);
    expect(more[0]?.error).toMatchObject({ code: 'OVERLOADED' });
  });

  it('is served from what is idle while its last lease is being made good', async () => {
    const { pool, clock } = scene(({ clock }) => ({
      size: 2,
      maxOverflow: 0,
      budgets: { batch: { max: 1 } },
      reset: () => delayed(clock, 50, () => {}),
    }));
    const [batch] = await borrow(pool, 'batch', 1);
    const [other] = await borrow(pool, 'default', 1);
    other?.release();
    await clock.advance(50);
    const waiting = watch(pool.acquire({ budget: 'batch' }));
    batch?.release();
    await clock.settle();
    expect(waiting.state).toBe('fulfilled');
    verifyPool(pool);
  });

  it('opens another when what is opened may not be had by those who wait', async () => {
    const { pool, clock, shop } = shared(4, { batch: { max: 1 } });
    wait(pool, 'batch', 3);
    await clock.advance(5_000);
    expect(shop.made).toHaveLength(1);
    const other = watch(pool.acquire());
    await clock.settle();
    expect(other.state).toBe('fulfilled');
  });

  it('is what callers have who name none, and what is not named is refused', async () => {
    const { pool, clock } = shared(2, { web: {} });
    const lease = await pool.acquire();
    expect(pool.leases()).toMatchObject([{ id: lease.id, budget: 'default' }]);
    expect(refusal(() => pool.tryAcquire({ budget: 'wep' }))).toBe('budget "wep" does not exist; did you mean web?');
    const refused = watch(pool.acquire({ budget: 'wep' }));
    const none = scene(() => ({ size: 1 }));
    const needless = watch(none.pool.acquire({ budget: 'web' }));
    await clock.settle();
    expect(refused.error).toMatchObject({ code: 'CONFIG', retryable: false });
    expect(needless.error.message).toBe('budget "web" does not exist; the pool has no budgets');
    expect(refusal(() => none.pool.tryAcquire({ budget: 'web' }))).toContain('the pool has no budgets');
    expect(none.pool.stats().budgets).toBeUndefined();
  });

  it('is counted, shown and named when a wait ends', async () => {
    const { pool, clock } = shared(2, { batch: { reserved: 1, max: 1, weight: 0.5 } });
    await pool.acquire({ budget: 'batch', owner: 'import' });
    const late = watch(pool.acquire({ budget: 'batch', timeoutMs: 40 }));
    const patient = watch(pool.acquire({ budget: 'batch' }));
    await clock.advance(20);
    expect(pool.waiters()).toMatchObject([{ budget: 'batch', waitMs: 20 }, { budget: 'batch' }]);
    await clock.advance(20);
    expect(late.error.message).toContain('budget "batch": 1 of 1 leased (1 reserved), 2 waiting');
    expect(figures(pool, 'batch')).toEqual({
      name: 'batch',
      reserved: 1,
      max: 1,
      weight: 0.5,
      leased: 1,
      waiting: 1,
      oldestWaitMs: 40,
      counters: { granted: 1, waited: 1, timeouts: 1 },
    });
    await pool.flush('all');
    await clock.settle();
    expect(patient.state).toBe('fulfilled');
    expect(figures(pool, 'batch')).toMatchObject({ leased: 1, counters: { granted: 2, waited: 2 } });
    expect(figures(pool, 'default')).toMatchObject({ reserved: 0, max: 2, weight: 1, leased: 0 });
  });
});

describe('budgets that change', () => {
  it('wake those who may have more now', async () => {
    const { pool, clock } = shared(4, { batch: { max: 1 } });
    const waiting = wait(pool, 'batch', 4);
    await clock.settle();
    expect(served(waiting)).toBe(1);
    pool.setBudgets({ batch: { max: 3 } });
    await clock.settle();
    expect(served(waiting)).toBe(3);
  });

  it('take nothing away: who has more than it may gets nothing until it has less', async () => {
    const { pool, clock } = shared(4, { batch: {} });
    const leases = await borrow(pool, 'batch', 4);
    pool.setBudgets({ batch: { max: 2 } });
    const waiting = wait(pool, 'batch', 1);
    expect(leases.every(({ active }) => active)).toBe(true);
    for (const [index, expected] of [0, 0, 1].entries()) {
      leases[index]?.release();
      await clock.settle();
      expect(served(waiting)).toBe(expected);
    }
  });

  it('may come to a pool that had none: what is in use and who waits is the default budget', async () => {
    const { pool, clock } = scene(() => ({ size: 2, maxOverflow: 0 }));
    const held = [await pool.acquire(), await pool.acquire()];
    const waiting = watch(pool.acquire());
    pool.setBudgets({ web: { reserved: 1 }, default: { max: 1 } });
    const web = watch(pool.acquire({ budget: 'web' }));
    expect(figures(pool, 'default')).toMatchObject({ leased: 2, waiting: 1 });
    held[0]?.release();
    await clock.settle();
    expect([web.state, waiting.state]).toEqual(['fulfilled', 'pending']);
    held[1]?.release();
    await clock.settle();
    expect(waiting.state).toBe('fulfilled');
    verifyPool(pool);
  });

  it('may go: who waits in one that is gone is still served, nobody else may name it', async () => {
    const { pool, clock } = shared(1, { old: {} });
    const [lease] = await borrow(pool, 'old', 1);
    const waiting = watch(pool.acquire({ budget: 'old' }));
    pool.setBudgets({});
    const refused = watch(pool.acquire({ budget: 'old' }));
    lease?.release();
    await clock.settle();
    expect(refused.error.code).toBe('CONFIG');
    waiting.value.release();
    expect(pool.stats().budgets?.map(({ name }) => name)).toEqual(['default']);
    pool.setBudgets({ old: { max: 1 } });
    expect(figures(pool, 'old')).toMatchObject({ leased: 0, max: 1 });
  });

  it.each<readonly [what: string, budgets: unknown, message: string]>([
    ['a reserve beyond the limit', { a: { reserved: 3 }, b: { reserved: 2 } }, 'reserves 5 in all; expected at most'],
    ['a most below the reserve', { a: { reserved: 3, max: 2 } }, 'budgets.a.max is 2; expected a whole number from 3'],
    ['a most of 0', { a: { max: 0 } }, 'budgets.a.max is 0; expected a whole number from 1 to 1000000'],
    ['a negative reserve', { a: { reserved: -1 } }, 'budgets.a.reserved is -1; expected a whole number from 0'],
    ['half a lease', { a: { reserved: 0.5 } }, 'budgets.a.reserved is 0.5'],
    ['a reserve that is no number', { a: { reserved: Number.NaN } }, 'budgets.a.reserved is NaN'],
    ['a huge most', { a: { max: 1e9 } }, 'budgets.a.max is 1000000000'],
    ['an infinite most', { a: { max: Infinity } }, 'budgets.a.max is Infinity'],
    ['a text', { a: { max: '2' } }, 'budgets.a.max is "2"'],
    ['a weight of 0', { a: { weight: 0 } }, 'budgets.a.weight is 0; expected a number from 0.01 to 1000'],
    ['a negative weight', { a: { weight: -1 } }, 'budgets.a.weight is -1'],
    ['a weight that is no number', { a: { weight: Number.NaN } }, 'budgets.a.weight is NaN'],
    ['a huge weight', { a: { weight: 1e300 } }, 'budgets.a.weight is 1e+300'],
    ['an unknown word', { a: { reserve: 1 } }, 'budgets.a.reserve does not exist; did you mean budgets.a.reserved?'],
    ['a budget that is none', { a: 3 }, 'budgets.a is 3; expected an object'],
    ['no name', { '': {} }, 'has a name of 0 characters; expected 1 to 64'],
    ['a list', [{ max: 1 }], 'budgets is an array; expected an object'],
    ['nothing', null, 'budgets is null'],
    ['too many', Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`b${i}`, {}])), 'expected 1000 at most'],
  ])('refuse %s, all together, and nothing has changed', (_, budgets, message) => {
    const { pool } = shared(4, { a: { reserved: 1 } });
    const before = pool.stats().budgets;
    const set = refusal(() => {
      pool.setBudgets(budgets as Budgets);
    });
    expect(set).toContain(message);
    expect(pool.stats().budgets).toEqual(before);
    const made = refusal(() =>
      createPool({ create: () => ({}), size: 4, maxOverflow: 0, budgets: budgets as Budgets }),
    );
    expect(made).toContain(budgets === null ? 'budgets is null; expected an object' : message);
  });

  it('leave room in the limit for what they reserve', async () => {
    const { pool } = shared(4, { a: { reserved: 3 } });
    await expect(pool.resize({ size: 2 })).rejects.toMatchObject({ code: 'CONFIG' });
    expect(pool.stats().size).toBe(4);
    await pool.resize({ size: 3 });
    expect(
      refusal(() => {
        pool.setBudgets({ a: { reserved: 4 } });
      }),
    ).toContain('reserves 4 in all; expected at most size and maxOverflow together, which is 3');
  });
});

describe('whoever has nothing reserved', () => {
  it('is served after four rounds at the latest, also where everything is reserved and in use', async () => {
    const { pool, clock } = shared(4, { a: { reserved: 2 }, b: { reserved: 2 } });
    let rounds = 0;
    const work = async (budget: string): Promise<void> => {
      for (;;) {
        const lease = await pool.acquire({ budget });
        rounds++;
        await delayed(clock, 10, () => {
          lease.release();
        });
      }
    };
    for (let i = 0; i < 8; i++) for (const budget of ['a', 'b']) void work(budget);
    await clock.advance(200);
    rounds = 0;
    const poor = watch(pool.acquire());
    for (let step = 0; step < 20 && poor.state === 'pending'; step++) await clock.advance(10);
    expect(rounds).toBeLessThanOrEqual(4 * 4 + 4);
    expect(rounds).toBeGreaterThan(4 * 3);
  });

  it('waits no longer than the credit of all others and what they hold, whatever they do', async () => {
    const tenant = fc.record({
      weight: fc.constantFrom(0.1, 1, 10, 100),
      reserved: fc.integer({ min: 0, max: 1 }),
      load: fc.constantFrom(0.5, 4, 8),
      holdMs: fc.constantFrom(5, 10, 60),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(tenant, { minLength: 2, maxLength: 4 }), fc.nat(), async (all, seed) => {
        const named = all.map(({ load, holdMs }, index) => ({ budget: `t${index}`, load, holdMs }));
        const budgets = Object.fromEntries(
          all.map(({ weight, reserved }, index) => [`t${index}`, { weight, reserved }]),
        );
        const tenants = [...named, { budget: 'default', load: 0.01, holdMs: 1 }];
        const fates = await share({ tenants, size: 4, seed, ms: 1_500, budgets });
        const longestHoldMs = Math.max(...Array.from(fates.values(), ({ longestHoldMs: ms }) => ms));
        expect(fates.get('default')?.longestWaitMs).toBeLessThan(1_000 + 5 * longestHoldMs);
      }),
      replay({ numRuns: 10 }),
    );
  });
});

describe('a tenant that asks for ten times its share', () => {
  const names = ['a', 'b', 'c', 'd'];
  const budgets = { a: {}, b: {}, c: {}, d: {} };

  async function p99(seed: number, greed: number, own: Budgets | undefined): Promise<number> {
    const tenants = names.map((budget) => ({ budget, load: budget === 'd' ? 1.6 * greed : 1.6, holdMs: 20 }));
    const fates = await share({ tenants, size: 8, seed, ms: 6_000, ...(own === undefined ? {} : { budgets: own }) });
    const waits = names.slice(0, 3).flatMap((name) => fates.get(name)?.waitsMs ?? []);
    return quantile(
      waits.toSorted((x, y) => x - y),
      0.99,
    );
  }

  it.each([1, 2, 3])('leaves the longest waits of the others where they were, with seed %i', async (seed) => {
    const before = await p99(seed, 1, budgets);
    expect(await p99(seed, 10, budgets)).toBeLessThan(1.2 * before);
  });

  it('makes everybody wait where there are no budgets', async () => {
    expect(await p99(1, 10, undefined)).toBeGreaterThan(20 * (await p99(1, 1, undefined)));
  });
});

describe('a budget that a hook takes away while somebody asks for it', () => {
  it('is no mistake of whoever asks: there is nothing for him at once', async () => {
    let taken = false;
    const pool = createPool<object>({
      create: () => Promise.resolve({}),
      validate: () => {
        taken = true;
        pool.setBudgets({});
        return true;
      },
      validateAfterIdleMs: 0,
      size: 1,
      minIdle: 1,
      budgets: { b: { weight: 1 } },
    });
    await pool.warm();
    expect(pool.tryAcquire({ budget: 'b' })).toBeUndefined();
    expect(taken).toBe(true);
    expect(refusal(() => pool.tryAcquire({ budget: 'b' }))).toContain('budget "b" does not exist');
    await pool.close();
  });
});

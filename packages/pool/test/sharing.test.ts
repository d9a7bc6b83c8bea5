import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createLimit,
  createPool,
  PoolError,
  type Lease,
  type Pool,
  type PoolOptions,
  type SharedLimit,
} from '@hive/pool';
import { verifyPool, VirtualClock } from '@hive/pool/testing';
import { replay } from './support/replay.ts';
import { delayed } from './support/scene.ts';
import { watch } from './support/watched.ts';

type Options = Partial<PoolOptions<object>>;

/** Pools of four each under one limit. */
function under(
  most: number,
  names: readonly string[],
  more: Options = {},
): { clock: VirtualClock; limit: SharedLimit; pools: Pool<object>[] } {
  const clock = new VirtualClock();
  const limit = createLimit(most);
  const pools = names.map((name) =>
    createPool({
      name,
      create: () => ({}),
      size: 4,
      maxOverflow: 0,
      clock,
      sharedLimit: limit,
      random: () => 0.5,
      ...more,
    }),
  );
  return { clock, limit, pools };
}

function take(pool: Pool<object> | undefined, count: number): Promise<Lease<object>[]> {
  if (pool === undefined) throw new Error('there is no such pool');
  return Promise.all(Array.from({ length: count }, () => pool.acquire()));
}

function live(limit: SharedLimit): Readonly<Record<string, number>> {
  return Object.fromEntries(limit.stats().pools.map(({ name, live: count }) => [name, count]));
}

/** Callers that ask again as soon as they are done, each use taking 10 ms. */
function keepBusy(
  pool: Pool<object> | undefined,
  clock: VirtualClock,
  callers: number,
  done: () => void = (): void => {},
): void {
  const work = async (): Promise<void> => {
    for (;;) {
      const [lease] = await take(pool, 1);
      await delayed(clock, 10, () => lease?.release());
      done();
    }
  };
  for (let i = 0; i < callers; i++) work().catch(() => {});
}

describe('a limit over several pools', () => {
  it('is never exceeded, and what is closed in one pool serves who waits in another', async () => {
    const { clock, limit, pools } = under(3, ['a', 'b']);
    const [a, b] = pools;
    const held = await take(a, 3);
    const waiting = watch(take(b, 1));
    await clock.advance(100);
    expect([waiting.state, limit.stats().live]).toEqual(['pending', 3]);
    held[0]?.destroy();
    await clock.settle();
    expect(waiting.state).toBe('fulfilled');
    expect(live(limit)).toEqual({ a: 2, b: 1 });
  });

  it('closes what is idle in one pool when another waits', async () => {
    const { clock, limit, pools } = under(3, ['a', 'b']);
    const [a, b] = pools;
    for (const lease of await take(a, 3)) lease.release();
    expect(a?.stats()).toMatchObject({ idle: 3 });
    const waiting = watch(take(b, 2));
    await clock.advance(100);
    expect(waiting.state).toBe('fulfilled');
    expect(live(limit)).toEqual({ a: 1, b: 2 });
    expect(a?.stats().counters.destroyed.overflow).toBe(2);
  });

  it('waits for what is idle elsewhere to be closed, also when that takes time', async () => {
    const { clock, limit, pools } = under(1, ['a', 'b']);
    const slow = createPool({
      create: () => ({}),
      destroy: () => delayed(clock, 50, () => {}),
      clock,
      sharedLimit: limit,
    });
    (await slow.acquire()).release();
    const waiting = watch(take(pools[0], 1));
    await clock.advance(49);
    expect([waiting.state, limit.stats().live]).toEqual(['pending', 1]);
    await clock.advance(1);
    expect(waiting.state).toBe('fulfilled');
  });

  it('moves what comes back to a pool that has less, until both have as many', async () => {
    const { clock, limit, pools } = under(4, ['a', 'b']);
    keepBusy(pools[0], clock, 12);
    await clock.advance(100);
    expect(live(limit)).toEqual({ a: 4 });
    keepBusy(pools[1], clock, 12);
    await clock.advance(200);
    expect(live(limit)).toEqual({ a: 2, b: 2 });
    const before = pools.map((pool) => pool.stats().counters.created);
    await clock.advance(500);
    expect(pools.map((pool) => pool.stats().counters.created)).toEqual(before);
  });

  it('lets pools take turns when there are more of them than may be live', async () => {
    const { clock, pools } = under(1, ['a', 'b', 'c']);
    const done = [0, 0, 0];
    for (const [index, pool] of pools.entries())
      keepBusy(pool, clock, 2, () => {
        done[index] = (done[index] ?? 0) + 1;
      });
    await clock.advance(3_000);
    for (const count of done) expect(count).toBeGreaterThan(60);
  });

  it('gives back the places of creations that fail and of pools that close', async () => {
    const { clock, limit, pools } = under(2, ['a']);
    const broken = createPool<object>({
      create: () => Promise.reject(new Error('down')),
      clock,
      sharedLimit: limit,
      failFastAfter: 1,
    });
    const refused = watch(broken.acquire());
    await clock.advance(50);
    expect(refused.error.code).toBe('CREATE_FAILED');
    expect(limit.stats()).toMatchObject({ live: 0, pools: [] });
    await take(pools[0], 2);
    const other = createPool({ create: () => ({}), clock, sharedLimit: limit });
    const waiting = watch(other.acquire());
    void pools[0]?.close({ graceMs: 0 });
    await clock.advance(1);
    expect(waiting.state).toBe('fulfilled');
    expect(limit.stats().pools).toMatchObject([{ live: 1 }]);
  });

  it('is named, with who has it, when a wait ends', async () => {
    const { clock, pools } = under(2, ['readers', 'writers'], { acquireTimeoutMs: 100 });
    await take(pools[0], 2);
    const late = watch(take(pools[1], 1));
    await clock.advance(100);
    expect(late.error.message).toContain('0 of 4 leased, 1 waiting; 2 of the shared limit of 2 live: readers 2');
  });

  it('can be raised, which wakes who waits, and lowered, which closes what is idle and what comes back', async () => {
    const { clock, limit, pools } = under(2, ['a', 'b']);
    const held = await take(pools[0], 2);
    const waiting = watch(take(pools[1], 1));
    await clock.settle();
    limit.resize(4);
    await clock.settle();
    expect(waiting.state).toBe('fulfilled');
    waiting.value[0]?.release();
    limit.resize(1);
    expect(live(limit)).toEqual({ a: 2 });
    held[0]?.release();
    await clock.settle();
    expect(live(limit)).toEqual({ a: 1 });
    held[1]?.release();
    expect(pools[0]?.stats()).toMatchObject({ live: 1, idle: 1 });
  });

  it.each([0, -1, 1.5, Number.NaN, 1e9, '2', undefined])('is refused when it is %s', (most) => {
    expect(() => createLimit(most as number)).toThrow(/^the shared limit is .*; expected a whole number from 1 to/u);
    const limit = createLimit(2);
    expect(() => {
      limit.resize(most as number);
    }).toThrow(PoolError);
    expect(limit.most).toBe(2);
  });

  it('is what createLimit has made', () => {
    expect(() => createPool({ create: () => ({}), sharedLimit: { most: 3 } as SharedLimit })).toThrow(
      'pool option sharedLimit is an object; expected what createLimit has made',
    );
  });

  it('keeps every rule, whatever its pools do', async () => {
    const step = fc.record({
      pool: fc.nat({ max: 2 }),
      verb: fc.constantFrom(
        'acquire',
        'acquire',
        'acquire',
        'release',
        'release',
        'destroy',
        'abort',
        'pass',
        'resize',
      ),
      index: fc.nat({ max: 5 }),
    });
    const setting = fc.record({
      most: fc.integer({ min: 1, max: 4 }),
      createMs: fc.constantFrom(0, 5),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        setting,
        fc.array(step, { maxLength: 60, size: 'max' }),
        async ({ most, createMs, fails }, steps) => {
          let attempts = 0;
          let exists = 0;
          const made = (): object => {
            if (fails && ++attempts % 5 === 0) throw new Error('fails');
            exists++;
            return {};
          };
          const { clock, limit, pools } = under(most, ['a', 'b', 'c'], {
            create: () => (createMs === 0 ? made() : delayed(clock, createMs, () => {}).then(made)),
            destroy: () => {
              exists--;
            },
            acquireTimeoutMs: 1_000_000,
            failFastAfter: 1_000,
            minIdle: 0,
          });
          let allowed = most;
          const held: Lease<object>[] = [];
          const waits: { readonly controller: AbortController; open: boolean }[] = [];
          const check = (): void => {
            for (const pool of pools) verifyPool(pool);
            const sum = pools.reduce((total, pool) => total + pool.stats().live, 0);
            expect(limit.stats().live).toBe(sum);
            allowed = Math.max(limit.most, Math.min(allowed, sum));
            expect(sum).toBeLessThanOrEqual(allowed);
            expect(exists).toBeLessThanOrEqual(sum);
          };
          const act = async ({
            pool: number,
            verb,
            index,
          }: {
            pool: number;
            verb: string;
            index: number;
          }): Promise<void> => {
            const lease = held[index % Math.max(1, held.length)];
            if (verb === 'acquire') {
              const controller = new AbortController();
              const wait = { controller, open: true };
              waits.push(wait);
              pools[number]?.acquire({ signal: controller.signal }).then(
                (got) => {
                  wait.open = false;
                  held.push(got);
                },
                () => {
                  wait.open = false;
                },
              );
            } else if (verb === 'abort') waits.find(({ open }) => open)?.controller.abort();
            else if (verb === 'pass') await clock.advance(20);
            else if (verb === 'resize') limit.resize(1 + (index % 4));
            else if (lease !== undefined) {
              held.splice(held.indexOf(lease), 1);
              if (verb === 'release') lease.release();
              else lease.destroy();
            }
          };
          for (const one of steps) {
            await act(one);
            await clock.settle();
            check();
          }
          for (let round = 0; round < 40 && (held.length > 0 || waits.some(({ open }) => open)); round++) {
            for (const lease of held.splice(0)) lease.release();
            await clock.advance(1_000);
            check();
          }
          expect(waits.filter(({ open }) => open)).toEqual([]);
          for (const pool of pools) void pool.close({ graceMs: 0 });
          await clock.advance(1);
          expect(limit.stats()).toMatchObject({ live: 0, pools: [] });
          expect(exists).toBe(0);
        },
      ),
      replay({ numRuns: 150 }),
    );
  }, 60_000);
});

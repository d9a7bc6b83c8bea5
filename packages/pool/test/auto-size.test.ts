import { describe, expect, it } from 'vitest';
import { PoolError, type Lease } from '@hive/pool';
import { verifyPool } from '@hive/pool/testing';
import { AutoSize, type SizeBounds } from '../dist/auto-size.js';
import { randomNumbers } from './support/random-numbers.ts';
import { delayed, scene } from './support/scene.ts';
import type { Resource } from './support/workshop.ts';

const BOUNDS: SizeBounds = { min: 2, max: 40 };
/** Nothing is taken away sooner after something was given. */
const COOL_DOWN = 60;
const SEEDS = Array.from({ length: 5 }, (_, index) => index + 1);

/** How many callers come in a second, at this second. */
type Load = (second: number) => number;

/** The size after each second, and the share of callers who waited in the last of five parts of the time. */
interface Course {
  readonly sizes: readonly number[];
  readonly waitedAtLast: number;
}

/** A pool of which each use takes 100 ms on average, in steps of 10 ms. Callers come, and go, at random. */
function simulate(load: Load, seconds: number, seed: number): Course {
  const random = randomNumbers(seed);
  // As many as come by chance where so many are expected, and the variance is this.
  const chance = (mean: number, variance: number): number =>
    Math.max(0, Math.round(mean + 2 * Math.sqrt(variance) * (random() + random() + random() - 1.5)));
  const finder = new AutoSize(BOUNDS);
  const sizes: number[] = [];
  let size = BOUNDS.min;
  let busy = 0;
  let queue = 0;
  let callers = 0;
  let waited = 0;
  for (let second = 0; second < seconds; second++) {
    const comers = load(second) / 100;
    let queued = 0;
    let most = 0;
    for (let step = 0; step < 100; step++) {
      busy -= Math.min(busy, chance(busy * 0.1 + (random() - 0.5), busy * 0.09));
      queue += chance(comers + (random() - 0.5), comers);
      const served = Math.max(0, Math.min(queue, size - busy));
      busy += served;
      queue -= served;
      queued += queue / 100;
      most = Math.max(most, busy);
      if (second >= seconds * 0.8) {
        callers += served;
        if (queue > 0) waited += served;
      }
    }
    size = finder.next(size, { queued, full: true, unused: Math.max(0, size - most) });
    sizes.push(size);
  }
  return { sizes, waitedAtLast: callers === 0 ? 0 : waited / callers };
}

/** The seconds at which the size began to go the other way. */
function turns(sizes: readonly number[]): readonly number[] {
  const found: number[] = [];
  let last = 0;
  for (const [second, size] of sizes.entries()) {
    const way = Math.sign(size - (sizes[second - 1] ?? BOUNDS.min));
    if (way !== 0 && last !== 0 && way !== last) found.push(second);
    if (way !== 0) last = way;
  }
  return found;
}

const LOADS: readonly (readonly [name: string, load: Load])[] = [
  ['constant', () => 100],
  ['a step up', (second) => (second < 300 ? 30 : 200)],
  ['a step down', (second) => (second < 300 ? 200 : 30)],
  ['a ramp up and down', (second) => 250 - Math.abs(second - 600) * 0.4],
  ['bursts of five seconds, every two minutes', (second) => (second % 120 < 5 ? 300 : 20)],
  ['bursts of a minute, every five', (second) => (second % 300 < 60 ? 300 : 20)],
  ['a square wave as long as the patience', (second) => (second % 124 < 62 ? 250 : 20)],
  ['far more than there can be room for', () => 900],
  ['nothing', () => 0],
];

/** The size after two seconds with such a queue. */
const afterTwo = (size: number, queued: number): number => {
  const finder = new AutoSize(BOUNDS);
  finder.next(size, { queued, full: true, unused: 0 });
  return finder.next(size, { queued, full: true, unused: 0 });
};

/** A pool that finds its size, in a time that the test moves. */
const finding = (bounds: SizeBounds = { min: 2, max: 8 }): ReturnType<typeof scene> =>
  scene(() => ({ autoSize: bounds, maxOverflow: 0, acquireTimeoutMs: 60_000, maxLifetimeMs: 0 }));

async function hold(pool: ReturnType<typeof scene>['pool'], count: number): Promise<Lease<Resource>[]> {
  return Promise.all(Array.from({ length: count }, () => pool.acquire()));
}

describe('the size that a pool finds by itself', () => {
  it.each(LOADS)('stays in its bounds, and takes nothing away within a minute of a growth: %s', (_, load) => {
    for (const seed of SEEDS) {
      const { sizes } = simulate(load, 1_200, seed);
      const outside = sizes.filter((size) => size < BOUNDS.min || size > BOUNDS.max || !Number.isInteger(size));
      expect({ seed, outside }).toEqual({ seed, outside: [] });
      let grownAt = -Infinity;
      const hasty = sizes.filter((size, second) => {
        const before = sizes[second - 1] ?? BOUNDS.min;
        if (size > before) grownAt = second;
        return size < before && second - grownAt < COOL_DOWN;
      });
      expect({ seed, hasty }).toEqual({ seed, hasty: [] });
    }
  });

  it('settles under a constant load, with room for nearly everybody and little more', () => {
    for (const seed of SEEDS) {
      const { sizes, waitedAtLast } = simulate(() => 100, 3_600, seed);
      const late = sizes.slice(1_800);
      // Ten are busy on average.
      const verdict = { seed, spread: Math.max(...late) - Math.min(...late) <= 3, turns: turns(late).length <= 1 };
      expect(verdict).toEqual({ seed, spread: true, turns: true });
      expect(late.at(-1)).toBeGreaterThanOrEqual(14);
      expect(late.at(-1)).toBeLessThanOrEqual(26);
      expect(waitedAtLast).toBeLessThan(0.05);
    }
  });

  it('has room for eight times the load within ten seconds', () => {
    for (const seed of SEEDS) {
      const { sizes } = simulate((second) => (second < 120 ? 25 : 200), 140, seed);
      expect({ seed, size: (sizes[130] ?? 0) >= 20 }).toEqual({ seed, size: true });
    }
  });

  it('gives back slowly: within a minute nothing, at last nearly all', () => {
    const { sizes } = simulate((second) => (second < 120 ? 380 : 0), 1_200, 1);
    expect(sizes[120 + COOL_DOWN - 2]).toBe(sizes[120]);
    expect(sizes.at(-1)).toBeLessThanOrEqual(BOUNDS.min + 1);
  });

  it('takes back less and less often what it had to give again', () => {
    const { sizes } = simulate((second) => (second % 300 < 60 ? 300 : 20), 7_200, 3);
    const found = turns(sizes);
    const firstHalf = found.filter((second) => second < 3_600).length;
    expect(firstHalf).toBeGreaterThan(0);
    expect(found.length - firstHalf).toBeLessThan(firstHalf);
  });

  it.each([250, 500, 1_000])(
    'leaves what comes back every %d s alone at last, also where it had shrunk in several steps',
    (every) => {
      const finder = new AutoSize({ min: 2, max: 16 });
      const changes: number[] = [];
      let size = 2;
      for (let second = 0; second < 7 * 3_600; second++) {
        const wanted = second % every < 4 ? 14 : 2;
        const seen = { queued: Math.max(0, wanted - size), full: true, unused: Math.max(0, size - wanted) };
        const next = finder.next(size, seen);
        if (next !== size) changes.push(second);
        size = next;
      }
      expect(changes.length).toBeGreaterThan(0);
      expect(changes.filter((second) => second > 4 * 3_600)).toEqual([]);
    },
  );

  it('gives back as quickly after each day as after the first: what a night has not needed was rightly taken', () => {
    const finder = new AutoSize({ min: 2, max: 16 });
    const waits: number[] = [];
    let size = 2;
    for (let second = 0; second < 6 * 24 * 3_600; second++) {
      const hour = second % (24 * 3_600);
      const wanted = hour < 600 ? 14 : 2;
      const seen = { queued: Math.max(0, wanted - size), full: true, unused: Math.max(0, size - wanted) };
      const next = finder.next(size, seen);
      if (next < size && size > 10) waits.push(hour - 600);
      size = next;
    }
    expect(waits).toHaveLength(6);
    expect(new Set(waits.map((wait) => wait - (waits[0] ?? 0)))).toEqual(new Set([0]));
  });

  it('does not grow for one pause, nor while what the limit allows is being opened', () => {
    const finder = new AutoSize(BOUNDS);
    const calm = { queued: 0, full: true, unused: 1 };
    const queue = { queued: 9, full: true, unused: 0 };
    expect(finder.next(4, queue)).toBe(4);
    expect(finder.next(4, calm)).toBe(4);
    expect(finder.next(4, queue)).toBe(4);
    expect(finder.next(4, { ...queue, full: false })).toBe(4);
    expect(finder.next(4, queue)).toBe(4);
    expect(finder.next(4, queue)).toBe(8);
  });

  it('grows by what waits, and no more than double', () => {
    expect([afterTwo(10, 1.2), afterTwo(10, 500), afterTwo(30, 500), afterTwo(40, 500)]).toEqual([12, 20, 40, 40]);
  });

  it('counts a minute anew from each second with a queue', () => {
    const finder = new AutoSize(BOUNDS);
    const calm = (seconds: number): number => {
      for (let second = 1; second < seconds; second++) finder.next(10, { queued: 0, full: true, unused: 4 });
      return finder.next(10, { queued: 0, full: true, unused: 4 });
    };
    expect(calm(COOL_DOWN - 1)).toBe(10);
    expect(finder.next(10, { queued: 1, full: true, unused: 0 })).toBe(10);
    expect(calm(COOL_DOWN - 1)).toBe(10);
    expect(calm(1)).toBe(8);
  });

  it('makes nothing of looks that lie far apart, or close together', () => {
    for (const step of [100, 60_000]) {
      const finder = new AutoSize(BOUNDS);
      const sizes = Array.from({ length: 100 }, (_, index) =>
        finder.look(10, { now: index * step, waitedMs: index * step * 20, full: true, unused: 5 }),
      );
      expect(new Set(sizes)).toEqual(new Set([10]));
    }
  });
});

describe('a pool with bounds for its size', () => {
  it('begins with the smallest, grows while somebody waits, and is small again when nobody needs it', async () => {
    const { pool, clock } = finding();
    expect(pool.stats().size).toBe(2);
    const all = hold(pool, 8);
    await clock.advance(10_000);
    const leases = await all;
    expect(pool.stats()).toMatchObject({ size: 8, leased: 8, waiting: 0 });
    for (const lease of leases) lease.release();
    await clock.advance(50_000);
    expect(pool.stats()).toMatchObject({ size: 8, idle: 8 });
    await clock.advance(300_000);
    expect(pool.stats()).toMatchObject({ size: 2, idle: 2 });
    verifyPool(pool);
  });

  it('keeps what one caller after the other needs, and no more', async () => {
    const { pool, clock } = finding({ min: 1, max: 8 });
    await pool.resize({ size: 8 });
    for (let second = 0; second < 1_000; second++) {
      const all = hold(pool, 3);
      await clock.advance(100);
      for (const lease of await all) lease.release();
      await clock.advance(900);
    }
    expect(pool.stats().size).toBe(4);
  });

  it('does not grow because opening takes long', async () => {
    const { pool, clock } = scene(({ clock: time, shop }) => ({
      autoSize: { min: 2, max: 8 },
      maxOverflow: 0,
      create: () => delayed(time, 3_000, () => shop.make()),
    }));
    const both = hold(pool, 2);
    await clock.advance(20_000);
    expect((await both).length).toBe(2);
    expect(pool.stats().size).toBe(2);
  });

  it('stays as it is while it is suspended', async () => {
    const { pool, clock } = finding();
    const all = hold(pool, 2);
    await clock.advance(1_000);
    const [lease] = await all;
    pool.suspend();
    void hold(pool, 6);
    await clock.advance(10_000);
    expect(pool.stats()).toMatchObject({ size: 2, waiting: 6 });
    lease?.release();
  });

  it('may be resized by hand within the bounds, and not beyond', async () => {
    const { pool } = finding();
    await pool.resize({ size: 5 });
    expect(pool.stats().size).toBe(5);
    await expect(pool.resize({ size: 9 })).rejects.toThrow(
      'pool option size is 9; expected from 2 to 8, the bounds of autoSize',
    );
    expect(pool.stats().size).toBe(5);
  });

  it('begins when it is told between which bounds, which must have its size between them, and ends when it is told so', async () => {
    const { pool, clock } = scene(() => ({ size: 2, maxOverflow: 0, acquireTimeoutMs: 60_000, maxLifetimeMs: 0 }));
    void hold(pool, 6);
    await clock.advance(10_000);
    expect(pool.stats().size).toBe(2);
    for (const [bounds, message] of [
      [{ min: 3, max: 8 }, 'pool option size is 2; expected from 3 to 8, the bounds of autoSize'],
      [4, 'pool option autoSize is 4; expected an object'],
      [{ min: 0, max: 8 }, 'pool option autoSize.min is 0; expected a whole number from 1 to 1000000'],
    ] as const)
      expect(() => {
        pool.setAutoSize(bounds as SizeBounds);
      }).toThrow(new PoolError('CONFIG', message));
    await clock.advance(10_000);
    expect(pool.stats().size).toBe(2);
    pool.setAutoSize({ min: 2, max: 4 });
    await clock.advance(10_000);
    expect(pool.stats().size).toBe(4);
    pool.setAutoSize(undefined);
    await pool.resize({ size: 9 });
    expect(pool.stats().size).toBe(9);
  });

  it.each([
    [{ min: 0, max: 8 }, {}, 'pool option autoSize.min is 0; expected a whole number from 1 to 1000000'],
    [{ min: 1, max: '8' }, {}, 'pool option autoSize.max is "8"; expected a whole number from 1 to 1000000'],
    [{ min: 4, max: 2 }, {}, 'pool option autoSize.max is 2; expected at least autoSize.min, which is 4'],
    [{ min: 2, max: 4 }, { size: 5 }, 'pool option size is 5; expected from 2 to 4, the bounds of autoSize'],
    [{ min: 2, max: 4 }, { minIdle: 3 }, 'pool option autoSize.min is 2; expected at least minIdle, which is 3'],
    [{ min: 2, max: 4, step: 1 }, {}, 'pool option autoSize.step does not exist; there are min and max'],
    [4, {}, 'pool option autoSize is 4; expected an object'],
  ])('refuses bounds that are none: %j with %j', (autoSize, others, message) => {
    expect(() => scene(() => ({ autoSize: autoSize as SizeBounds, ...others }))).toThrow(
      new PoolError('CONFIG', message),
    );
  });
});

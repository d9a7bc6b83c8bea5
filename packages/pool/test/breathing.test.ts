import { describe, expect, it } from 'vitest';
import { createPool, Breather, type Pool } from '@hive/pool';
import { VirtualClock } from '@hive/pool/testing';
import { scene } from './support/scene.ts';
import type { Resource } from './support/workshop.ts';

/** Runs `step` again and again without a turn of the event loop in between, each taking `stepMs`; returns how far it came. */
async function loopUntilHeld(clock: VirtualClock, stepMs: number, step: () => Promise<void>): Promise<number> {
  let steps = 0;
  const loop = async (): Promise<void> => {
    while (steps < ENDLESS) {
      await step();
      clock.block(stepMs);
      steps++;
    }
  };
  const running = loop();
  await reactions();
  const reached = steps;
  steps = ENDLESS;
  await clock.settle();
  await running;
  return reached;
}

const ENDLESS = 1_000;

/** Lets more promise reactions run than endless loops make here: what is still pending then waits for the event loop. */
async function reactions(): Promise<void> {
  for (let i = 0; i < 100 * ENDLESS; i++) await Promise.resolve();
}

async function borrow(pool: Pool<Resource>): Promise<void> {
  (await pool.acquire()).release();
}

describe('a loop that never leaves promise reactions', () => {
  it('yields to the event loop after about five milliseconds', async () => {
    const { pool, clock } = scene(() => ({ timeEvery: 1 }));
    await borrow(pool);
    await clock.settle();
    const steps = await loopUntilHeld(clock, 1, async () => {
      await borrow(pool);
    });
    expect(steps).toBeGreaterThanOrEqual(4);
    expect(steps).toBeLessThanOrEqual(11);
  });

  it('yields as soon when only some of its uses are timed, for long uses always are', async () => {
    const { pool, clock } = scene(() => ({ timeEvery: 16 }));
    for (let i = 0; i < 32; i++) {
      await borrow(pool);
      clock.block(2);
      await clock.settle();
    }
    const steps = await loopUntilHeld(clock, 2, async () => {
      await borrow(pool);
    });
    expect(steps).toBeLessThanOrEqual(6);
  });

  it('yields when it hands a resource from one to the next', async () => {
    const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0 }));
    let steps = 0;
    const worker = async (): Promise<void> => {
      while (steps < ENDLESS) {
        const lease = await pool.acquire();
        steps++;
        clock.block(1);
        lease.release();
      }
    };
    const workers = Promise.all([worker(), worker(), worker()]);
    await reactions();
    expect(steps).toBeGreaterThanOrEqual(4);
    expect(steps).toBeLessThanOrEqual(11);
    steps = ENDLESS;
    await clock.settle();
    await workers;
  });

  it.each([
    [
      'refused by a full queue',
      { maxWaiting: 1 },
      async (pool: Pool<Resource>) => {
        await pool.acquire().catch(() => {});
      },
    ],
    [
      'not willing to wait',
      {},
      async (pool: Pool<Resource>) => {
        await pool.acquire({ timeoutMs: 0 }).catch(() => {});
      },
    ],
    [
      'aborted at once',
      {},
      async (pool: Pool<Resource>) => {
        const controller = new AbortController();
        const waiting = pool.acquire({ signal: controller.signal });
        controller.abort();
        await waiting.catch(() => {});
      },
    ],
    [
      'aborted before',
      {},
      async (pool: Pool<Resource>) => {
        await pool.acquire({ signal: AbortSignal.abort() }).catch(() => {});
      },
    ],
  ])('yields when its callers are %s', async (_, options, step) => {
    const { pool, clock } = scene(() => ({ size: 1, maxOverflow: 0, ...options }));
    await pool.acquire();
    pool.acquire().catch(() => {});
    await clock.settle();
    const steps = await loopUntilHeld(clock, 1, async () => {
      await step(pool);
    });
    expect(steps).toBeLessThanOrEqual(11);
  });

  it('yields when the server refuses and every caller fails at once', async () => {
    const { pool, clock } = scene(() => ({
      failFastAfter: 1,
      backoffMs: 5_000,
      create: () => {
        throw new Error('connect refused');
      },
    }));
    await pool.acquire().catch(() => {});
    const steps = await loopUntilHeld(clock, 1, async () => {
      await pool.acquire().catch(() => {});
    });
    expect(steps).toBeLessThanOrEqual(11);
  });

  it('yields when the pool is closed', async () => {
    const { pool, clock } = scene();
    await pool.close();
    const steps = await loopUntilHeld(clock, 1, async () => {
      await pool.acquire().catch(() => {});
    });
    expect(steps).toBeLessThanOrEqual(11);
  });

  it('keeps the order of those who are held back', async () => {
    const { pool, clock } = scene(() => ({ timeEvery: 1, size: 8 }));
    for (const lease of await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()])) lease.release();
    await clock.settle();
    clock.block(10);
    await borrow(pool);
    clock.block(10);
    const order: number[] = [];
    const held = [1, 2, 3].map(async (name) => {
      const lease = await pool.acquire();
      order.push(name);
      lease.release();
    });
    await reactions();
    expect(order).toEqual([]);
    await clock.settle();
    await Promise.all(held);
    expect(order).toEqual([1, 2, 3]);
  });

  it('is left alone as long as the event loop turns by itself', async () => {
    const { pool, clock } = scene(() => ({ timeEvery: 1 }));
    await borrow(pool);
    for (let i = 0; i < 20; i++) {
      await clock.advance(10);
      let served = false;
      void borrow(pool).then(() => {
        served = true;
      });
      await reactions();
      expect(served).toBe(true);
    }
  });

  it('is left alone when the clock has moved on since the last use, for then the loop has turned as well', async () => {
    const { pool, clock } = scene(() => ({ timeEvery: 1 }));
    await borrow(pool);
    clock.after(10, () => void Promise.resolve().then(async () => borrow(pool)));
    await clock.advance(20);
    let served = false;
    void borrow(pool).then(() => {
      served = true;
    });
    await reactions();
    expect(served).toBe(true);
  });

  it('lets timers and immediates of a real process run', async () => {
    const pool = createPool({ create: () => ({}) });
    let immediates = 0;
    let timers = 0;
    const immediate = (): void => {
      immediates++;
      again = setImmediate(immediate);
    };
    let again = setImmediate(immediate);
    const timer = setInterval(() => timers++, 1);
    const end = performance.now() + 200;
    while (performance.now() < end) (await pool.acquire()).release();
    expect(immediates).toBeGreaterThan(0);
    expect(timers).toBeGreaterThan(0);
    clearImmediate(again);
    clearInterval(timer);
    await pool.close();
  });
});

describe('a breather', () => {
  it('owes a breath only after some milliseconds without a turn', async () => {
    const clock = new VirtualClock();
    const breather = new Breather(clock);
    clock.block(3);
    expect(breather.check(clock.now())).toBe(false);
    clock.block(2);
    expect(breather.check(clock.now())).toBe(true);
    expect(breather.holding).toBe(true);
    await clock.settle();
    expect(breather.holding).toBe(false);
    expect(breather.check(clock.now())).toBe(false);
    clock.block(5);
    expect(breather.check(clock.now())).toBe(true);
  });
});

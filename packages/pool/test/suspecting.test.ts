import { describe, expect, it } from 'vitest';
import type { Lease, LeaseInfo, Pool, PoolObserver, PoolOptions } from '@hive/pool';
import { verifyPool, type VirtualClock } from '@hive/pool/testing';
import { scene } from './support/scene.ts';
import type { Resource } from './support/workshop.ts';

interface Watched {
  readonly pool: Pool<Resource>;
  readonly clock: VirtualClock;
  /** What an observer was told, with the age of the lease in seconds. */
  readonly told: readonly string[];
  readonly infos: readonly LeaseInfo[];
}

function watched(options: Partial<PoolOptions<Resource>> = {}): Watched {
  const told: string[] = [];
  const infos: LeaseInfo[] = [];
  const note =
    (what: string) =>
    (lease: LeaseInfo): void => {
      told.push(`${what} ${lease.owner ?? 'somebody'} ${lease.ageMs / 1_000}`);
      infos.push(lease);
    };
  const observer: PoolObserver = { suspected: note('suspected'), returnedLate: note('returned') };
  return { ...scene(() => ({ observer, ...options })), told, infos };
}

const kept = new Set<Lease<Resource>>();

/** For one that nobody gives back: a lease whose handle is collected is told of in another way. */
async function keep(borrowed: Promise<Lease<Resource>>): Promise<Lease<Resource>> {
  const lease = await borrowed;
  kept.add(lease);
  return lease;
}

/** Acquires in a function that stacks can be searched for. */
function acquiredHere(pool: Pool<Resource>, owner: string, allowedMs?: number) {
  return pool.acquire({ owner, allowedMs });
}

/** Borrows for a moment, and says whether it was known where. */
async function isKnown(pool: Pool<Resource>): Promise<boolean> {
  using _lease = await pool.acquire();
  return pool.leases()[0]?.acquiredAt !== undefined;
}

describe('a lease that is held too long', () => {
  it('is reported at the threshold, again whenever its age has doubled, and once when it comes back', async () => {
    const { pool, clock, told } = watched();
    const lease = await pool.acquire({ owner: 'report' });
    await clock.advance(29_999);
    expect(told).toEqual([]);
    await clock.advance(130_001);
    expect(told).toEqual(['suspected report 30', 'suspected report 60', 'suspected report 120']);
    lease.release();
    expect(told.slice(3)).toEqual(['returned report 160']);
    lease.release();
    (await pool.acquire({ owner: 'next' })).release();
    expect(told).toHaveLength(4);
    expect(pool.stats().counters).toMatchObject({ suspected: 1, returnedLate: 1 });
    verifyPool(pool);
  });

  it('is reported with who has it, how long it is idle, and as a suspect of the pool', async () => {
    const { pool, clock, infos } = watched();
    const lease = await pool.acquire({ owner: 'report', capture: true });
    await clock.advance(31_000);
    const about = { owner: 'report', suspect: true, allowedMs: undefined };
    expect(infos).toMatchObject([{ ...about, ageMs: 30_000, idleMs: 30_000 }]);
    expect(infos[0]?.acquiredAt).toMatch(/suspecting\.test/);
    expect(pool.leases()).toMatchObject([{ ...about, ageMs: 31_000, idleMs: 31_000 }]);
    expect(pool.stats()).toMatchObject({ suspects: 1, counters: { suspected: 1, returnedLate: 0 } });
    lease.destroy();
    expect(pool.stats()).toMatchObject({ suspects: 0, counters: { suspected: 1, returnedLate: 1 } });
  });

  it('is not returned where it was taken away in place of its holder', async () => {
    const { pool, clock, told } = watched();
    const lease = await pool.acquire({ owner: 'report' });
    await clock.advance(31_000);
    lease.takeAway();
    lease.takeAway();
    expect(told).toEqual(['suspected report 30']);
    const counters = { suspected: 1, returnedLate: 0, staleReleases: 1, destroyed: { caller: 1 } };
    expect(pool.stats()).toMatchObject({ leased: 0, suspects: 0, counters });
    verifyPool(pool);
  });

  it('is not suspected, where nobody can tell whether it is used, before its holder has had the time that he asked for, and doubles that', async () => {
    const { pool, clock, told } = watched();
    await keep(pool.acquire({ owner: 'long', allowedMs: 100_000 }));
    await keep(pool.acquire({ owner: 'short', allowedMs: 1_000 }));
    await clock.advance(29_000);
    expect(told).toEqual([]);
    await clock.advance(271_000);
    expect(told.filter((what) => what.includes('long'))).toEqual(['suspected long 100', 'suspected long 200']);
    expect(told.filter((what) => what.includes('short'))).toEqual(
      [30, 60, 120, 240].map((age) => `suspected short ${age}`),
    );
  });

  it('is suspected when its holder wants to be told, sooner or later than others, where its place is captured', async () => {
    const { pool, clock, told } = watched();
    await keep(pool.acquire({ owner: 'soon', allowedMs: 600_000, leakThresholdMs: 5_000, capture: true }));
    await keep(pool.acquire({ owner: 'late', leakThresholdMs: 100_000, capture: new Error('here') }));
    await keep(pool.acquire({ owner: 'uncaptured', leakThresholdMs: 5_000 }));
    await clock.advance(101_000);
    expect(told).toEqual([
      ...[5, 10, 20].map((age) => `suspected soon ${age}`),
      'suspected uncaptured 30',
      'suspected soon 40',
      'suspected uncaptured 60',
      'suspected soon 80',
      'suspected late 100',
    ]);
    const { revoked } = await pool.flush('leaked');
    expect(revoked).toHaveLength(3);
  });

  it('is told of at the next look, and again, but not at each, where he wants to be told at once', async () => {
    const { pool, clock, told } = watched();
    await keep(pool.acquire({ owner: 'at once', leakThresholdMs: 0, capture: true }));
    await clock.advance(5_000);
    expect(told).toEqual([1, 2, 3, 5].map((age) => `suspected at once ${age}`));
  });

  it('is reported once for all doublings that a standstill of the event loop has hidden', async () => {
    const { pool, clock, told } = watched();
    await keep(pool.acquire({ owner: 'report' }));
    await clock.advance(1_000);
    clock.block(149_000);
    await clock.advance(0);
    await clock.advance(60_000);
    expect(told).toEqual(['suspected report 150']);
    await clock.advance(30_000);
    expect(told).toEqual(['suspected report 150', 'suspected report 240']);
  });

  it('is a suspect of flush as of everybody else, and is not said to have come back', async () => {
    const { pool, clock, told } = watched({ leakThresholdMs: 5_000 });
    const lease = await pool.acquire({ owner: 'report' });
    await clock.advance(5_000);
    await expect(pool.flush('leaked')).resolves.toMatchObject({ revoked: [{ owner: 'report', suspect: true }] });
    lease.release();
    expect(told).toEqual(['suspected report 5']);
    expect(pool.stats()).toMatchObject({ suspects: 0, counters: { suspected: 1, returnedLate: 0, staleReleases: 1 } });
  });

  it('may be flushed by whoever hears that it comes back', async () => {
    const flushed: Promise<unknown>[] = [];
    const { pool, clock, shop } = scene(() => ({
      observer: { returnedLate: () => flushed.push(pool.flush('all')) },
    }));
    const lease = await pool.acquire();
    await clock.advance(30_000);
    lease.release();
    await Promise.all(flushed);
    expect(shop.alive).toEqual([]);
    expect(pool.stats().counters).toMatchObject({ returnedLate: 1, revoked: 1, observerErrors: 0 });
    verifyPool(pool);
  });
});

describe('a holder that works', () => {
  it('is not suspected, however long it takes, until it has stopped for as long as the threshold', async () => {
    let uses = 0;
    const { pool, clock, told } = watched({ uses: () => uses });
    const lease = await pool.acquire({ owner: 'import' });
    for (let round = 0; round < 10; round++) {
      uses++;
      await clock.advance(20_000);
    }
    expect(told).toEqual([]);
    expect(pool.leases()).toMatchObject([{ ageMs: 200_000, suspect: false }]);
    await clock.advance(11_000);
    expect(told).toEqual(['suspected import 211']);
    uses++;
    expect(pool.stats()).toMatchObject({ suspects: 0, counters: { suspected: 1 } });
    await expect(pool.flush('leaked')).resolves.toMatchObject({ revoked: [] });
    await clock.advance(300_000);
    expect(told.slice(1)).toEqual(['suspected import 241', 'suspected import 480']);
    lease.release();
    expect(told.slice(3)).toEqual(['returned import 511']);
  });

  it('is suspected when he has stopped, however long he has asked for, and not while he works, however little', async () => {
    const uses = new Map<unknown, number>();
    const { pool, clock, told } = watched({ uses: (resource) => uses.get(resource) ?? 0 });
    const long = await keep(pool.acquire({ owner: 'long', allowedMs: 3_600_000 }));
    const short = await keep(pool.acquire({ owner: 'short', allowedMs: 1_000 }));
    for (let second = 1; second <= 120; second++) {
      if (second === 20) uses.set(long.resource, 1);
      uses.set(short.resource, second);
      await clock.advance(1_000);
    }
    expect(told).toEqual(['suspected long 50', 'suspected long 60', 'suspected long 120']);
    expect(pool.leases()).toMatchObject([{ owner: 'long', suspect: true, allowedMs: 3_600_000 }, { suspect: false }]);
    await expect(pool.flush('leaked')).resolves.toMatchObject({ revoked: [{ owner: 'long' }] });
  });

  it('has the time that he asked for where the pool is told of no use because asking fails', async () => {
    const { pool, clock, told } = watched({
      uses: () => {
        throw new Error('cannot say');
      },
    });
    await keep(pool.acquire({ owner: 'long', allowedMs: 60_000 }));
    await clock.advance(61_000);
    expect(told).toEqual(['suspected long 60']);
  });

  it('is not suspected while one use lasts', async () => {
    let isRunning = true;
    const { pool, clock, told } = watched({ uses: () => (isRunning ? undefined : 1) });
    await keep(pool.acquire({ owner: 'long statement' }));
    await clock.advance(100_000);
    expect(told).toEqual([]);
    expect(pool.leases()).toMatchObject([{ idleMs: 0 }]);
    isRunning = false;
    await clock.advance(31_000);
    expect(told).toEqual(['suspected long statement 131']);
  });

  it('is told from one that takes what somebody else has used', async () => {
    let uses = 0;
    const { pool, clock, told } = watched({ uses: () => uses });
    const first = await pool.acquire({ owner: 'first' });
    uses++;
    await clock.advance(1_000);
    first.release();
    uses++;
    await clock.advance(9_000);
    await keep(pool.acquire({ owner: 'second' }));
    await clock.advance(30_000);
    expect(told).toEqual(['suspected second 30']);
  });

  it('is judged by its age where the hook cannot say', async () => {
    const { pool, clock, told } = watched({
      uses: () => {
        throw new Error('not that');
      },
    });
    await keep(pool.acquire({ owner: 'import' }));
    await clock.advance(30_000);
    expect(told).toEqual(['suspected import 30']);
  });
});

describe('the place where a lease was acquired', () => {
  it('is remembered for every lease of an owner that was suspected once, and of no other', async () => {
    const { pool, clock, infos } = watched({ captureApartMs: 0 });
    const lease = await acquiredHere(pool, 'forgetful');
    await clock.advance(30_000);
    expect(infos[0]?.acquiredAt).toBeUndefined();
    lease.release();
    await acquiredHere(pool, 'careful');
    await acquiredHere(pool, 'forgetful');
    const [careful, forgetful] = pool.leases().toSorted((a, b) => a.id - b.id);
    expect(careful?.acquiredAt).toBeUndefined();
    expect(forgetful?.acquiredAt).toMatch(/acquiredHere/);
  });

  it('is remembered too for one that had to wait', async () => {
    const { pool, clock } = watched({ size: 1, maxOverflow: 0, captureApartMs: 0 });
    const lease = await pool.acquire({ owner: 'forgetful' });
    await clock.advance(30_000);
    const waiting = acquiredHere(pool, 'forgetful');
    lease.release();
    await waiting;
    expect(pool.leases()[0]?.acquiredAt).toMatch(/acquiredHere/);
  });

  it('is remembered for a thousand owners at most, whatever is made into one', async () => {
    const { pool, clock } = watched({ size: 1_001, captureApartMs: 0, maxCreating: 1_001 });
    const leases = await Promise.all(Array.from({ length: 1_001 }, (_, i) => pool.acquire({ owner: `request ${i}` })));
    await clock.advance(30_000);
    for (const lease of leases) lease.release();
    await acquiredHere(pool, 'request 999');
    await acquiredHere(pool, 'request 1000');
    const [known, unknown] = pool.leases().toSorted((a, b) => a.id - b.id);
    expect(known?.acquiredAt).toMatch(/acquiredHere/);
    expect(unknown?.acquiredAt).toBeUndefined();
  });

  it('is remembered for each lease that comes a millisecond after the last, where nothing else is said', async () => {
    const { pool, clock, infos } = watched();
    for (let i = 0; i < 20; i++) {
      await clock.advance(1);
      const lease = await acquiredHere(pool, `report ${i}`);
      expect(pool.leases()[0]?.acquiredAt).toMatch(/acquiredHere/);
      lease.release();
    }
    await clock.advance(1);
    await acquiredHere(pool, 'forgetful');
    await clock.advance(31_000);
    expect(infos).toMatchObject([{ owner: 'forgetful', acquiredAt: expect.stringMatching(/acquiredHere/) as string }]);
  });

  it('is remembered for one lease a millisecond in a dense stream, where nothing else is said', async () => {
    const { pool, clock } = watched();
    const known: boolean[] = [];
    for (let i = 0; i < 400; i++) {
      known.push(await isKnown(pool));
      if (i % 100 === 99) await clock.advance(1);
    }
    expect(known.filter(Boolean)).toHaveLength(4);
    expect(known[0]).toBe(true);
  });

  it('is remembered in a dense stream for one lease in as many as is said', async () => {
    const { pool } = watched({ captureEvery: 3 });
    const known: boolean[] = [];
    for (let i = 0; i < 7; i++) known.push(await isKnown(pool));
    expect(known).toEqual([true, false, false, true, false, false, true]);
  });

  it('is not remembered for a lease whose holder says that it cannot be forgotten', async () => {
    const { pool } = watched({ captureEvery: 1 });
    using told = await pool.acquire({ owner: 'loop', capture: false });
    expect(pool.leases()).toMatchObject([{ id: told.id, owner: 'loop', acquiredAt: undefined }]);
  });

  it('is remembered for one lease in as many as is said, and for no other where nothing is said of time', async () => {
    const { pool, clock } = watched({ captureEvery: 3, captureApartMs: 0 });
    const known: boolean[] = [];
    for (let i = 0; i < 6; i++) {
      known.push(await isKnown(pool));
      await clock.advance(1);
    }
    expect(known).toEqual([false, false, true, false, false, true]);
  });

  it('is remembered from now on as is said while the pool is in use', async () => {
    const { pool, clock } = watched({ captureApartMs: 0, timeEvery: 1 });
    expect(await isKnown(pool)).toBe(false);
    pool.retune({ captureApartMs: 5 });
    expect([await isKnown(pool), await isKnown(pool)]).toEqual([true, false]);
    await clock.advance(4);
    expect(await isKnown(pool)).toBe(false);
    await clock.advance(1);
    expect(await isKnown(pool)).toBe(true);
    pool.retune({ captureEvery: 2, captureApartMs: 0 });
    expect([await isKnown(pool), await isKnown(pool)]).toEqual([false, true]);
  });

  it('is remembered for one that had to wait by when it came, not by when somebody was there before', async () => {
    const { pool, clock } = watched({ size: 1, maxOverflow: 0 });
    await clock.advance(5);
    const lease = await pool.acquire();
    await clock.advance(5);
    const waiting = acquiredHere(pool, 'patient');
    lease.release();
    await waiting;
    expect(pool.leases()[0]?.acquiredAt).toMatch(/acquiredHere/);
  });

  it.each([
    ['makes something else of stacks than text', (_: Error, sites: unknown) => sites],
    [
      'fails at it',
      () => {
        throw new Error('broken');
      },
    ],
  ])('is left out where the application %s', async (_, format) => {
    const { pool } = scene();
    const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
    Reflect.set(Error, 'prepareStackTrace', format);
    try {
      const lease = await pool.acquire({ capture: true });
      expect(pool.leases()[0]?.acquiredAt).toBeUndefined();
      const closing = pool.close();
      lease.release();
      expect(await closing).toMatchObject({ forced: [] });
    } finally {
      if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
      else Object.defineProperty(Error, 'prepareStackTrace', before);
    }
  });

  it('is put into words only when somebody reads it', async () => {
    const { pool } = scene();
    let formatted = 0;
    const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
    Error.prepareStackTrace = () => `words ${++formatted}`;
    try {
      const lease = await pool.acquire({ capture: true });
      lease.release();
      await keep(pool.acquire({ capture: true }));
      expect(pool.stats()).toMatchObject({ leased: 1, oldestLeaseMs: 0, suspects: 0 });
      expect(formatted).toBe(0);
      expect(pool.leases()[0]?.acquiredAt).toBe('words 1');
    } finally {
      if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
      else Object.defineProperty(Error, 'prepareStackTrace', before);
    }
  });
});

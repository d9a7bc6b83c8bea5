import { createPool, type Budgets } from '@hive/pool';
import { VirtualClock } from '@hive/pool/testing';

/** One of those who share a pool: it asks again and again, whether it has been answered or not. */
export interface Tenant {
  readonly budget: string;
  /** How many leases it would have on average if it never waited. */
  readonly load: number;
  /** How long it holds a lease, on average. */
  readonly holdMs: number;
}

/** What became of a tenant. All times are milliseconds of a virtual clock. */
export interface Fate {
  /** How long each wait took, in rising order. */
  readonly waitsMs: readonly number[];
  /** The longest of these, and of those that have not ended. */
  readonly longestWaitMs: number;
  /** How long it has had leases, in all. */
  readonly leasedMs: number;
  readonly longestHoldMs: number;
}

interface Run {
  readonly tenants: readonly Tenant[];
  readonly size: number;
  readonly seed: number;
  readonly ms: number;
  readonly budgets?: Budgets;
}

/** What becomes of tenants that come at random, by name; the same seed makes the same run. */
export async function share({ tenants, size, seed, ms, budgets }: Run): Promise<ReadonlyMap<string, Fate>> {
  const clock = new VirtualClock();
  const pool = createPool({
    create: () => ({}),
    size,
    maxOverflow: 0,
    minIdle: size,
    clock,
    acquireTimeoutMs: 10 * ms,
    maxWaiting: 1_000_000,
    ...(budgets === undefined ? {} : { budgets }),
  });
  const fates = tenants.map((tenant, index) => {
    const random = randomOf(seed + index);
    const fate = { waitsMs: [] as number[], longestWaitMs: 0, leasedMs: 0, longestHoldMs: 0 };
    const exponential = (mean: number): number => -mean * Math.log(1 - random());
    const ask = async (holdMs: number): Promise<void> => {
      const asked = clock.now();
      const lease = await pool.acquire(budgets === undefined ? {} : { budget: tenant.budget });
      fate.waitsMs.push(clock.now() - asked);
      fate.longestWaitMs = Math.max(fate.longestWaitMs, clock.now() - asked);
      fate.longestHoldMs = Math.max(fate.longestHoldMs, holdMs);
      clock.after(holdMs, () => {
        fate.leasedMs += holdMs;
        lease.release();
      });
    };
    const come = (): void => {
      // Who finds the queue full goes away.
      ask(exponential(tenant.holdMs)).catch(() => {});
      clock.after(exponential(tenant.holdMs / tenant.load), come);
    };
    come();
    return [tenant.budget, fate] as const;
  });
  await clock.advance(ms);
  for (const [name, fate] of fates) {
    fate.waitsMs.sort((a, b) => a - b);
    const oldest = pool.waiters().find(({ budget }) => budget === name)?.waitMs ?? 0;
    fate.longestWaitMs = Math.max(fate.longestWaitMs, oldest);
  }
  return new Map(fates);
}

/** The wait that the share `q` of all did not exceed. */
export function quantile(waitsMs: readonly number[], q: number): number {
  return waitsMs[Math.ceil(waitsMs.length * q) - 1] ?? 0;
}

/** Numbers from 0 up to 1, always the same for a seed: Tommy Ettinger's Mulberry32, in the public domain. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

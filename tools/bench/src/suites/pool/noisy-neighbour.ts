import { createPool, PoolError, type Budgets, type Pool } from '@hive/pool';
import { versionOf } from '../../machine.ts';
import { percentile } from '../../median.ts';
import type { Contestant, Scenario } from '../../scenario.ts';

const SIZE = 8;
const HELD_MS = 20;
const RUN_MS = 2_000;
/** Connections that a tenant would have on average if it never waited: four of them leave a fifth of the pool idle. */
const LOAD = 1.6;
const GREED = 10;
const TENANTS = ['a', 'b', 'c', 'd'] as const;
/** The one that may ask for more than the others. */
const NEIGHBOUR = 'd';
const BUDGETS: Budgets = Object.fromEntries(TENANTS.map((name) => [name, {}]));

/** What the others wait beside a tenant that asks for ten times its share, in real time. */
export function noisyNeighbourScenario(): Scenario {
  return {
    name: 'noisy neighbour',
    about: `Four tenants of a pool of ${SIZE} come at random and hold ${HELD_MS} ms; one of them asks for ten times its share: how long do the others wait?`,
    measures: [{ name: 'wait of the others, p99', unit: 'ms', better: 'lower' }],
    contestants: [
      tenants('a budget for each', 'ours', GREED, BUDGETS),
      tenants('a budget for each, all ask for their share', 'floor', 1, BUDGETS),
      tenants('no budgets', 'peer', GREED, undefined),
    ],
    rounds: 7,
  };
}

function tenants(name: string, role: Contestant['role'], greed: number, budgets: Budgets | undefined): Contestant {
  const sample = async (): Promise<readonly number[]> => [await waitBeside(greed, budgets)];
  return {
    name,
    version: versionOf('@hive/pool'),
    role,
    check: () => Promise.resolve(),
    begin: () => Promise.resolve({ sample, end: () => Promise.resolve() }),
  };
}

/** Who still waits at the end is turned away, and has waited until then. */
async function waitBeside(greed: number, budgets: Budgets | undefined): Promise<number> {
  const pool = createPool({
    create: () => ({}),
    size: SIZE,
    maxOverflow: 0,
    minIdle: SIZE,
    maxWaiting: 100_000,
    acquireTimeoutMs: 10 * RUN_MS,
    ...(budgets === undefined ? {} : { budgets }),
  });
  await pool.warm();
  const waitsMs: number[] = [];
  const end = performance.now() + RUN_MS;
  const come = async (tenant: string): Promise<void> => {
    const at = performance.now();
    await useOnce(pool, budgets === undefined ? undefined : tenant, () => {
      if (tenant !== NEIGHBOUR) waitsMs.push(performance.now() - at);
    });
  };
  await Promise.all(
    TENANTS.map((tenant) => arrive(tenant === NEIGHBOUR ? LOAD * greed : LOAD, end, () => void come(tenant))),
  );
  await pool.close({ graceMs: 0 });
  return percentile(waitsMs, 0.99);
}

async function useOnce(pool: Pool<object>, budget: string | undefined, waited: () => void): Promise<void> {
  try {
    using _lease = await pool.acquire(budget === undefined ? {} : { budget });
    waited();
    await pause(HELD_MS);
  } catch (error) {
    if (!(error instanceof PoolError) || error.code !== 'POOL_CLOSED') throw error;
    waited();
  }
}

/** Calls as often as makes so many busy at once, at random moments that do not depend on one another. */
async function arrive(busy: number, end: number, call: () => void): Promise<void> {
  let next = performance.now();
  while (next < end) {
    next -= (HELD_MS / busy) * Math.log(1 - Math.random());
    if (next > performance.now()) await pause(next - performance.now());
    call();
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

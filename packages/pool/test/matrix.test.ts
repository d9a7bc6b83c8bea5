import { describe, expect, it } from 'vitest';
import { verifyPool, type VirtualClock } from '@hive/pool/testing';
import { delayed, never, scene } from './support/scene.ts';
import { watch } from './support/watched.ts';
import type { Resource } from './support/workshop.ts';

/** Every way a hook can behave. A synchronous one cannot stay away for ever; a slow one blocks the event loop. */
const BEHAVIOURS = ['ok', 'error', 'slow', 'ok later', 'error later', 'slow later', 'never'] as const;
type Behaviour = (typeof BEHAVIOURS)[number];

const SLOW_MS = 7;
const TIMEOUT_MS = 12;

function behave<T>(behaviour: Behaviour, clock: VirtualClock, act: () => T): T | Promise<T> {
  if (behaviour === 'error') throw new Error('the hook fails');
  if (behaviour === 'error later') return Promise.reject(new Error('the hook fails'));
  if (behaviour === 'slow later') return delayed(clock, SLOW_MS, act);
  if (behaviour === 'never') return never();
  if (behaviour === 'slow') clock.block(SLOW_MS);
  return behaviour === 'ok later' ? Promise.resolve(act()) : act();
}

/** The same, with the resource in use from the beginning to the end. */
function occupy<T>(
  resource: Resource,
  hook: string,
  behaviour: Behaviour,
  clock: VirtualClock,
  value: T,
): T | Promise<T> {
  resource.enter(hook);
  const leave = (): void => {
    resource.leave(hook);
  };
  try {
    const result = behave(behaviour, clock, () => value);
    if (result instanceof Promise) return result.finally(leave);
    leave();
    return result;
  } catch (error) {
    leave();
    throw error;
  }
}

/** Three borrowers share two places, twice each; then the pool closes. Throws when a rule is broken on the way. */
async function play(
  create: Behaviour,
  destroy: Behaviour,
  validate: Behaviour,
  reset: Behaviour,
  cancelled: boolean,
): Promise<void> {
  const ends = new Map<Resource, number>();
  const { pool, clock, shop } = scene(({ clock, shop }) => ({
    size: 2,
    maxOverflow: 0,
    validateAfterIdleMs: 0,
    acquireTimeoutMs: 30,
    createTimeoutMs: TIMEOUT_MS,
    destroyTimeoutMs: TIMEOUT_MS,
    validateTimeoutMs: TIMEOUT_MS,
    resetTimeoutMs: TIMEOUT_MS,
    create: () => behave(create, clock, () => shop.make()),
    validate: (resource) => occupy(resource, 'validate', validate, clock, true),
    reset: (resource) => occupy(resource, 'reset', reset, clock, undefined),
    destroy: (resource) => {
      ends.set(resource, (ends.get(resource) ?? 0) + 1);
      resource.end();
      return behave(destroy, clock, () => {});
    },
  }));
  const check = (): void => {
    verifyPool(pool);
    const { live, leased, idle, creating, validating, resetting, closing } = pool.stats();
    if (live > 2) throw new Error(`${live} live`);
    if (leased + idle + creating + validating + resetting + closing !== live)
      throw new Error('the kinds do not add up');
    if (shop.faults.length > 0) throw new Error(shop.faults.join('; '));
  };

  const controller = new AbortController();
  const borrow = async (name: string, signal?: AbortSignal): Promise<void> => {
    for (let round = 0; round < 2; round++)
      try {
        using lease = await pool.acquire({ signal });
        lease.resource.enter(name);
        await delayed(clock, 3, () => {});
        if (lease.active) lease.resource.leave(name);
      } catch (error) {
        if (!(error instanceof Error && error.name === 'PoolError')) throw error;
      }
  };
  const borrowers = watch(
    Promise.all([borrow('a'), borrow('b', cancelled ? controller.signal : undefined), borrow('c')]),
  );
  for (const ms of [1, 4, 6, 30, 60]) {
    await clock.advance(ms);
    check();
    if (ms === 4) controller.abort();
    check();
  }
  if (borrowers.state !== 'fulfilled') throw new Error(`the borrowers are ${borrowers.state}`);

  const closed = watch(pool.close({ graceMs: 20 }));
  await clock.advance(20 + TIMEOUT_MS + 4 * SLOW_MS);
  check();
  const { forced, abandoned } = closed.value;
  if (forced.length > 0 || pool.stats().live !== 0) throw new Error('the closed pool holds something');
  if (abandoned > 0 && create !== 'never' && destroy !== 'never') throw new Error(`${abandoned} abandoned`);
  for (const resource of shop.made)
    if (ends.get(resource) !== 1) throw new Error(`resource ${resource.id} was ended ${ends.get(resource) ?? 0} times`);
  if (clock.aliveTimers > 0) throw new Error('a closed pool keeps the process alive');
}

describe.each(BEHAVIOURS)('when create is: %s', (create) => {
  it.each([
    ['one caller gives up', true],
    ['no caller gives up', false],
  ])(
    'the rules hold whatever the other hooks do and %s',
    async (_, cancelled) => {
      const broken: string[] = [];
      for (const destroy of BEHAVIOURS)
        for (const validate of BEHAVIOURS)
          for (const reset of BEHAVIOURS)
            await play(create, destroy, validate, reset, cancelled).catch((error: unknown) => {
              broken.push(`destroy ${destroy}, validate ${validate}, reset ${reset}: ${String(error)}`);
            });
      expect(broken).toEqual([]);
    },
    120_000,
  );
});

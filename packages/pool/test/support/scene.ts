import { createPool, type Pool, type PoolOptions } from '@hive/pool';
import { VirtualClock } from '@hive/pool/testing';
import { Workshop, type Resource } from './workshop.ts';

/** What most tests need: a pool of numbered resources, in a time that the test moves. */
export interface Scene {
  readonly pool: Pool<Resource>;
  readonly clock: VirtualClock;
  readonly shop: Workshop;
}

/** A pool whose resources open and close at once; `options` change that. Randomness is one half. */
export function scene(
  options: (set: Omit<Scene, 'pool'>) => Partial<PoolOptions<Resource>> = (): Partial<PoolOptions<Resource>> => ({}),
): Scene {
  const clock = new VirtualClock();
  const shop = new Workshop();
  const pool = createPool<Resource>({
    create: () => shop.make(),
    destroy: (resource) => {
      resource.end();
    },
    clock,
    random: () => 0.5,
    ...options({ clock, shop }),
  });
  return { pool, clock, shop };
}

/** What `make` returns, `ms` later. */
export function delayed<T>(clock: VirtualClock, ms: number, make: () => T): Promise<T> {
  return new Promise((resolve) => {
    clock.after(ms, () => {
      resolve(make());
    });
  });
}

/** What never comes. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}

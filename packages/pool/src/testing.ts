import type { Pool } from './pool.ts';
import { ResourcePool } from './resource-pool.ts';

export { VirtualClock } from './virtual-clock.ts';

/** Throws when a rule that must always hold in a pool does not. Walks every resource: for tests, after every step. */
export function verifyPool(pool: Pool<unknown>): void {
  if (!(pool instanceof ResourcePool)) throw new TypeError('verifyPool takes what createPool made');
  const fault = pool.findFault();
  if (fault !== undefined) throw new Error(`BUG: ${fault}`);
}

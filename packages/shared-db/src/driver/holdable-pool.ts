import type { LeaseInfo, Pool } from '@hive/pool';
import type { Labels } from '../labels.ts';
import type { Holdable } from '../nesting/holding.ts';

/**
 * A pool as what callers wait for. `what` says in words what one of its connections is to them, and `most` how many it may have if it finds its
 * size by itself: who waits is then what makes it larger.
 */
export function holdableOf(
  what: string,
  pool: Pool<unknown>,
  labels: Labels,
  most: () => number | undefined = fixed,
): Holdable {
  const leaseOf = (id: number): LeaseInfo | undefined => pool.leases().find((lease) => lease.id === id);
  return {
    what,
    holders: () => holdersOf(pool, most()),
    askedAt: (id) => {
      const found = leaseOf(id);
      return found && labels.placeOf(found);
    },
    idleMs: (id) => leaseOf(id)?.idleMs,
  };
}

/** How many have a connection of a pool that has none left, and cannot make one. */
function holdersOf(pool: Pool<unknown>, most: number | undefined): number | undefined {
  const { leased, idle, creating, status, size, maxOverflow } = pool.stats();
  const limit = Math.max(size, most ?? 0) + maxOverflow;
  return status === 'open' && idle + creating === 0 && leased >= limit ? leased : undefined;
}

function fixed(): undefined {
  return undefined;
}

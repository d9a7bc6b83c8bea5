import type { Pool } from '@hive/pool';
import type { Labels } from '../labels.ts';
import type { Holdable } from '../nesting/holding.ts';
import type { LentConnections } from '../nesting/kept-session.ts';

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
  return {
    what,
    holders: () => holdersOf(pool, most()),
    inWayOf: (budget) => pool.leasesInWayOf(budget),
    askedAt: (id) => {
      const found = pool.leases().find((lease) => lease.id === id);
      return found && labels.placeOf(found);
    },
  };
}

/** The connections of a pool as those have them who keep sessions. */
export function lentOf(database: string, pool: Pool<unknown>, held: Holdable): LentConnections {
  return {
    database,
    inWayOf: (budget) => {
      const ofBudget = held.inWayOf?.(budget);
      if (ofBudget !== undefined) return pool.leases().filter(({ id }) => ofBudget.includes(id));
      return held.holders(database) === undefined ? undefined : pool.leases();
    },
    askedAt: (lease) => held.askedAt(lease),
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

import type { LeaseInfo, PoolObserver } from '@hive/pool';
import type { DatabaseContext } from '../database.ts';
import { duration } from '../health/figures.ts';

/** Says in the log which leases of a pool look like leaks, which came back after all, and which were leaks. */
export function leakAlarms({ name: database, logger, labels }: DatabaseContext, pool: string): PoolObserver {
  const fields = (lease: LeaseInfo): object => ({
    database,
    pool,
    label: lease.owner,
    heldMs: lease.ageMs,
    idleMs: lease.idleMs,
    acquiredAt: labels.placeOf(lease),
    stack: lease.acquiredAt,
  });
  return {
    suspected: (lease) => {
      const { owner, ageMs, idleMs } = lease;
      const what = `${quoted(owner)} has held a connection for ${duration(ageMs)} and not used it for ${duration(idleMs)}`;
      logger.warn(fields(lease), `${what}: it looks like a leak`);
    },
    returnedLate: (lease) => {
      const { owner, ageMs } = lease;
      const what = `${quoted(owner)}, suspected of a leak, has returned its connection`;
      logger.warn(fields(lease), `${what} after ${duration(ageMs)}`);
    },
    collected: (lease) => {
      const what = `${quoted(lease.owner)} has dropped a connection without giving it back`;
      logger.warn(fields(lease), `${what}: a leak, found by the garbage collector after ${duration(lease.ageMs)}`);
    },
  };
}

function quoted(owner: string | undefined): string {
  return owner === undefined ? 'somebody unnamed' : JSON.stringify(owner);
}

import type { ServiceSnapshot } from '@hive/shared-db';

/** The databases of one pattern, of which those that are in use are open. */
export interface OnDemandDocument {
  /** `tenant-*`. */
  readonly pattern: string;
  readonly max_open: number;
  /** How many connections each has, by the settings of its pattern; absent where the process did not say. */
  readonly pool?: { readonly size: number; readonly max_overflow: number };
  readonly open: number;
  /** Of those, how many could not be closed for another. */
  readonly in_use: number;
  /** Callers whose database is not open and cannot be opened yet. */
  readonly waiting: number;
  readonly oldest_wait_seconds: number;
  /** How often one was opened, and closed again, since the process started. */
  readonly opened: number;
  readonly evicted: number;
}

/** Absent where a process has none. */
export function onDemandOf({ onDemand = [] }: Partial<Pick<ServiceSnapshot, 'onDemand'>>): {
  readonly on_demand?: readonly OnDemandDocument[];
} {
  if (onDemand.length === 0) return {};
  return {
    on_demand: onDemand.map(
      ({ pattern, mostOpen, size, maxOverflow, open, inUse, waiting, oldestWaitMs, opened, evicted }) => ({
        pattern,
        max_open: mostOpen,
        ...(size === undefined || maxOverflow === undefined ? {} : { pool: { size, max_overflow: maxOverflow } }),
        open,
        in_use: inUse,
        waiting,
        oldest_wait_seconds: oldestWaitMs / 1_000,
        opened,
        evicted,
      }),
    ),
  };
}

/** The same as an export has it, and no more than that. */
export function onDemandOfExported({ on_demand: all }: { readonly on_demand?: readonly OnDemandDocument[] }): {
  readonly on_demand?: readonly OnDemandDocument[];
} {
  if (all === undefined) return {};
  return {
    on_demand: all.map(({ pattern, max_open, pool, open, in_use, waiting, oldest_wait_seconds, opened, evicted }) => {
      const ofPool = pool === undefined ? {} : { pool: { size: pool.size, max_overflow: pool.max_overflow } };
      return { pattern, max_open, ...ofPool, open, in_use, waiting, oldest_wait_seconds, opened, evicted };
    }),
  };
}

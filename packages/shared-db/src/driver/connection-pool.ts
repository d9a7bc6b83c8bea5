import { createPool, type LeaseInfo, type Pool, type PoolObserver } from '@hive/pool';
import type { DatabaseContext } from '../database.ts';
import type { DriverConnection } from './driver.ts';
import { leakAlarms } from './leak-alarms.ts';

/** One of the pools of a database. */
export interface ConnectionPoolOptions {
  /** What its connections are for, as the log calls it. */
  readonly what: string;
  readonly size: number;
  readonly maxOverflow: number;
  /** The longest pause between two attempts to connect. Default: the pool's. */
  readonly maxBackoffMs?: number;
  readonly connect: (options: { readonly signal: AbortSignal }) => Promise<DriverConnection>;
  /** How often one was used; undefined during a use. */
  readonly uses: (connection: DriverConnection) => number | undefined;
}

/** A pool of connections, with the database's settings; what happens in it goes to the log. */
export function connectionPool(
  context: DatabaseContext,
  { what, size, maxOverflow, maxBackoffMs, connect, uses }: ConnectionPoolOptions,
): Pool<DriverConnection> {
  const { clock, random, settings, thresholds, name } = context;
  return createPool<DriverConnection>({
    name: `${name} ${what}`,
    create: connect,
    destroy: (connection) => connection.close(),
    validate: (connection) => connection.validate(),
    reset: (connection) => (connection.dirty ? connection.reset() : undefined),
    uses,
    size,
    maxOverflow,
    acquireTimeoutMs: settings.acquireTimeoutMs,
    maxLifetimeMs: settings.recycleMs,
    idleTimeoutMs: 0,
    ...(maxBackoffMs === undefined ? {} : { maxBackoffMs }),
    timeEvery: 1,
    leakThresholdMs: settings.leakAfterMs ?? thresholds.leaseMs,
    captureEvery: settings.captureEvery,
    clock,
    random,
    observer: {
      ...(settings.echo ? echoOf(context, what) : {}),
      ...alarmsOf(context, what),
      ...leakAlarms(context, what),
    },
  });
}

function echoOf({ name: database, logger }: DatabaseContext, pool: string): PoolObserver {
  return {
    acquired: (lease: LeaseInfo, waitMs: number) => {
      logger.info({ database, pool, label: lease.owner, waitMs }, 'checkout');
    },
    released: (lease: LeaseInfo) => {
      logger.info({ database, pool, label: lease.owner, heldMs: lease.ageMs }, 'checkin');
    },
  };
}

function alarmsOf({ name: database, logger }: DatabaseContext, pool: string): PoolObserver {
  return {
    invalidated: (connection, generation) => {
      logger.warn({ database, pool, connection, generation }, 'invalidate: a connection no longer works');
    },
  };
}

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
    observer: observerOf(context, what),
  });
}

/** Whether there is an echo may change with every reading of the settings: the pool asks each time. */
function observerOf(context: DatabaseContext, pool: string): PoolObserver {
  const { name: database, logger } = context;
  const say = (fields: object, message: string): void => {
    logger[context.settings.echo === 'debug' ? 'debug' : 'info']({ database, pool, ...fields }, message);
  };
  const acquired = (lease: LeaseInfo, waitMs: number): void => {
    say({ label: lease.owner, waitMs }, 'checkout');
  };
  const released = (lease: LeaseInfo): void => {
    say({ label: lease.owner, heldMs: lease.ageMs }, 'checkin');
  };
  return {
    ...alarmsOf(context, pool),
    ...leakAlarms(context, pool),
    get acquired() {
      return context.settings.echo === false ? undefined : acquired;
    },
    get released() {
      return context.settings.echo === false ? undefined : released;
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

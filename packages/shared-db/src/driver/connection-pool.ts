import {
  createPool,
  type Budgets,
  type LeaseInfo,
  type Pool,
  type PoolObserver,
  type SharedLimit,
  type SizeBounds,
  type Tuning,
} from '@hive/pool';
import type { DatabaseContext } from '../database.ts';
import type { DriverConnection } from './driver.ts';
import { leakAlarms } from './leak-alarms.ts';

/** How long the closing of a connection is waited for: what is in the way then, a sync or a server that does not answer, may be so for ever. */
const CLOSE_LIMIT_MS = 2_000;

/** One of the pools of a database. */
export interface ConnectionPoolOptions {
  /** What its connections are for, as the log calls it. */
  readonly what: string;
  readonly size: number;
  readonly maxOverflow: number;
  /** The longest pause between two attempts to connect. Default: the pool's. */
  readonly maxBackoffMs?: number;
  /** Between which sizes it finds its own. Default: its size stays as it is. */
  readonly autoSize?: SizeBounds;
  /** Who may have how many. Default: all are equal. */
  readonly budgets?: Budgets;
  /** What it may have together with other pools. Default: as much as its size says. */
  readonly sharedLimit?: SharedLimit;
  readonly connect: (options: { readonly signal: AbortSignal }) => Promise<DriverConnection>;
  /** How often one was used; undefined during a use. */
  readonly uses: (connection: DriverConnection) => number | undefined;
}

/** A pool of connections, with the database's settings; what happens in it goes to the log. */
export function connectionPool(
  context: DatabaseContext,
  { what, connect, uses, ...limits }: ConnectionPoolOptions,
): Pool<DriverConnection> {
  const { clock, random, settings, name } = context;
  return createPool<DriverConnection>({
    name: `${name} ${what}`,
    create: connect,
    destroy: (connection) => connection.close(),
    validate: (connection) => connection.validate(),
    reset: (connection) => (connection.dirty ? connection.reset() : undefined),
    uses,
    ...limits,
    acquireTimeoutMs: settings.acquireTimeoutMs,
    destroyTimeoutMs: CLOSE_LIMIT_MS,
    idleTimeoutMs: 0,
    timeEvery: 1,
    ...tuningOf(context),
    clock,
    random,
    observer: observerOf(context, what),
  });
}

/** What settings say of a pool that may change while it is in use. */
export function tuningOf({ settings, thresholds }: Pick<DatabaseContext, 'settings' | 'thresholds'>): Required<Tuning> {
  const { recycleMs: maxLifetimeMs, leakAfterMs, captureEvery, captureApartMs } = settings;
  return { maxLifetimeMs, leakThresholdMs: leakAfterMs ?? thresholds.leaseMs, captureEvery, captureApartMs };
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
    abandoned: (connection, hook) => {
      const what = hook === 'destroy' ? 'closed' : 'opened';
      logger.warn(
        { database, pool, connection },
        `a connection could not be ${what} in time, and is not waited for any more`,
      );
    },
  };
}

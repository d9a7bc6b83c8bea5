import { genericPool, genericPoolWaitingForEver } from '../../peers/generic-pool.ts';
import {
  hivePool,
  hivePoolTimingAll,
  hivePoolTracked,
  hivePoolTrackedMost,
  hivePoolTrackedOften,
  hivePoolWithoutStacks,
} from '../../peers/hive-pool.ts';
import { lightningPool, lightningPoolWaitingForEver } from '../../peers/lightning-pool.ts';
import { noPool } from '../../peers/no-pool.ts';
import type { PoolPeer } from '../../peers/peer.ts';
import { pgPool, pgPoolWaitingForEver } from '../../peers/pg-pool.ts';
import { sequelizePool } from '../../peers/sequelize-pool.ts';
import { tarn } from '../../peers/tarn.ts';

/** Each library once, with equal semantics. */
export const everybody: readonly PoolPeer[] = [hivePool, tarn, genericPool, pgPool, sequelizePool, lightningPool];

/**
 * Also those that save work which the rest have to do, where every nanosecond counts: peers whose waits never end spend no
 * timers. They take part for honesty's sake: the best peer may be one of them.
 */
const everybodyAndVariants: readonly PoolPeer[] = [
  hivePool,
  hivePoolTimingAll,
  tarn,
  genericPool,
  genericPoolWaitingForEver,
  pgPool,
  pgPoolWaitingForEver,
  sequelizePool,
  lightningPool,
  lightningPoolWaitingForEver,
];

/** With what it costs to know whose each lease is, for how long, and where from; no peer knows any of it. */
export const everybodyAndTracked: readonly PoolPeer[] = [
  hivePool,
  hivePoolTimingAll,
  hivePoolWithoutStacks,
  hivePoolTracked,
  hivePoolTrackedOften,
  hivePoolTrackedMost,
  ...everybodyAndVariants.slice(2),
];

/** With what timing alone costs on the machine of the hour. */
export const everybodyAndNoPool: readonly PoolPeer[] = [...everybodyAndVariants, noPool];

import type { Lease, Pool } from '@hive/pool';
import type { Activity } from '../activity.ts';
import type { Call } from '../driver/call.ts';
import type { DriverConnection } from '../driver/driver.ts';
import type { Late } from '../driver/lock-waits.ts';
import type { Patience } from '../driver/patience.ts';
import type { DatabaseError } from '../errors.ts';
import type { Label } from '../labels.ts';
import type { GroupHost, Writer } from './group.ts';
import type { TurnKeeper } from './turn-keeper.ts';

/** What a lane asks and tells its database. */
export interface LaneHost extends GroupHost {
  readonly name: string;
  readonly activity: Activity;
  /** The one connection that writes, and the queue of those who want it for themselves. */
  readonly writers: Pool<DriverConnection>;
  /** What processes agree on before they try for the lock. */
  readonly turns: TurnKeeper;
  /** Waits for that connection. */
  borrowWriter(call: Call): Promise<Lease<DriverConnection>>;
  connectionOf(lease: Lease<DriverConnection>): Writer;
  /** Throws while writes are stopped. */
  assertWritable(label: Label, now: number): void;
  /** Told after each COMMIT and before anybody else is; what it throws, the callers are told instead. */
  committed(label: Label): void;
  runCallbacks(callbacks: readonly (() => void)[], label: Label): void;
  rolledBack(): void;
  /** How a call waits for a lock. */
  patience(call: Call): Patience;
  /** The lock, or the turn to try for it, was not had in time. */
  lateError(kind: Late, cause: unknown, label: Label, since: number): Promise<DatabaseError>;
  /** Whether what a member's function has thrown says that somebody else's lock was in the way. */
  lostLock(error: unknown, call: Call): boolean;
  /** What a caller is told. */
  told(error: unknown, call: Call): unknown;
  /** A call is over, well or not. */
  ended(call: Call, now: number): void;
}

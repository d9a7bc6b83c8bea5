import type { DestroyReason } from '@hive/pool';
import type { DatabaseErrorCode } from '../errors.ts';

/** What a process knows of one of its databases from having looked at it once a second. Counts are those of the last minute. */
export interface DatabaseTrend {
  /** Over how long was counted: a minute and up to five seconds more; less at first, more where nobody could look. */
  readonly windowMs: number;
  /** The share of the pool in use, the mean of a quarter of a minute of looking. At first the time before counts as idle. */
  readonly utilisation: number;
  /** Connections that were had. */
  readonly acquired: number;
  /** Waits for one that were in vain. */
  readonly timeouts: number;
  /** What one acquisition in a hundred took at least; undefined where there were not a hundred. */
  readonly acquireMs: number | undefined;
  /** What that usually is: the median of those of the last sixty minutes in which there were a hundred; undefined until there were five such minutes. */
  readonly usualAcquireMs: number | undefined;
  readonly calls: number;
  /** Calls that failed, by what they were told. */
  readonly errors: Readonly<Partial<Record<DatabaseErrorCode, number>>>;
  /** Connections that were opened, and those that went, by why. */
  readonly opened: number;
  readonly closed: Readonly<Partial<Record<DestroyReason, number>>>;
}

/** A reason that was there at the last look. */
export interface RaisedReason {
  /** A `ReasonCode`; of a later version perhaps another word. */
  readonly code: string;
  /** Undefined where the whole process is meant. */
  readonly database: string | undefined;
  /** Which of several of one code. */
  readonly subject: string | undefined;
  /** Since when, and when it was last seen to be over its mark: as the uptime of the service at that moment. */
  readonly sinceMs: number;
  readonly lastOverMs: number;
  /** Whether it is so much so that it may be a failure. */
  readonly isCritical: boolean;
}

/** What a process knows of itself from having looked once a second. */
export interface ServiceTrend {
  /** The wall time at which the uptime was 0. It stays the same, but for jumps of the wall clock. */
  readonly openedAt: number;
  readonly raised: readonly RaisedReason[];
  /** For how long its event loop stood still within the last minute, by half a second or more at once; and the longest of these. */
  readonly stalledMs: number;
  readonly longestStallMs: number;
  /** Which deprecated APIs were called, and the uptime at which the last call was seen. */
  readonly deprecated: readonly { readonly code: string; readonly calledMs: number }[];
}

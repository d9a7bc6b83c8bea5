import type { Clock } from '@hive/shared-db';

/** Milliseconds since 1970 as SQLite stores them: whole. */
export function wallTime(clock: Clock): number {
  return Math.floor(clock.wallTime());
}

import type { Condition, Judged } from './condition.ts';
import { databaseConditions } from './database-conditions.ts';
import { serviceConditions } from './service-conditions.ts';
import { completed, type Thresholds } from './thresholds.ts';

/**
 * Everything that is wrong with a process, or may be soon. Pure.
 *
 * @param thresholds for the process and all its databases; by default each has its own
 */
export function conditionsOf(judged: Judged, thresholds?: Thresholds): readonly Condition[] {
  const own = thresholds ?? completed(judged.thresholds);
  return [
    ...serviceConditions(judged, own),
    ...judged.databases.flatMap((database) => databaseConditions(database, thresholds ?? database.thresholds ?? own)),
  ];
}

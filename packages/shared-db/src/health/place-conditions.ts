import type { OnDemandSnapshot } from '../snapshot.ts';
import type { Condition, Judged } from './condition.ts';
import { count, duration } from './figures.ts';
import { beyond } from './level.ts';
import { WAITING } from './load-conditions.ts';
import type { Thresholds } from './thresholds.ts';

/** Databases by pattern of which others are wanted than may be open. */
export function placeConditions({ onDemand = [] }: Judged, thresholds: Thresholds): readonly Condition[] {
  return onDemand.map((one) => waitingForPlace(one, thresholds));
}

function waitingForPlace(one: OnDemandSnapshot, { oldestWaitMs: mark }: Thresholds): Condition {
  const { pattern, mostOpen, waiting, oldestWaitMs } = one;
  return {
    code: 'waiting',
    database: pattern,
    subject: undefined,
    level: beyond(oldestWaitMs, mark),
    criticalLevel: 0,
    damping: WAITING,
    statusOf: () => 'warn',
    wording: ({ overAgoMs }) => ({
      evidence:
        overAgoMs > 0
          ? `callers waited longer than ${duration(mark)} for their database to be opened`
          : `${count(waiting, 'caller')} waiting for a database to be opened, the oldest for ${duration(oldestWaitMs)}; the ${mostOpen} that may be open are in use`,
      advice: 'hive-db ps shows who uses those that are open; end sessions sooner, or raise mostOpen',
    }),
  };
}

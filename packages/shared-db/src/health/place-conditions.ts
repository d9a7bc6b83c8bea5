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
  const { pattern, waiting, oldestWaitMs } = one;
  return {
    code: 'waiting',
    database: pattern,
    subject: undefined,
    level: beyond(oldestWaitMs, mark),
    criticalLevel: 0,
    damping: WAITING,
    statusOf: () => 'warn',
    wording: ({ overAgoMs }) => {
      const { cause, advice } = reasonOf(one);
      const now = `${count(waiting, 'caller')} waiting for a database to be opened, the oldest for ${duration(oldestWaitMs)}; ${cause}`;
      const before = `callers waited longer than ${duration(mark)} for their database to be opened`;
      return { evidence: overAgoMs > 0 ? before : now, advice };
    },
  };
}

/** Why they wait, and what helps. */
function reasonOf({ pattern, open, mostOpen }: OnDemandSnapshot): { readonly cause: string; readonly advice: string } {
  return open < mostOpen
    ? {
        cause: `${open} of the ${mostOpen} that may be open are, databases of ${pattern} are opened one after the other, and others came first`,
        advice: 'ask for fewer at once, or let callers wait longer',
      }
    : {
        cause: `the ${mostOpen} that may be open are in use`,
        advice: 'hive-db ps shows who uses those that are open; end sessions sooner, or raise mostOpen',
      };
}

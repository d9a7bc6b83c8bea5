import type { OnDemandSnapshot } from '../snapshot.ts';
import { fact, type Condition, type Judged } from './condition.ts';
import { count, duration } from './figures.ts';
import { beyond } from './level.ts';
import { WAITING } from './load-conditions.ts';
import type { Thresholds } from './thresholds.ts';

/** Databases by pattern of which others are wanted than may be open, and those that are closed and must not be written. */
export function placeConditions({ onDemand = [] }: Judged, thresholds: Thresholds): readonly Condition[] {
  return onDemand.flatMap((one) => [waitingForPlace(one, thresholds), ...(one.fenced ?? []).map(closedWhenFenced)]);
}

/** What is wrong with the file has not gone by that nobody uses it. */
function closedWhenFenced(database: string): Condition {
  const wording = {
    evidence: 'it was closed, as nobody used it, while writes were refused; nobody has verified its file since',
    advice: 'look at the disk and the kernel log; any call opens it, which verifies the file first',
  };
  return fact('fenced', 'warn', wording, { database });
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

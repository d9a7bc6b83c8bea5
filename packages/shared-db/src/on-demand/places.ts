import type { Database } from '../database.ts';
import type { Holdable } from '../nesting/holding.ts';
import { isIdle, type Resident } from './resident.ts';

/** The places of a pattern as what callers wait for: whoever uses one of its databases keeps that one's place. */
export function placesOf(
  pattern: string,
  residents: ReadonlyMap<string, Resident<Database>>,
  mostOpen: number,
): Holdable {
  return {
    what: `a place among the open databases of ${pattern}`,
    holders: (wanted) => {
      const own = residents.get(wanted);
      // One that is to leave its place, and cannot, takes calls again.
      const isServed = own !== undefined && own.closing === undefined;
      const isTaken = residents.size >= mostOpen && Array.from(residents.values()).every(isInUse);
      return isTaken && !isServed ? residents.size : undefined;
    },
    isHadWith: (database) => residents.has(database),
    askedAt: () => undefined,
  };
}

function isInUse(resident: Resident<Database>): boolean {
  return resident.closing === undefined && !isIdle(resident);
}

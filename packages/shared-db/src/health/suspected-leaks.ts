import type { LeaseSnapshot } from '../snapshot.ts';

/** For how long it is told that a lease was dropped: until even who looks now and then has seen it. The counter stays. */
export const LEAKED_LATELY_MS = 900_000;

/** Leases that their holders have not used for long, oldest first. */
export function suspectedLeaks(leases: readonly LeaseSnapshot[]): readonly LeaseSnapshot[] {
  return leases.filter(({ suspect }) => suspect).toSorted((a, b) => b.ageMs - a.ageMs);
}

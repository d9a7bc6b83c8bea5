import type { LeaseSnapshot } from '../snapshot.ts';
import type { Thresholds } from './thresholds.ts';

/** Leases held longer than leases usually are, and longer than their holders said to need them; oldest first. */
export function suspectedLeaks(
  leases: readonly LeaseSnapshot[],
  { leaseMs }: Pick<Thresholds, 'leaseMs'>,
): readonly LeaseSnapshot[] {
  return leases
    .filter(({ ageMs, allowedMs = 0 }) => ageMs > Math.max(leaseMs, allowedMs))
    .toSorted((a, b) => b.ageMs - a.ageMs);
}

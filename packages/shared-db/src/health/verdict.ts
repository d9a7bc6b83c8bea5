import type { ServiceSnapshot } from '../snapshot.ts';
import { databaseReasons } from './database-reasons.ts';
import { worstStatus, type Reason, type VerdictStatus } from './reason.ts';
import { fallbackReasons, serviceReasons } from './service-reasons.ts';
import type { Thresholds } from './thresholds.ts';

/** Whether a process is well, and if not, why and what to do. */
export interface Verdict {
  /** The worst of the reasons. */
  readonly status: VerdictStatus;
  /** Failures first. */
  readonly reasons: readonly Reason[];
  readonly takenAt: number;
}

/**
 * Judges a snapshot, by the thresholds of the process itself unless others are given: so everybody who looks comes to the verdict that
 * the process comes to. Pure: the same snapshot and thresholds always give the same verdict.
 *
 * It judges how things are, not what once happened: gauges count at once, a counter only by its share, so that a verdict gets well
 * again by itself. A database that is out of order fails the process only where it is `required`; elsewhere it warns.
 */
export function judge(snapshot: ServiceSnapshot, thresholds: Thresholds = snapshot.thresholds): Verdict {
  return verdictOf(
    [
      ...serviceReasons(snapshot, thresholds),
      ...snapshot.databases.flatMap((database) => databaseReasons(database, thresholds)),
    ],
    snapshot.takenAt,
  );
}

/** Judges a process without a service, of which nothing is known but whose adapters work on direct connections, and why. Pure. */
export function judgeFallbacks(fallbacks: ServiceSnapshot['fallbacks'], takenAt: number): Verdict {
  return verdictOf(fallbackReasons(fallbacks), takenAt);
}

function verdictOf(found: readonly Reason[], takenAt: number): Verdict {
  const reasons = found.map((reason) => Object.freeze(reason));
  const failuresFirst = [...reasons.filter(isFailure), ...reasons.filter((reason) => !isFailure(reason))];
  return Object.freeze({ status: worstStatus(reasons), reasons: Object.freeze(failuresFirst), takenAt });
}

function isFailure({ status }: Reason): boolean {
  return status === 'fail';
}

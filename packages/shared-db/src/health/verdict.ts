import type { ServiceSnapshot } from '../snapshot.ts';
import type { Damping } from './alarm.ts';
import type { Condition, Finding, Judged } from './condition.ts';
import { conditionsOf } from './conditions.ts';
import { duration } from './figures.ts';
import { worstStatus, type Reason, type VerdictStatus } from './reason.ts';
import { fallbackConditions, STUCK } from './service-conditions.ts';
import type { Thresholds } from './thresholds.ts';
import type { RaisedReason } from './trend.ts';

/** Whether a process is well, and if not, why and what to do. */
export interface Verdict {
  /** The worst of the reasons. */
  readonly status: VerdictStatus;
  /** Failures first. */
  readonly reasons: readonly Reason[];
  readonly takenAt: number;
}

/**
 * Judges a snapshot, by the thresholds of the process and its databases unless others are given: so everybody who looks comes to the
 * verdict that the process comes to. Pure: the same snapshot and thresholds always give the same verdict.
 *
 * It judges how things are and lately were: figures of the last minute, which the process remembers and says (`trend`), and a reason that is
 * raised stays until its figure has been well for a while. Other thresholds than its own have no such memory: they count at once. A database
 * that is out of order fails the process only where it is `required`; elsewhere it warns.
 */
export function judge(snapshot: ServiceSnapshot, thresholds?: Thresholds): Verdict {
  const remembers = snapshot.trend !== undefined && thresholds === undefined;
  const found = conditionsOf(snapshot, thresholds).flatMap((condition) => reasonOf(condition, snapshot, remembers));
  return verdictOf(found, snapshot.takenAt);
}

/** Judges a process without a service, of which nothing is known but whose adapters work on direct connections, and why. Pure. */
export function judgeFallbacks(fallbacks: ServiceSnapshot['fallbacks'], takenAt: number): Verdict {
  const reasons = fallbackConditions(fallbacks).map((condition) => worded(condition, NOW, UNKNOWN));
  return verdictOf(reasons, takenAt);
}

const NOW: Finding = { isCritical: false, overAgoMs: 0 };
const UNKNOWN: Pick<Reason, 'since' | 'forMs'> = { since: undefined, forMs: undefined };

function reasonOf(condition: Condition, judged: Judged, remembers: boolean): readonly Reason[] {
  const raised = judged.trend?.raised.find((one) => isOf(one, condition));
  const { level, criticalLevel, damping } = condition;
  const isOver = level >= 1;
  if (!(remembers ? isThere(isOver, raised !== undefined, damping) : isOver)) return [];
  const overAgoMs = isOver || raised === undefined ? 0 : judged.uptimeMs - raised.lastOverMs;
  const isCritical = remembers ? raised?.isCritical === true : criticalLevel >= 1;
  return [worded(condition, { isCritical, overAgoMs }, lasting(condition, judged, raised))];
}

/** What is raised at once need not wait for the next look of the process, and what drops at once neither. */
function isThere(isOver: boolean, isRaised: boolean, { raiseAfterMs, dropAfterMs }: Damping): boolean {
  return isRaised ? isOver || dropAfterMs > 0 : isOver && raiseAfterMs === 0;
}

function isOf(raised: RaisedReason, { code, database, subject }: Condition): boolean {
  return raised.code === code && raised.database === database && raised.subject === subject;
}

/** What the last look has not seen yet has just begun. While a process is stuck, what was so before most likely still is. */
function lasting(
  { code, subject }: Condition,
  { takenAt, uptimeMs, eventLoop: { blockedMs }, trend }: Judged,
  raised: RaisedReason | undefined,
): Pick<Reason, 'since' | 'forMs'> {
  if (code === 'blocked' && subject === STUCK) return { since: takenAt, forMs: blockedMs };
  if (trend === undefined) return UNKNOWN;
  if (raised === undefined) return { since: takenAt, forMs: blockedMs };
  return { since: Math.round(trend.openedAt + raised.sinceMs), forMs: uptimeMs - raised.sinceMs + blockedMs };
}

function worded(condition: Condition, finding: Finding, lasts: Pick<Reason, 'since' | 'forMs'>): Reason {
  const { code, database, statusOf, wording } = condition;
  const { evidence, advice } = wording(finding);
  const ending = finding.overAgoMs > 0 ? `, no longer over the mark for ${duration(finding.overAgoMs)}` : '';
  return { status: statusOf(finding), code, database, ...lasts, evidence: evidence + ending, advice };
}

function verdictOf(found: readonly Reason[], takenAt: number): Verdict {
  const reasons = found.map((reason) => Object.freeze(reason));
  const failuresFirst = [...reasons.filter(isFailure), ...reasons.filter((reason) => !isFailure(reason))];
  return Object.freeze({ status: worstStatus(reasons), reasons: Object.freeze(failuresFirst), takenAt });
}

function isFailure({ status }: Reason): boolean {
  return status === 'fail';
}

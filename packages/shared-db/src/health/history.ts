import type { DatabaseSnapshot } from '../snapshot.ts';
import { stepAlarm, type Alarm } from './alarm.ts';
import type { Condition, Judged } from './condition.ts';
import { conditionsOf } from './conditions.ts';
import { STALLS_MS } from './service-conditions.ts';
import type { DatabaseTrend, RaisedReason, ServiceTrend } from './trend.ts';
import { stepWindow, trendOf, type WindowState } from './window.ts';

/** How often a process looks at itself. */
export const LOOK_EVERY_MS = 1_000;
/** A look stands for the time since the one before it, and for no longer than this: nobody knows what happened meanwhile. */
const LONGEST_LOOK_MS = 2 * LOOK_EVERY_MS;
/** A look that is so much late is one that the event loop has not let happen. */
const NOTICED_STALL_MS = 500;
/** The wall clock is set by so much at least when it jumps; less is drift, which moves no moment that was told. */
const JUMP_MS = 1_000;

/** What a process remembers of itself, so that its verdict is not that of one moment. Plain data. It does not grow. */
export interface HealthHistory {
  readonly trend: ServiceTrend;
  readonly databases: ReadonlyMap<string, RememberedDatabase>;
  /** The uptime at the last look. */
  readonly at: number;
  readonly alarms: ReadonlyMap<string, RememberedAlarm>;
  readonly stalls: readonly Stall[];
  /** How often each deprecated API had been called. */
  readonly calls: ReadonlyMap<string, number>;
}

interface RememberedDatabase {
  readonly window: WindowState;
  readonly trend: DatabaseTrend;
}

interface RememberedAlarm {
  readonly condition: Pick<Condition, 'code' | 'database' | 'subject'>;
  readonly alarm: Alarm;
  readonly critical: Alarm | undefined;
}

interface Stall {
  readonly at: number;
  readonly ms: number;
}

/**
 * One look more of a process at itself. Pure: time is that of the snapshot, by its uptime, which does not jump. `judged` is as things are
 * now; what it says of trends is not looked at.
 */
export function stepHistory(before: HealthHistory | undefined, judged: Judged): HealthHistory {
  const now = judged.uptimeMs;
  const sinceMs = before === undefined ? 0 : Math.max(0, now - before.at);
  const look = { now, lookedMs: Math.min(sinceMs, LONGEST_LOOK_MS) };
  const databases = new Map(judged.databases.map((one) => [one.name, rememberedOf(before, one, look)]));
  const stalls = stallsAfter(before?.stalls ?? [], now, sinceMs - LOOK_EVERY_MS);
  const calls = new Map(judged.deprecations.map((one) => [one.code, one.calls]));
  const trend: Omit<ServiceTrend, 'raised'> = {
    openedAt: openedAt(before, judged),
    stalledMs: stalls.reduce((sum, { ms }) => sum + ms, 0),
    longestStallMs: Math.max(0, ...stalls.map(({ ms }) => ms)),
    deprecated: deprecatedAfter(before, calls, now),
  };
  const seen = { ...judged, trend: { ...trend, raised: [] }, databases: withTrends(judged.databases, databases) };
  const alarms = alarmsAfter(before, conditionsOf(seen), look);
  const raised = [...alarms.values()].filter(({ alarm }) => alarm.isRaised).map(raisedOf);
  return {
    trend: Object.freeze({ ...trend, raised: Object.freeze(raised) }),
    databases,
    at: now,
    alarms,
    stalls,
    calls,
  };
}

function rememberedOf(
  before: HealthHistory | undefined,
  database: DatabaseSnapshot,
  look: { readonly now: number; readonly lookedMs: number },
): RememberedDatabase {
  const window = stepWindow(before?.databases.get(database.name)?.window, database, look);
  return { window, trend: trendOf(window) };
}

function withTrends(
  databases: readonly DatabaseSnapshot[],
  remembered: ReadonlyMap<string, RememberedDatabase>,
): readonly DatabaseSnapshot[] {
  return databases.map((database) => ({ ...database, trend: remembered.get(database.name)?.trend }));
}

function stallsAfter(before: readonly Stall[], now: number, lateMs: number): readonly Stall[] {
  const recent = before.filter(({ at }) => at > now - STALLS_MS);
  return lateMs < NOTICED_STALL_MS ? recent : [...recent, { at: now, ms: Math.min(lateMs, STALLS_MS) }];
}

function openedAt(before: HealthHistory | undefined, { takenAt, uptimeMs }: Judged): number {
  const told = before?.trend.openedAt;
  const now = takenAt - uptimeMs;
  return told === undefined || Math.abs(now - told) > JUMP_MS ? now : told;
}

function deprecatedAfter(
  before: HealthHistory | undefined,
  calls: ReadonlyMap<string, number>,
  now: number,
): ServiceTrend['deprecated'] {
  return Object.freeze(
    Array.from(calls, ([code, count]) => {
      const known = before?.trend.deprecated.find((one) => one.code === code);
      return known !== undefined && before?.calls.get(code) === count ? known : Object.freeze({ code, calledMs: now });
    }),
  );
}

function alarmsAfter(
  before: HealthHistory | undefined,
  conditions: readonly Condition[],
  look: { readonly now: number; readonly lookedMs: number },
): ReadonlyMap<string, RememberedAlarm> {
  const alarms = new Map<string, RememberedAlarm>();
  for (const condition of conditions) {
    const { code, database, subject, level, criticalLevel, damping } = condition;
    const key = JSON.stringify([code, database, subject]);
    const known = before?.alarms.get(key);
    const alarm = stepAlarm(known?.alarm, level, look, damping);
    if (alarm === undefined) continue;
    const critical = stepAlarm(known?.critical, criticalLevel, look, damping);
    alarms.set(key, { condition: { code, database, subject }, alarm, critical });
  }
  return alarms;
}

function raisedOf({ condition, alarm, critical }: RememberedAlarm): RaisedReason {
  return Object.freeze({
    ...condition,
    sinceMs: alarm.since,
    lastOverMs: alarm.lastOver,
    isCritical: critical?.isRaised === true,
  });
}

import type { ServiceSnapshot } from '../snapshot.ts';
import { fact, type Condition, type Judged } from './condition.ts';
import { count, duration, percent } from './figures.ts';
import { reached } from './level.ts';
import { placeConditions } from './place-conditions.ts';
import type { Thresholds } from './thresholds.ts';

/** An event loop that has not turned for so long serves nobody. */
export const STUCK_MS = 1_000;
/** Over how long standstills are counted. */
export const STALLS_MS = 60_000;
/** For how long it is told that a deprecated API was called: until even who looks now and then has seen it. The counter stays. */
const CALLED_LATELY_MS = 900_000;
const STALLING = Object.freeze({ raiseAfterMs: 0, dropAfterMs: 10_000, lower: 0.5 });

/** Everything that is wrong with the process, or may be soon, beside what is wrong with its databases. */
export function serviceConditions(judged: Judged, thresholds: Thresholds): readonly Condition[] {
  return [
    ...closing(judged),
    ...blocked(judged, thresholds),
    ...fallbackConditions(judged.fallbacks),
    ...(thresholds.warnWhenDeprecated ? deprecations(judged) : []),
    ...placeConditions(judged, thresholds),
    ...settings(judged),
    ...warnings(judged),
  ];
}

function closing(judged: Judged): readonly Condition[] {
  if (!judged.closing) return [];
  return [
    fact('closing', 'fail', {
      evidence: 'the service is closing',
      advice: 'send new work to another process; what is borrowed may still be finished here',
    }),
  ];
}

/** That it is so now, only somebody else can say of a process: its sentinel. That it was, it knows itself. */
function blocked(judged: Judged, thresholds: Thresholds): readonly Condition[] {
  const { blockedMs, label, statement } = judged.eventLoop;
  if (blockedMs < STUCK_MS) return stalls(judged, thresholds);
  const inside = label === undefined ? '' : `, inside "${label}"`;
  const work = statement === undefined ? inside : `${inside}: ${statement}`;
  const advice =
    statement === undefined
      ? 'see what its main thread computes; nothing else of the process runs meanwhile'
      : 'make the statement shorter or give it an index; nothing else of the process runs meanwhile';
  const evidence = `its event loop has not turned for ${duration(blockedMs)}${work}`;
  return [fact('blocked', 'fail', { evidence, advice }, { subject: STUCK })];
}

/** Whoever is stuck may have been stuck before: two things, each with a beginning of its own. */
export const STUCK = 'now';

function stalls({ trend }: Judged, { blockedShare }: Thresholds): readonly Condition[] {
  if (trend === undefined || trend.stalledMs === 0) return [];
  const { stalledMs, longestStallMs } = trend;
  const share = Math.min(1, stalledMs / STALLS_MS);
  return [
    {
      code: 'blocked',
      database: undefined,
      subject: undefined,
      level: reached(share, blockedShare),
      criticalLevel: 0,
      damping: STALLING,
      statusOf: () => 'warn',
      wording: () => ({
        evidence: `its event loop stood still for ${duration(stalledMs)} of the last minute (${percent(share)}), for ${duration(longestStallMs)} at once`,
        advice: 'hive-db top shows which statements take long; read those with offload, and compute in a worker thread',
      }),
    },
  ];
}

/** Adapters that work on direct connections, which also a process without a service may have. */
export function fallbackConditions(fallbacks: ServiceSnapshot['fallbacks']): readonly Condition[] {
  return fallbacks.map(({ database, reason }) =>
    fact(
      'fallback',
      'warn',
      {
        evidence: `its adapter works on direct connections: ${reason}`,
        advice:
          'configure the service before the adapter is first used; direct connections are neither pooled nor observed',
      },
      { database },
    ),
  );
}

/** Lately, where the process remembers when; else ever. */
function deprecations({ deprecations: used, trend, uptimeMs }: Judged): readonly Condition[] {
  return used.flatMap(({ code, replacement, calls }) => {
    if (calls === 0) return [];
    const calledMs = trend?.deprecated.find((one) => one.code === code)?.calledMs;
    const agoMs = calledMs === undefined ? undefined : uptimeMs - calledMs;
    if (agoMs !== undefined && agoMs > CALLED_LATELY_MS) return [];
    const lately = agoMs === undefined ? '' : `, the last ${duration(agoMs)} ago`;
    const wording = {
      evidence: `${code} was called ${count(calls, 'time')}${lately}`,
      advice: `use ${replacement}; hive-db deprecations lists the call sites`,
    };
    return [fact('deprecated', 'warn', wording, { subject: code })];
  });
}

function settings({ settingsFault }: Judged): readonly Condition[] {
  if (settingsFault === undefined) return [];
  return [
    fact('settings', 'warn', {
      evidence: `its settings could not be read again, and it goes on with those that it had: ${settingsFault}`,
      advice: 'correct them, which hive-db config validate checks, and type hive-db reload',
    }),
  ];
}

function warnings(judged: Judged): readonly Condition[] {
  return judged.warnings.map((warning) =>
    fact(
      'warning',
      'warn',
      { evidence: warning, advice: 'change what it names; where this stays, restart the process' },
      { subject: warning },
    ),
  );
}

import type { ServiceSnapshot } from '../snapshot.ts';
import { count, duration } from './figures.ts';
import type { Reason } from './reason.ts';
import type { Thresholds } from './thresholds.ts';

/** An event loop that has not turned for so long serves nobody. */
export const STUCK_MS = 1_000;

/** Everything that is wrong with the process, beside what is wrong with its databases. */
export function serviceReasons(snapshot: ServiceSnapshot, { warnWhenDeprecated }: Thresholds): Reason[] {
  return [
    ...closing(snapshot),
    ...blocked(snapshot),
    ...fallbackReasons(snapshot.fallbacks),
    ...(warnWhenDeprecated ? deprecations(snapshot) : []),
    ...settings(snapshot),
    ...warnings(snapshot),
  ];
}

function closing(snapshot: ServiceSnapshot): Reason[] {
  if (!snapshot.closing) return [];
  return [
    {
      status: 'fail',
      code: 'closing',
      database: undefined,
      evidence: 'the service is closing',
      advice: 'send new work to another process; what is borrowed may still be finished here',
    },
  ];
}

/** Only somebody else can say this of a process: its sentinel. */
function blocked({ eventLoop: { blockedMs, label, statement } }: ServiceSnapshot): Reason[] {
  if (blockedMs < STUCK_MS) return [];
  const inside = label === undefined ? '' : `, inside "${label}"`;
  const work = statement === undefined ? inside : `${inside}: ${statement}`;
  return [
    {
      status: 'fail',
      code: 'blocked',
      database: undefined,
      evidence: `its event loop has not turned for ${duration(blockedMs)}${work}`,
      advice:
        statement === undefined
          ? 'see what its main thread computes; nothing else of the process runs meanwhile'
          : 'make the statement shorter or give it an index; nothing else of the process runs meanwhile',
    },
  ];
}

/** Adapters that work on direct connections, which also a process without a service may have. */
export function fallbackReasons(fallbacks: ServiceSnapshot['fallbacks']): Reason[] {
  return fallbacks.map(({ database, reason }) => ({
    status: 'warn',
    code: 'fallback',
    database,
    evidence: `its adapter works on direct connections: ${reason}`,
    advice:
      'configure the service before the adapter is first used; direct connections are neither pooled nor observed',
  }));
}

function deprecations(snapshot: ServiceSnapshot): Reason[] {
  return snapshot.deprecations
    .filter(({ calls }) => calls > 0)
    .map(({ code, replacement, calls }) => ({
      status: 'warn',
      code: 'deprecated',
      database: undefined,
      evidence: `${code} was called ${count(calls, 'time')}`,
      advice: `use ${replacement}; hive-db deprecations lists the call sites`,
    }));
}

function settings({ settingsFault }: ServiceSnapshot): Reason[] {
  if (settingsFault === undefined) return [];
  return [
    {
      status: 'warn',
      code: 'settings',
      database: undefined,
      evidence: `its settings could not be read again, and it goes on with those that it had: ${settingsFault}`,
      advice: 'correct them, which hive-db config validate checks, and type hive-db reload',
    },
  ];
}

function warnings(snapshot: ServiceSnapshot): Reason[] {
  return snapshot.warnings.map((warning) => ({
    status: 'warn',
    code: 'warning',
    database: undefined,
    evidence: warning,
    advice: 'change what it names; where this stays, restart the process',
  }));
}

import { duration } from '../health/figures.ts';
import { worstStatus, type Reason, type ReasonCode, type VerdictStatus } from '../health/reason.ts';
import type { DatabaseSnapshot, ServiceSnapshot } from '../snapshot.ts';

/** One measurement, in the words of the health+json draft (draft-inadarei-api-health-check-06). */
interface Check {
  readonly componentType: 'datastore' | 'system';
  readonly status: VerdictStatus;
  readonly observedValue?: unknown;
  readonly observedUnit?: string;
  readonly output?: string;
  /** Since when it is not as it should be, where that is known: the longest of its reasons. */
  readonly since?: string;
  readonly sinceSeconds?: number;
  readonly time: string;
}

/** One of a report: `orders:connections`. */
type NamedCheck = readonly [name: string, checks: readonly [Check]];

/** A health+json document. Without details it is the status alone. */
export interface HealthReport {
  readonly status: VerdictStatus;
  readonly serviceId?: string;
  readonly checks?: Readonly<Record<string, readonly Check[]>>;
  readonly notes?: readonly string[];
}

/** What is measured, and which kinds of reasons speak about it. */
interface Measure {
  readonly name: string;
  readonly codes: readonly ReasonCode[];
  readonly observe: (database: DatabaseSnapshot) => Pick<Check, 'observedValue' | 'observedUnit'> | undefined;
}

const measures: readonly Measure[] = [
  {
    name: 'status',
    codes: ['failed', 'fenced', 'disk-full', 'opening', 'closed'],
    observe: ({ status }) => ({ observedValue: status }),
  },
  {
    name: 'connections',
    codes: ['suspended', 'saturated', 'timeouts', 'long-lease', 'leaked', 'abandoned', 'recycling'],
    observe: ({ pool, trend }) => ({
      observedValue: {
        used: pool.leased,
        idle: pool.idle,
        max: pool.size + pool.maxOverflow,
        pending: pool.waiting,
        ...(trend === undefined ? {} : { utilization: trend.utilisation }),
      },
    }),
  },
  {
    name: 'waitTime',
    codes: ['waiting', 'waiting-to-write', 'acquire-time'],
    observe: ({ pool, lane }) => ({
      observedValue: Math.max(pool.oldestWaitMs, lane.oldestWaitMs),
      observedUnit: 'ms',
    }),
  },
  {
    name: 'errors',
    codes: ['errors'],
    observe: ({ trend }) => trend && { observedValue: { calls: trend.calls, errors: { ...trend.errors } } },
  },
  {
    name: 'commitTime',
    codes: ['slow-commits', 'polling'],
    observe: ({ lane: { work } }) =>
      work.lateCommitMs === undefined ? undefined : { observedValue: work.lateCommitMs, observedUnit: 'ms' },
  },
  {
    name: 'wal',
    codes: ['wal', 'pinned', 'checkpoints'],
    observe: ({ walBytes }) =>
      walBytes === undefined ? undefined : { observedValue: walBytes, observedUnit: 'bytes' },
  },
];

/** The whole report: what was measured in the given databases, what is wrong and what to do. May name labels and paths. */
export function detailedReport(
  snapshot: ServiceSnapshot,
  databases: readonly DatabaseSnapshot[],
  reasons: readonly Reason[],
): HealthReport {
  const time = new Date(snapshot.takenAt).toISOString();
  const checks = [
    ...checksOfService(snapshot, reasons, time),
    ...databases.flatMap((database) => checksOfDatabase(database, reasons, time)),
    ...checksOfFallbacks(reasons, time),
  ];
  return {
    status: worstStatus(reasons),
    serviceId: snapshot.app,
    checks: Object.fromEntries(checks),
    ...(reasons.length === 0 ? {} : { notes: [...new Set(reasons.map(({ advice }) => advice))] }),
  };
}

function checksOfService(
  { uptimeMs, eventLoop }: ServiceSnapshot,
  reasons: readonly Reason[],
  time: string,
): readonly NamedCheck[] {
  const own = reasons.filter(({ database }) => database === undefined);
  const check = (name: string, ms: number, found: readonly Reason[]): NamedCheck => [
    `service:${name}`,
    [{ componentType: 'system', observedValue: ms / 1_000, observedUnit: 's', ...judged(found), time }],
  ];
  const { blockedMs } = eventLoop;
  const blocked = own.filter(({ code }) => code === 'blocked');
  const rest = own.filter(({ code }) => code !== 'blocked');
  return [check('uptime', uptimeMs, rest), ...(blockedMs > 0 ? [check('blocked', blockedMs, blocked)] : [])];
}

function checksOfDatabase(database: DatabaseSnapshot, reasons: readonly Reason[], time: string): readonly NamedCheck[] {
  return measures.flatMap(({ name, codes, observe }): readonly NamedCheck[] => {
    const observed = observe(database);
    const found = reasons.filter((reason) => reason.database === database.name && codes.includes(reason.code));
    if (observed === undefined && found.length === 0) return [];
    return [[`${database.name}:${name}`, [{ componentType: 'datastore', ...observed, ...judged(found), time }]]];
  });
}

/** An adapter falls back also from a database that this service has never heard of. */
function checksOfFallbacks(reasons: readonly Reason[], time: string): readonly NamedCheck[] {
  return reasons
    .filter(({ code }) => code === 'fallback')
    .map((reason) => [`${reason.database}:fallback`, [{ componentType: 'datastore', ...judged([reason]), time }]]);
}

/** A report as text for people: one line a check, `[+]` pass, `[!]` warn, `[-]` fail, then the advice and the status. */
export function reportText({ status, checks = {}, notes = [] }: HealthReport): string {
  const lines = Object.entries(checks).flatMap(([name, entries]) =>
    entries.map((check) => `${MARKS[check.status]} ${name} ${check.output ?? 'ok'}${lasting(check)}`),
  );
  return [...lines, ...notes.map((note) => `  > ${note}`), status].map(printable).join('\n').concat('\n');
}

function lasting({ since: from, sinceSeconds }: Check): string {
  return from === undefined || sinceSeconds === undefined
    ? ''
    : ` (for ${duration(sinceSeconds * 1_000)}, since ${from})`;
}

const MARKS: Readonly<Record<VerdictStatus, string>> = { pass: '[+]', warn: '[!]', fail: '[-]' };

function judged(reasons: readonly Reason[]): Pick<Check, 'status' | 'output' | 'since' | 'sinceSeconds'> {
  const output = reasons.map(({ evidence }) => evidence).join('; ');
  return { status: worstStatus(reasons), ...(output === '' ? {} : { output }), ...since(reasons) };
}

function since(reasons: readonly Reason[]): Pick<Check, 'since' | 'sinceSeconds'> {
  const [longest] = reasons.toSorted((a, b) => (b.forMs ?? -1) - (a.forMs ?? -1));
  if (longest?.since === undefined || longest.forMs === undefined) return {};
  return { since: new Date(longest.since).toISOString(), sinceSeconds: longest.forMs / 1_000 };
}

/** A message of the system may hold line breaks and worse; a line stays a line. */
function printable(line: string): string {
  return line.replaceAll(/\p{Cc}/gu, ' ');
}

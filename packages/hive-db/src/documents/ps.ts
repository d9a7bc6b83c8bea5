import type { DatabaseSnapshot, OffloadedSnapshot } from '@hive/shared-db';
import type { Answered, Inquiry } from '../inquiry.ts';
import { placeOf } from './holder.ts';
import { unansweredOf, type Unanswered } from './process.ts';

/** `ps --json`, hive-db/ps/v1. */
export interface PsDocument extends Unanswered {
  readonly schema: 'hive-db/ps/v1';
  readonly activities: readonly ActivityDocument[];
  /** Of each database of which a lease was ever suspected, or was a leak. */
  readonly leaks: readonly LeaksDocument[];
}

/**
 * What somebody is doing with a database at this moment. `session`, `read`, `write`: holds a connection; `any`: the same on a driver
 * without a single writer; `waiting`: wants one, or has that which writes and wants the lock of the database; `running`: is inside a statement that its process cannot leave.
 * `offload`: reads in a thread or process beside it; `stuck`: the same in a thread, and nobody waits for it any more.
 */
export type ActivityKind = 'session' | 'read' | 'write' | 'any' | 'waiting' | 'running' | 'offload' | 'stuck';

/** One of them. */
export interface ActivityDocument {
  readonly pid: number;
  readonly app: string;
  /** Null for a statement: whose database it runs on is not known from outside. */
  readonly database: string | null;
  readonly kind: ActivityKind;
  readonly label: string | null;
  readonly age_seconds: number;
  /** How long its holder said to need the connection; null where nothing was said. */
  readonly allowed_seconds: number | null;
  /** For how long its holder has not used the connection; null for who holds none. */
  readonly idle_seconds: number | null;
  /** Whether it is held and not used for so long that it looks like a leak. */
  readonly suspected: boolean;
  /** Where in its source that was begun, where it was remembered. */
  readonly call_site: string | null;
  /** Without values. */
  readonly statement: string | null;
}

/** What became of leaks and suspects in one database since its process has had it. */
export interface LeaksDocument {
  readonly pid: number;
  readonly app: string;
  readonly database: string;
  /** Leases that ever looked like leaks, and those of them that came back after all. */
  readonly suspected: number;
  readonly returned_late: number;
  /** Leases that were dropped without release and found by the garbage collector. */
  readonly collected: number;
  /** How long ago that last happened; null where it never has. */
  readonly collected_seconds_ago: number | null;
}

/** What to order by: the oldest first, or by name. */
export type PsSort = 'age' | 'app' | 'database' | 'label' | 'kind' | 'pid';

/** Which activities are wanted; undefined means any. */
export interface PsFilter {
  readonly app: string | undefined;
  readonly database: string | undefined;
  readonly kind: string | undefined;
  /** A part of the label. */
  readonly label: string | undefined;
  readonly atLeastMs: number;
  /** Those that look like leaks, and nothing else. */
  readonly leaked: boolean;
}

/** Who uses what. Pure. */
export function psOf(inquiry: Inquiry, filter: PsFilter, sort: PsSort): PsDocument {
  const activities = inquiry.answered.flatMap((process) => activitiesOf(process));
  return {
    schema: 'hive-db/ps/v1',
    activities: activities.filter((one) => isWanted(one, filter)).toSorted(orderBy(sort)),
    leaks: inquiry.answered.flatMap(leaksOf).filter((one) => isOf(one, filter)),
    ...unansweredOf(inquiry),
  };
}

function activitiesOf(answered: Answered): readonly ActivityDocument[] {
  const { pid, snapshot } = answered;
  const { app, databases, eventLoop, offload } = snapshot;
  const process = { pid, app };
  const elsewhere = [...offload.threads.running, ...offload.processes.running].map(readElsewhere);
  const used = [...databases.flatMap(usesOf), ...elsewhere].map((use) => ({
    ...process,
    ...use,
    call_site: use.call_site ?? placeOf(answered, use.label),
  }));
  const { statement, label = null, blockedMs } = eventLoop;
  if (statement === undefined) return used;
  const running = { database: null, kind: 'running', ...NO_LEASE } as const;
  const call_site = placeOf(answered, label);
  return [...used, { ...process, ...running, label, call_site, statement, age_seconds: blockedMs / 1_000 }];
}

/** What is told of leases alone. */
const NO_LEASE = { allowed_seconds: null, idle_seconds: null, suspected: false } as const;

/** One of them, whoever it is. */
type Use = Omit<ActivityDocument, 'pid' | 'app'>;

function usesOf({ name, lane, leases, waiters }: DatabaseSnapshot): readonly Use[] {
  const database = name;
  const isLocked = lane.writer === undefined || lane.writer.lockedMs !== undefined;
  return [
    ...leases.map(({ owner = null, ageMs, idleMs, suspect, allowedMs, acquiredAt = null, use }) => ({
      database,
      kind: use === 'write' && !isLocked ? ('waiting' as const) : use,
      label: owner,
      age_seconds: ageMs / 1_000,
      allowed_seconds: allowedMs === undefined ? null : allowedMs / 1_000,
      idle_seconds: idleMs / 1_000,
      suspected: suspect,
      call_site: acquiredAt,
      statement: null,
    })),
    ...waiters.map(({ owner = null, waitMs }) => ({
      database,
      kind: 'waiting' as const,
      label: owner,
      age_seconds: waitMs / 1_000,
      ...NO_LEASE,
      call_site: null,
      statement: null,
    })),
  ];
}

function readElsewhere({ database, label, statement, runningMs, stuck }: OffloadedSnapshot): Use {
  const kind = stuck ? 'stuck' : 'offload';
  return { database, kind, label, statement, age_seconds: runningMs / 1_000, ...NO_LEASE, call_site: null };
}

function leaksOf({ pid, snapshot: { app, databases } }: Answered): readonly LeaksDocument[] {
  return databases
    .filter(({ leaks }) => leaks.suspected + leaks.collected > 0)
    .map(({ name, leaks: { suspected, returnedLate, collected, collectedAgoMs } }) => ({
      pid,
      app,
      database: name,
      suspected,
      returned_late: returnedLate,
      collected,
      collected_seconds_ago: collectedAgoMs === undefined ? null : collectedAgoMs / 1_000,
    }));
}

function isOf(one: ActivityDocument | LeaksDocument, { app, database }: PsFilter): boolean {
  return (app === undefined || one.app === app) && (database === undefined || one.database === database);
}

function isWanted(one: ActivityDocument, filter: PsFilter): boolean {
  const { kind, label, atLeastMs, leaked } = filter;
  return (
    isOf(one, filter) &&
    (!leaked || one.suspected) &&
    (kind === undefined || one.kind === kind) &&
    (label === undefined || one.label?.includes(label) === true) &&
    one.age_seconds * 1_000 >= atLeastMs
  );
}

/** What is equal is in the order of age. */
function orderBy(sort: PsSort): (a: ActivityDocument, b: ActivityDocument) => number {
  if (sort === 'age') return byAge;
  if (sort === 'pid') return (a, b) => a.pid - b.pid || byAge(a, b);
  return (a, b) => compared(a[sort] ?? '', b[sort] ?? '') || byAge(a, b);
}

function byAge(a: ActivityDocument, b: ActivityDocument): number {
  return b.age_seconds - a.age_seconds;
}

function compared(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

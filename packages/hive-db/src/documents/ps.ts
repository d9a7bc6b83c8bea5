import type { DatabaseSnapshot, OffloadedSnapshot } from '@hive/shared-db';
import type { Answered, Inquiry } from '../inquiry.ts';
import { placeOf } from './holder.ts';
import { unansweredOf, type Unanswered } from './process.ts';

/** `ps --json`, hive-db/ps/v1. */
export interface PsDocument extends Unanswered {
  readonly schema: 'hive-db/ps/v1';
  readonly activities: readonly ActivityDocument[];
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
  /** Where in its source that was begun, where it was remembered. */
  readonly call_site: string | null;
  /** Without values. */
  readonly statement: string | null;
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
}

/** Who uses what. Pure. */
export function psOf(inquiry: Inquiry, filter: PsFilter, sort: PsSort): PsDocument {
  const activities = inquiry.answered.flatMap((process) => activitiesOf(process));
  return {
    schema: 'hive-db/ps/v1',
    activities: activities.filter((one) => isWanted(one, filter)).toSorted(orderBy(sort)),
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
  const running = { database: null, kind: 'running', allowed_seconds: null } as const;
  const call_site = placeOf(answered, label);
  return [...used, { ...process, ...running, label, call_site, statement, age_seconds: blockedMs / 1_000 }];
}

/** One of them, whoever it is. */
type Use = Omit<ActivityDocument, 'pid' | 'app'>;

function usesOf({ name, lane, leases, waiters }: DatabaseSnapshot): readonly Use[] {
  const database = name;
  const isLocked = lane.writer === undefined || lane.writer.lockedMs !== undefined;
  return [
    ...leases.map(({ owner = null, ageMs, allowedMs, acquiredAt = null, use }) => ({
      database,
      kind: use === 'write' && !isLocked ? ('waiting' as const) : use,
      label: owner,
      age_seconds: ageMs / 1_000,
      allowed_seconds: allowedMs === undefined ? null : allowedMs / 1_000,
      call_site: acquiredAt,
      statement: null,
    })),
    ...waiters.map(({ owner = null, waitMs }) => ({
      database,
      kind: 'waiting' as const,
      label: owner,
      age_seconds: waitMs / 1_000,
      allowed_seconds: null,
      call_site: null,
      statement: null,
    })),
  ];
}

function readElsewhere({ database, label, statement, runningMs, stuck }: OffloadedSnapshot): Use {
  const kind = stuck ? 'stuck' : 'offload';
  return { database, kind, label, statement, age_seconds: runningMs / 1_000, allowed_seconds: null, call_site: null };
}

function isWanted(one: ActivityDocument, { app, database, kind, label, atLeastMs }: PsFilter): boolean {
  return (
    (app === undefined || one.app === app) &&
    (database === undefined || one.database === database) &&
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

import {
  WAITS_FOR,
  type ControlFailure,
  type ControlVerb,
  type DatabaseControl,
  type OrderOutcome,
  type PoolState,
  type RevokedLease,
} from '@hive/shared-db/presence';
import type { Inquiry } from '../inquiry.ts';
import type { Target } from '../targets.ts';
import { unansweredOf, type Unanswered } from './process.ts';

/** The verbs about databases. */
export type DatabaseVerb = Exclude<ControlVerb, 'reload' | 'echo' | 'log-level' | 'threshold'>;

/** `resize --json`, hive-db/resize/v1; the same for `suspend`, `resume` and `flush`. */
export interface ControlDocument extends Unanswered {
  readonly schema: `hive-db/${DatabaseVerb}/v1`;
  /** What was asked for. Null where that is left as it is, or is not of this verb. */
  readonly order: {
    /** Null is every database. */
    readonly database: string | null;
    readonly size: number | null;
    readonly max_overflow: number | null;
    readonly mode: string | null;
  };
  readonly processes: readonly ProcessControl[];
}

/**
 * What became of it. `done`, `failed`, `refused` by the process; `queued` until its main thread is free, `begun` and not over yet; `unknown`
 * where nobody can say.
 */
export type ControlOutcome = 'done' | 'failed' | 'refused' | 'queued' | 'begun' | 'unknown';

/** What one process did. */
export interface ProcessControl {
  readonly pid: number;
  readonly app: string;
  readonly outcome: ControlOutcome;
  /** Null where it is done. */
  readonly reason: string | null;
  /** For how long its main thread has been busy, and in what; null unless the order is queued. */
  readonly blocked_seconds: number | null;
  readonly blocked_by: { readonly label: string | null; readonly statement: string | null } | null;
  /** What was done with each of its databases; empty where that is not known. */
  readonly databases: readonly DatabaseChange[];
}

export interface DatabaseChange {
  readonly database: string;
  readonly failure: ControlFailure | null;
  readonly before: PoolGauge;
  readonly after: PoolGauge;
  /** Connections that were closed. */
  readonly closed: number;
  /** In use beyond the limits: they close when they come back. */
  readonly over_limit: number;
  /** Who had a connection taken away, longest first. */
  readonly revoked: readonly RevokedDocument[];
}

export interface PoolGauge {
  readonly status: string;
  readonly size: number;
  readonly max_overflow: number;
  readonly live: number;
  readonly in_use: number;
}

export interface RevokedDocument {
  readonly label: string | null;
  readonly kind: string;
  readonly held_seconds: number;
  readonly call_site: string | null;
}

/** A process and what it said. */
export interface Told {
  readonly target: Target;
  readonly outcome: OrderOutcome;
}

/** What was asked for and what came of it, process by process. */
export function controlDocument(
  verb: DatabaseVerb,
  order: ControlDocument['order'],
  told: readonly Told[],
  inquiry: Pick<Inquiry, 'unreachable'>,
): ControlDocument {
  const processes = told.map((one) => processOf(verb, one));
  return { schema: `hive-db/${verb}/v1`, order, processes, ...unansweredOf(inquiry) };
}

function processOf(verb: DatabaseVerb, { target, outcome }: Told): ProcessControl {
  const { pid, app } = target;
  const common = { pid, app, ...progressOf(verb, outcome), databases: [] };
  if (outcome.state !== 'done') return common;
  return { ...common, databases: outcome.report.databases.map(changeOf) };
}

/** How far a process has come, for any verb. */
export function progressOf(
  verb: ControlVerb,
  outcome: OrderOutcome,
): Pick<ProcessControl, 'outcome' | 'reason' | 'blocked_seconds' | 'blocked_by'> {
  const still = { blocked_seconds: null, blocked_by: null };
  switch (outcome.state) {
    case 'done': {
      const { refusal, databases } = outcome.report;
      if (refusal !== undefined) return { outcome: 'refused', reason: refusal.message, ...still };
      const failed = databases.filter(({ failure }) => failure !== undefined);
      const reason = failed.map(({ failure }) => failure?.message).join('; ');
      return failed.length > 0 ? { outcome: 'failed', reason, ...still } : { outcome: 'done', reason: null, ...still };
    }
    case 'queued': {
      const { blockedMs, label, statement } = outcome;
      const reason = 'its main thread is busy; it will be done when that is free';
      const by = { label: label ?? null, statement: statement ?? null };
      return { outcome: 'queued', reason, blocked_seconds: blockedMs / 1_000, blocked_by: by };
    }
    case 'begun': {
      const reason = `it was begun, and waited for ${WAITS_FOR[verb]}; its log will say what came of it`;
      return { outcome: 'begun', reason, ...still };
    }
    case 'refused':
      return { outcome: 'refused', reason: outcome.reason, ...still };
    case 'silent':
    case 'rubbish':
  }
  const reason = `${outcome.reason}; whether it was done, or will be, is not known`;
  return { outcome: 'unknown', reason, ...still };
}

function changeOf({ database, before, after, destroyed, revoked, failure }: DatabaseControl): DatabaseChange {
  return {
    database,
    failure: failure ?? null,
    before: gaugeOf(before),
    after: gaugeOf(after),
    closed: destroyed,
    over_limit: Math.max(0, after.live - after.size - after.maxOverflow),
    revoked: revoked.map(revokedOf),
  };
}

function gaugeOf({ status, size, maxOverflow, live, leased }: PoolState): PoolGauge {
  return { status, size, max_overflow: maxOverflow, live, in_use: leased };
}

function revokedOf({ label, use, ageMs, acquiredAt }: RevokedLease): RevokedDocument {
  return { label: label ?? null, kind: use, held_seconds: ageMs / 1_000, call_site: acquiredAt ?? null };
}

import type { DatabaseSnapshot, LeaseSnapshot } from '@hive/shared-db';
import type { Thresholds, VerdictStatus } from '@hive/shared-db/health';
import type { DatabaseFacts, FileReport } from '../file/file-report.ts';
import type { Answered, Inquiry } from '../inquiry.ts';
import { budgetsOf, type Budgeted } from './budgets.ts';
import { checkpointsDocument, type CheckpointsDocument } from './checkpoints.ts';
import { countersDocument, type CountersDocument } from './counters.ts';
import { deprecatedUses, type DeprecatedUse } from './deprecations.ts';
import { verdictOnFile } from './file-health.ts';
import { healthOfProcess, type HealthReason, type ProcessHealth } from './health.ts';
import { offloadDocument, type OffloadDocument } from './offload.ts';
import { moment, unansweredOf, type Unanswered } from './process.ts';
import type { RepairDocument } from './repair.ts';
import { laneOf, servedAt, troubleOf, type LaneGauges } from './status.ts';
import { turnsDocument, type TurnsDocument } from './turns.ts';

type Pool = DatabaseSnapshot['pool'];
type Histogram = Pool['waitTime'];

/** `export`, hive-db/export/v1: everything that the processes know of themselves, or that files tell, for reports and for later. */
export interface ExportDocument extends Unanswered {
  readonly schema: 'hive-db/export/v1';
  readonly processes: readonly ExportedProcess[];
  /** Instead of processes, where files were named. */
  readonly files?: readonly ExportedFile[];
}

/** What a named file turned out to be, and how it was. */
export interface ExportedFile {
  readonly path: string;
  readonly state: FileReport['state'];
  /** Completes a sentence about it; null for a database. */
  readonly reason: string | null;
  readonly taken_at: string | null;
  /** Null where it is no database and was none, or cannot be looked at. */
  readonly status: VerdictStatus | null;
  readonly reasons: readonly HealthReason[];
  /** What it holds, who has it open and what lies beside it; null for anything but a database. */
  readonly facts: DatabaseFacts | null;
}

export interface ExportedProcess extends ProcessHealth {
  readonly taken_at: string | null;
  readonly started_at: string | null;
  readonly closing: boolean;
  /** Where it serves its health over HTTP; absent where it does not by itself. */
  readonly http?: { readonly host: string; readonly port: number };
  readonly thresholds: ExportedThresholds;
  /** What reads beside its main thread. Absent, as all that may be, from exports of earlier versions. */
  readonly offload?: OffloadDocument;
  readonly databases: readonly ExportedDatabase[];
  readonly labels: readonly ExportedLabel[];
  /** Adapters that work on direct connections, and why. */
  readonly fallbacks: readonly { readonly database: string; readonly reason: string }[];
  readonly deprecations: readonly DeprecatedUse[];
  readonly warnings: readonly string[];
  /** Why the settings that were read last are not in force; null where they are. Absent from exports of earlier versions. */
  readonly settings_fault?: string | null;
}

/** By what the process is judged. */
export interface ExportedThresholds {
  readonly utilisation_warn_ratio: number;
  readonly utilisation_critical_ratio: number;
  readonly fail_when_saturated: boolean;
  readonly oldest_wait_seconds: number;
  readonly timeout_ratio: number;
  readonly lease_seconds: number;
  readonly wal_size_bytes: number;
  readonly slow_statement_seconds: number;
  readonly warn_when_deprecated: boolean;
}

export interface ExportedLabel {
  readonly label: string;
  readonly calls: number;
  readonly failures: number;
  /** From call to end, waiting included; an estimate where not every call was timed. */
  readonly total_seconds: number;
  readonly max_seconds: number;
  /** Where it was used: at first, or lately. */
  readonly call_site: string | null;
}

export interface ExportedDatabase {
  readonly name: string;
  readonly driver: string;
  readonly status: string;
  readonly required: boolean;
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly repair?: RepairDocument | null;
  /** Why the latest writes were refused for want of space; null since one was committed. */
  readonly refused?: ExportedRefusal | null;
  readonly durability: string | null;
  readonly path: string | null;
  readonly file_size_bytes: number | null;
  readonly wal_size_bytes: number | null;
  readonly pool: ExportedPool;
  /** What holds for its connections; null where the process did not say. */
  readonly limits?: ExportedLimits | null;
  /** How its log is kept short; null where it has none. */
  readonly checkpoints?: CheckpointsDocument | null;
  readonly lane: LaneGauges & { readonly oldest_wait_seconds: number };
  readonly commits?: ExportedCommits;
  readonly turns?: TurnsDocument | null;
  /** Monotone since the start. */
  readonly counters: CountersDocument;
  readonly errors: Readonly<Record<string, number>>;
  readonly leases: readonly ExportedLease[];
  readonly waiters: readonly ExportedWaiter[];
  /** Those on which the most time was spent, heaviest first. */
  readonly statements: readonly ExportedStatement[];
  /** The last that took longer than the threshold, newest first. */
  readonly slow_statements: readonly ExportedSlowStatement[];
  readonly slow_runs: number;
}

/** What holds for the connections of a database, beside how many there may be. */
export interface ExportedLimits {
  readonly acquire_timeout_seconds: number;
  /** 0 is never. */
  readonly recycle_seconds: number;
  /** Null where it has none. */
  readonly server: ExportedServer | null;
}

/** What a server allows, as far as it is known. */
export interface ExportedServer {
  readonly name: string;
  readonly max_connections: number | null;
  readonly idle_limit_seconds: number | null;
}

/** Writes that a full disk has refused, all in a row. */
export interface ExportedRefusal {
  readonly code: string;
  readonly message: string;
  readonly count: number;
  readonly seconds: number;
}

/** How the lane has committed since the start. */
export interface ExportedCommits {
  readonly groups: number;
  readonly writes: number;
  readonly commit_time: ExportedHistogram;
  /** Of the last minute or two; null where there were not a hundred groups. */
  readonly late_commit_seconds: number | null;
}

export interface ExportedStatement {
  readonly statement: string;
  readonly runs: number;
  readonly total_seconds: number;
  readonly max_seconds: number;
}

export interface ExportedSlowStatement {
  readonly statement: string;
  readonly label: string | null;
  readonly seconds: number;
  readonly at: string | null;
}

export interface ExportedPool extends Budgeted {
  readonly status: string;
  readonly size: number;
  readonly max_overflow: number;
  readonly live: number;
  readonly in_use: number;
  readonly idle: number;
  readonly creating: number;
  readonly validating: number;
  readonly resetting: number;
  readonly closing: number;
  readonly abandoned: number;
  readonly waiting: number;
  readonly oldest_wait_seconds: number;
  readonly oldest_lease_seconds: number;
  readonly generation: number;
  /** Monotone since the start. */
  readonly counters: Readonly<Record<string, number>>;
  /** Connections closed, by reason. */
  readonly destroyed: Readonly<Record<string, number>>;
  readonly acquire_time: ExportedHistogram;
  readonly use_time: ExportedHistogram;
  readonly create_time: ExportedHistogram;
}

export interface ExportedHistogram {
  readonly count: number;
  readonly sum_seconds: number;
  readonly max_seconds: number;
  /** Not cumulative; empty buckets are left out. */
  readonly buckets: readonly { readonly le_seconds: number; readonly count: number }[];
}

export interface ExportedWaiter {
  readonly label: string | null;
  readonly wait_seconds: number;
  readonly use: string;
  /** As of leases. */
  readonly budget?: string | null;
}

export interface ExportedLease {
  readonly id: number;
  readonly label: string | null;
  /** Which budget it counts in; null where there are none. Absent from exports of earlier versions. */
  readonly budget?: string | null;
  readonly age_seconds: number;
  /** How long its holder said to need it. */
  readonly allowed_seconds: number | null;
  readonly idle_seconds: number;
  readonly suspected: boolean;
  readonly acquired_at: string | null;
  /** `read`, `write`, or `any` on drivers without a single writer. */
  readonly use: string;
}

export function exportOf(inquiry: Inquiry): ExportDocument {
  return {
    schema: 'hive-db/export/v1',
    processes: inquiry.answered.map((process) => exportOfProcess(process)),
    ...unansweredOf(inquiry),
  };
}

/** The named files, as they were at one moment: milliseconds since 1970. */
export function exportOfFiles(reports: readonly FileReport[], at: number): ExportDocument {
  return {
    schema: 'hive-db/export/v1',
    processes: [],
    files: reports.map((report) => exportOfFile(report, moment(at))),
  };
}

function exportOfFile(report: FileReport, takenAt: string | null): ExportedFile {
  const { status = null, reasons = [] } = verdictOnFile(report) ?? {};
  const judged = { taken_at: takenAt, status, reasons };
  if (report.state !== 'database') return { ...report, ...judged, facts: null };
  const { path, state, ...facts } = report;
  return { path, state, reason: null, ...judged, facts };
}

function exportOfProcess(process: Answered): ExportedProcess {
  const { snapshot } = process;
  return {
    ...healthOfProcess(process),
    taken_at: moment(snapshot.takenAt),
    started_at: moment(snapshot.startedAt),
    closing: snapshot.closing,
    ...servedAt(snapshot),
    thresholds: exportOfThresholds(snapshot.thresholds),
    offload: offloadDocument(snapshot.offload),
    databases: snapshot.databases.map((database) => exportOfDatabase(database)),
    labels: snapshot.labels.map(({ label, calls, failures, sumMs, maxMs, callSite = null }) => ({
      label,
      calls,
      failures,
      total_seconds: sumMs / 1_000,
      max_seconds: maxMs / 1_000,
      call_site: callSite,
    })),
    fallbacks: snapshot.fallbacks.map(({ database, reason }) => ({ database, reason })),
    deprecations: deprecatedUses(process),
    warnings: snapshot.warnings,
    settings_fault: snapshot.settingsFault ?? null,
  };
}

function exportOfThresholds(thresholds: Thresholds): ExportedThresholds {
  return {
    utilisation_warn_ratio: thresholds.utilisationWarn,
    utilisation_critical_ratio: thresholds.utilisationCritical,
    fail_when_saturated: thresholds.failWhenSaturated,
    oldest_wait_seconds: thresholds.oldestWaitMs / 1_000,
    timeout_ratio: thresholds.timeoutShare,
    lease_seconds: thresholds.leaseMs / 1_000,
    wal_size_bytes: thresholds.walBytes,
    slow_statement_seconds: thresholds.slowStatementMs / 1_000,
    warn_when_deprecated: thresholds.warnWhenDeprecated,
  };
}

function exportOfDatabase(database: DatabaseSnapshot): ExportedDatabase {
  const { name, driver, status, required, lane, counters } = database;
  const { durability = null, path = null, fileBytes = null, walBytes = null } = database;
  return {
    name,
    driver,
    status,
    required,
    ...troubleOf(database),
    refused: exportOfRefusal(database.refused),
    durability,
    path,
    file_size_bytes: fileBytes,
    wal_size_bytes: walBytes,
    pool: exportOfPool(database.pool),
    limits: exportOfLimits(database.limits),
    checkpoints: checkpointsDocument(database.checkpoints),
    lane: { ...laneOf(lane), oldest_wait_seconds: lane.oldestWaitMs / 1_000 },
    commits: exportOfCommits(lane),
    turns: turnsDocument(database.turns),
    counters: countersDocument(counters),
    errors: { ...counters.errors },
    leases: database.leases.map((lease) => exportOfLease(lease)),
    waiters: database.waiters.map(({ owner = null, budget = null, waitMs, use }) => ({
      label: owner,
      budget,
      wait_seconds: waitMs / 1_000,
      use,
    })),
    statements: database.statements.map(({ statement, runs, sumMs, maxMs }) => ({
      statement,
      runs,
      total_seconds: sumMs / 1_000,
      max_seconds: maxMs / 1_000,
    })),
    slow_statements: database.slowStatements.map(({ statement, label = null, ms, at }) => ({
      statement,
      label,
      seconds: ms / 1_000,
      at: moment(at),
    })),
    slow_runs: database.slowRuns,
  };
}

function exportOfLimits(limits: DatabaseSnapshot['limits']): ExportedLimits | null {
  if (limits === undefined) return null;
  const { acquireTimeoutMs, recycleMs, server } = limits;
  return {
    acquire_timeout_seconds: acquireTimeoutMs / 1_000,
    recycle_seconds: recycleMs / 1_000,
    server:
      server === undefined
        ? null
        : {
            name: server.name,
            max_connections: server.maxConnections ?? null,
            idle_limit_seconds: server.idleLimitMs === undefined ? null : server.idleLimitMs / 1_000,
          },
  };
}

function exportOfRefusal(refused: DatabaseSnapshot['refused']): ExportedRefusal | null {
  if (refused === undefined) return null;
  const { code, message, count, sinceMs } = refused;
  return { code, message, count, seconds: sinceMs / 1_000 };
}

function exportOfCommits({ work }: DatabaseSnapshot['lane']): ExportedCommits {
  const { groups, members, commitTime, lateCommitMs } = work;
  return {
    groups,
    writes: members,
    commit_time: exportOfHistogram(commitTime),
    late_commit_seconds: lateCommitMs === undefined ? null : lateCommitMs / 1_000,
  };
}

function exportOfLease(lease: LeaseSnapshot): ExportedLease {
  const { id, owner = null, budget = null, ageMs, idleMs, suspect, allowedMs, acquiredAt = null, use } = lease;
  return {
    id,
    label: owner,
    budget,
    age_seconds: ageMs / 1_000,
    allowed_seconds: allowedMs === undefined ? null : allowedMs / 1_000,
    idle_seconds: idleMs / 1_000,
    suspected: suspect,
    acquired_at: acquiredAt,
    use,
  };
}

function exportOfPool(pool: Pool): ExportedPool {
  const { counters } = pool;
  return {
    status: pool.status,
    size: pool.size,
    max_overflow: pool.maxOverflow,
    live: pool.live,
    in_use: pool.leased,
    idle: pool.idle,
    creating: pool.creating,
    validating: pool.validating,
    resetting: pool.resetting,
    closing: pool.closing,
    abandoned: pool.abandoned,
    waiting: pool.waiting,
    oldest_wait_seconds: pool.oldestWaitMs / 1_000,
    oldest_lease_seconds: pool.oldestLeaseMs / 1_000,
    generation: pool.generation,
    counters: {
      immediate: counters.immediate,
      waited: counters.waited,
      timeouts: counters.timeouts,
      aborted: counters.aborted,
      overloaded: counters.overloaded,
      created: counters.created,
      create_failures: counters.createFailures,
      validations: counters.validations,
      validation_failures: counters.validationFailures,
      stale_releases: counters.staleReleases,
      revoked: counters.revoked,
      suspected: counters.suspected,
      returned_late: counters.returnedLate,
      collected: counters.collected,
      observer_errors: counters.observerErrors,
    },
    destroyed: { ...counters.destroyed },
    acquire_time: exportOfHistogram(pool.waitTime),
    use_time: exportOfHistogram(pool.useTime),
    create_time: exportOfHistogram(pool.createTime),
    ...budgetsOf(pool),
  };
}

function exportOfHistogram({ count, sumMs, maxMs, buckets }: Histogram): ExportedHistogram {
  return {
    count,
    sum_seconds: sumMs / 1_000,
    max_seconds: maxMs / 1_000,
    buckets: buckets.map((bucket) => ({ le_seconds: bucket.leMs / 1_000, count: bucket.count })),
  };
}

import type { DatabaseSnapshot, LeaseSnapshot } from '@hive/shared-db';
import { checkpointsDocument, type CheckpointsDocument } from './checkpoints.ts';
import { countersDocument, type CountersDocument } from './counters.ts';
import { exportOfHistogram, type ExportedHistogram } from './exported-histogram.ts';
import { exportOfPool, type ExportedPool } from './exported-pool.ts';
import { exportOfDatabaseThresholds, type ExportedDatabaseThresholds } from './exported-thresholds.ts';
import { moment } from './process.ts';
import type { RepairDocument } from './repair.ts';
import { laneOf, troubleOf, type LaneGauges } from './status.ts';
import { trendDocument, type TrendDocument } from './trend.ts';
import { turnsDocument, type TurnsDocument } from './turns.ts';

/** One named database of a process. */
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
  /** By what it is judged; null where the process did not say, and has the same for all. */
  readonly thresholds?: ExportedDatabaseThresholds | null;
  /** What was so within the last minute; null where the process did not say. */
  readonly lately?: TrendDocument | null;
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

export function exportOfDatabase(database: DatabaseSnapshot): ExportedDatabase {
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
    thresholds: exportOfDatabaseThresholds(database.thresholds),
    lately: trendDocument(database.trend),
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

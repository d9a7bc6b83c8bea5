import type { DatabaseSnapshot, LeaseSnapshot, ServiceSnapshot } from '@hive/shared-db';
import { judge, suspectedLeaks, type VerdictStatus } from '@hive/shared-db/health';
import { analyse } from '../analysis/analysis.ts';
import { fileFindings } from '../analysis/file-findings.ts';
import { sameService } from '../analysis/same-service.ts';
import { worstFirst, type Finding } from '../analysis/finding.ts';
import { quantiles, type Quantiles } from '../analysis/quantiles.ts';
import { ratesOf, type Rates } from '../analysis/rates.ts';
import type { FileReport } from '../file/file-report.ts';
import type { Answered, Inquiry } from '../inquiry.ts';
import { commitsDocument, type CommitsDocument } from './commits.ts';
import { countersDocument, type CountersDocument } from './counters.ts';
import { verdictOnFile } from './file-health.ts';
import { databaseLocks, type DatabaseLocksDocument } from './locks.ts';
import { offloadDocument, type OffloadDocument } from './offload.ts';
import { headingOf, moment, unansweredOf, type ProcessHeading, type Unanswered } from './process.ts';
import type { Sighting } from './holder.ts';
import { gaugesOf, type DatabaseGauges } from './status.ts';
import { trendDocument, type TrendDocument } from './trend.ts';

/** `monitor --json`, and each line of `monitor --continuous` off a terminal: hive-db/monitor/v1. */
export interface MonitorDocument extends Unanswered {
  readonly schema: 'hive-db/monitor/v1';
  readonly processes: readonly ProcessReport[];
  /** Only of who looks again and again: who has which lock on which database. Null where the system does not tell. */
  readonly locks?: readonly DatabaseLocksDocument[] | null;
  /** Instead of processes, where files were named. */
  readonly files?: readonly MonitoredFile[];
}

/** What a named file turned out to be, and how it is. */
export type MonitoredFile = FileReport & {
  /** Null where it is no database and was none, or cannot be looked at. */
  readonly status: VerdictStatus | null;
  /** What stands out, worst first. */
  readonly analysis: readonly Finding[];
};

export interface ProcessReport extends ProcessHeading {
  readonly taken_at: string | null;
  readonly status: VerdictStatus;
  /** What reads beside its main thread. */
  readonly offload: OffloadDocument;
  readonly databases: readonly DatabaseReport[];
  /** What stands out, worst first. */
  readonly analysis: readonly Finding[];
}

/** The use of one database. Totals, times and errors count from the start of the process; rates over `rates.window_seconds`. */
export interface DatabaseReport extends DatabaseGauges {
  /** Share of the limit in use, 0 to 1 and more after a limit was lowered; null where the limit is 0. */
  readonly utilisation_ratio: number | null;
  readonly oldest_wait_seconds: number;
  readonly oldest_lease_seconds: number;
  readonly oldest_write_wait_seconds: number;
  /** From asking for a connection to having it. */
  readonly acquire_seconds: Quantiles;
  /** From having it to giving it back. */
  readonly use_seconds: Quantiles;
  readonly create_seconds: Quantiles;
  /** The last minute, as the process remembers it; null where it does not. */
  readonly lately: TrendDocument | null;
  readonly commits: CommitsDocument;
  readonly rates: Rates;
  readonly totals: Totals;
  /** Failures by code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly leak_suspects: readonly LeakSuspect[];
  readonly file_size_bytes: number | null;
  readonly wal_size_bytes: number | null;
}

export interface Totals extends CountersDocument {
  readonly acquire_timeouts: number;
  readonly connections_opened: number;
  readonly connection_failures: number;
}

/** A lease that is held for longer than its holder said, and has not been used for long. */
export interface LeakSuspect {
  readonly label: string | null;
  readonly age_seconds: number;
  /** For how long its holder has not used it. */
  readonly idle_seconds: number;
  /** Where in the code it was acquired, where that was recorded. */
  readonly acquired_at: string | null;
}

/** Reports the use of everything. With an earlier inquiry, rates are those since then, otherwise those since the start. */
export function monitorOf(inquiry: Inquiry, earlier?: Inquiry): MonitorDocument {
  return {
    schema: 'hive-db/monitor/v1',
    processes: inquiry.answered.map((process) => reportOf(process, sameService(process, earlier))),
    ...unansweredOf(inquiry),
  };
}

/** Reports the named files. */
export function monitorOfFiles(reports: readonly FileReport[]): MonitorDocument {
  const files = reports.map((report) => ({
    ...report,
    status: verdictOnFile(report)?.status ?? null,
    analysis: worstFirst(fileFindings(report)),
  }));
  return { schema: 'hive-db/monitor/v1', processes: [], files };
}

/** The same with the locks that were seen. Null where the system does not tell. */
export function withLocks(
  document: MonitorDocument,
  sightings: readonly Sighting[] | null,
  { answered }: Pick<Inquiry, 'answered'>,
): MonitorDocument {
  return { ...document, locks: sightings && sightings.map((sighting) => databaseLocks(sighting, answered)) };
}

function reportOf(process: Answered, earlier: ServiceSnapshot | undefined): ProcessReport {
  const { snapshot } = process;
  const uptimeMs = snapshot.uptimeMs - (earlier?.uptimeMs ?? 0);
  return {
    ...headingOf(process),
    taken_at: moment(snapshot.takenAt),
    status: judge(snapshot).status,
    offload: offloadDocument(snapshot.offload),
    databases: snapshot.databases.map((database) => {
      const before = earlier?.databases.find(({ name }) => name === database.name);
      const leaked = suspectedLeaks(database.leases);
      return reportOfDatabase(database, ratesOf(database, before, uptimeMs / 1_000), leaked);
    }),
    analysis: analyse(process),
  };
}

function reportOfDatabase(database: DatabaseSnapshot, rates: Rates, leaked: readonly LeaseSnapshot[]): DatabaseReport {
  const { pool, lane } = database;
  const limit = pool.size + pool.maxOverflow;
  return {
    ...gaugesOf(database),
    utilisation_ratio: limit > 0 ? pool.leased / limit : null,
    oldest_wait_seconds: pool.oldestWaitMs / 1_000,
    oldest_lease_seconds: pool.oldestLeaseMs / 1_000,
    oldest_write_wait_seconds: lane.oldestWaitMs / 1_000,
    acquire_seconds: quantiles(pool.waitTime),
    use_seconds: quantiles(pool.useTime),
    create_seconds: quantiles(pool.createTime),
    lately: trendDocument(database.trend),
    commits: commitsDocument(lane),
    rates,
    totals: totalsOf(database),
    errors: errorsOf(database),
    leak_suspects: leaked.map((lease) => suspectOf(lease)),
    file_size_bytes: database.fileBytes ?? null,
    wal_size_bytes: database.walBytes ?? null,
  };
}

function totalsOf({ counters, pool }: DatabaseSnapshot): Totals {
  return {
    ...countersDocument(counters),
    acquire_timeouts: pool.counters.timeouts,
    connections_opened: pool.counters.created,
    connection_failures: pool.counters.createFailures,
  };
}

function errorsOf({ counters }: DatabaseSnapshot): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counters.errors).toSorted(([, a], [, b]) => b - a));
}

function suspectOf({ owner, ageMs, idleMs, acquiredAt }: LeaseSnapshot): LeakSuspect {
  return {
    label: owner ?? null,
    age_seconds: ageMs / 1_000,
    idle_seconds: idleMs / 1_000,
    acquired_at: acquiredAt ?? null,
  };
}

import type { DatabaseSnapshot, ServiceSnapshot } from '@hive/shared-db';
import type { VerdictStatus } from '@hive/shared-db/health';
import type { FileReport } from '../file/file-report.ts';
import type { Answered, Inquiry } from '../inquiry.ts';
import { budgetsOf, budgetsOfExported, type Budgeted } from './budgets.ts';
import type { ExportDocument } from './export.ts';
import type { ExportedDatabase } from './exported-database.ts';
import type { ExportedFile } from './exported-file.ts';
import { healthOfFile } from './file-health.ts';
import { healthOfProcess, type HealthReason, type NamedFileHealth, type ProcessHealth } from './health.ts';
import type { Lasting } from './lasting.ts';
import { offloadDocument, type OffloadDocument } from './offload.ts';
import { onDemandOf, onDemandOfExported, type OnDemandDocument } from './on-demand.ts';
import { headingOf, unansweredOf, type ProcessHeading, type Unanswered } from './process.ts';
import { statedSettingsOf, type StatedSettings } from './stated-settings.ts';
import { repairDocument, type RepairDocument } from './repair.ts';
import { turnsDocument, type TurnsDocument } from './turns.ts';

/** `status --json`, hive-db/status/v1. */
export interface StatusDocument extends Unanswered {
  readonly schema: 'hive-db/status/v1';
  readonly processes: readonly ProcessStatus[];
  /** When the export was made that this was read from: when the last process said it. Null where none did. Absent for what is so now. */
  readonly taken_at?: string | null;
  /** Absent where no file was named. */
  readonly files?: readonly FileStatus[];
}

/** What a file holds, and how it is. */
export type FileStatus = FileReport & { readonly health: Pick<NamedFileHealth, 'status' | 'reasons'> };

export interface ProcessStatus extends ProcessHeading, StatedSettings {
  /** Where it serves its health over HTTP; absent where it does not by itself. */
  readonly http?: { readonly host: string; readonly port: number };
  /** Its verdict on itself, and since when; `hive-db health-check` says why and what to do. */
  readonly health: HealthSummary;
  /** What reads beside its main thread; null where an export does not say. */
  readonly offload: OffloadDocument | null;
  /** Databases by pattern; absent where there are none. Those that are open are among the databases, too. */
  readonly on_demand?: readonly OnDemandDocument[];
  readonly databases: readonly DatabaseGauges[];
}

/** A verdict in short. */
export interface HealthSummary {
  readonly status: VerdictStatus;
  /** Failures first. */
  readonly reasons: readonly (Pick<HealthReason, 'status' | 'code' | 'database'> & Lasting)[];
}

/** What one database is doing at this moment. */
export interface DatabaseGauges {
  readonly name: string;
  readonly driver: string;
  readonly status: string;
  /** Why it is fenced or failed. */
  readonly failure: { readonly code: string; readonly message: string } | null;
  /** Null while it is not fenced, and where an export does not say. */
  readonly repair: RepairDocument | null;
  /** Null where it needs none, before it was opened, and where an export does not say. */
  readonly turns: TurnsDocument | null;
  readonly pool: PoolGauges;
  readonly lane: LaneGauges;
}

export interface LaneGauges {
  readonly waiting: number;
  readonly running: number;
  /** Who holds the writer; null while nobody does. */
  readonly writer: LaneWriter | null;
}

/** Who may write among the callers of a process. */
export interface LaneWriter {
  readonly label: string;
  readonly held_seconds: number;
  /** Whether it waits for the lock of the database, which somebody else has: then it writes nothing. */
  readonly waits_for_lock: boolean;
}

export interface PoolGauges extends Budgeted {
  readonly size: number;
  readonly max_overflow: number;
  readonly in_use: number;
  readonly idle: number;
  readonly waiting: number;
}

/** Where processes and their databases stand. */
export function statusOfProcesses(inquiry: Inquiry): StatusDocument {
  return {
    schema: 'hive-db/status/v1',
    processes: inquiry.answered.map((process) => statusOfProcess(process)),
    ...unansweredOf(inquiry),
  };
}

/** What the named files hold. */
export function statusOfFiles(files: readonly FileReport[]): StatusDocument {
  return {
    schema: 'hive-db/status/v1',
    processes: [],
    files: files.map((file) => ({ ...file, health: healthOfFile(file) })),
  };
}

/** Where processes and their databases stood, or what the files were, when they were exported. */
export function statusOfExport({ processes, files, unreachable }: ExportDocument): StatusDocument {
  return {
    schema: 'hive-db/status/v1',
    taken_at:
      [...processes, ...(files ?? [])]
        .flatMap((one) => one.taken_at ?? [])
        .toSorted()
        .at(-1) ?? null,
    processes: processes.map((process) => ({
      pid: process.pid,
      app: process.app,
      uptime_seconds: process.uptime_seconds,
      event_loop_blocked_seconds: process.event_loop_blocked_seconds,
      blocked_by: process.blocked_by,
      ...servedAt(process),
      health: summaryOf(process),
      offload: process.offload ?? null,
      ...onDemandOfExported(process),
      ...statedSettingsOf(process),
      databases: process.databases.map((database) => gaugesOfExported(database)),
    })),
    ...(files === undefined
      ? {}
      : { files: files.map((file) => ({ ...fileOfExported(file), health: healthOfExported(file) })) }),
    ...(unreachable === undefined ? {} : { unreachable }),
  };
}

/** The gauges of a database in the words of all documents. */
export function gaugesOf(database: DatabaseSnapshot): DatabaseGauges {
  const { name, driver, status, turns, pool, lane } = database;
  return {
    name,
    driver,
    status,
    ...troubleOf(database),
    turns: turnsDocument(turns),
    pool: {
      size: pool.size,
      max_overflow: pool.maxOverflow,
      in_use: pool.leased,
      idle: pool.idle,
      waiting: pool.waiting,
      ...budgetsOf(pool),
    },
    lane: laneOf(lane),
  };
}

/** Why a database is not written, and what is done about it. */
export function troubleOf({
  failure,
  repair,
}: Pick<DatabaseSnapshot, 'failure' | 'repair'>): Pick<DatabaseGauges, 'failure' | 'repair'> {
  return {
    failure: failure === undefined ? null : { code: failure.code, message: failure.message },
    repair: repairDocument(repair),
  };
}

/** The lane of a database in the words of all documents. */
export function laneOf({ waiting, running, writer }: DatabaseSnapshot['lane']): LaneGauges {
  const holder =
    writer === undefined
      ? null
      : {
          label: writer.label,
          held_seconds: writer.heldMs / 1_000,
          waits_for_lock: writer.lockedMs === undefined,
        };
  return { waiting, running, writer: holder };
}

/** As it was judged then. */
function healthOfExported({ status, reasons }: ExportedFile): FileStatus['health'] {
  return {
    status,
    reasons: reasons.map(({ status: how, code, evidence, advice }) => {
      return { status: how, code, database: null, evidence, advice };
    }),
  };
}

/** An export may know more of it than a status says, and a word for its state may be at odds with the rest. */
function fileOfExported({ path, state, reason, facts }: ExportedFile): FileReport {
  if (facts === null) return { path, state: state === 'database' ? 'unreadable' : state, reason: reason ?? '' };
  return {
    path,
    state: 'database',
    size_bytes: facts.size_bytes,
    page_size_bytes: facts.page_size_bytes,
    page_count: facts.page_count,
    free_pages: facts.free_pages,
    journal_mode: facts.journal_mode,
    text_encoding: facts.text_encoding,
    user_version: facts.user_version,
    application_id: facts.application_id,
    sqlite_version: facts.sqlite_version,
    wal: facts.wal,
    rollback_journal_size_bytes: facts.rollback_journal_size_bytes,
    rollback_journal_hot: facts.rollback_journal_hot,
    lock_holders: facts.lock_holders,
    disk_free_bytes: facts.disk_free_bytes,
    network_file_system: facts.network_file_system,
  };
}

function gaugesOfExported(database: ExportedDatabase): DatabaseGauges {
  const { name, driver, status, failure, repair = null, turns = null, pool, lane } = database;
  const { size, max_overflow, in_use, idle, waiting } = pool;
  // An export may know more of it than a status says.
  const writer = lane.writer && {
    label: lane.writer.label,
    held_seconds: lane.writer.held_seconds,
    // An older export does not say.
    waits_for_lock: Object.hasOwn(lane.writer, 'waits_for_lock') && lane.writer.waits_for_lock,
  };
  return {
    name,
    driver,
    status,
    failure,
    repair,
    turns,
    pool: { size, max_overflow, in_use, idle, waiting, ...budgetsOfExported(pool) },
    lane: { waiting: lane.waiting, running: lane.running, writer },
  };
}

function statusOfProcess(process: Answered): ProcessStatus {
  const { snapshot } = process;
  return {
    ...headingOf(process),
    ...servedAt(snapshot),
    health: summaryOf(healthOfProcess(process)),
    offload: offloadDocument(snapshot.offload),
    ...onDemandOf(snapshot),
    ...statedSettingsOf(snapshot),
    databases: snapshot.databases.map((database) => gaugesOf(database)),
  };
}

function summaryOf({ status, reasons }: Pick<ProcessHealth, 'status' | 'reasons'>): HealthSummary {
  return {
    status,
    reasons: reasons.map(({ status: how, code, database, since = null, for_seconds = null }) => ({
      status: how,
      code,
      database,
      since,
      for_seconds,
    })),
  };
}

/** Where a process serves its health over HTTP, if it does by itself. */
export function servedAt({ http }: Partial<Pick<ServiceSnapshot, 'http'>>): Pick<ProcessStatus, 'http'> {
  return http === undefined ? {} : { http: { host: http.host, port: http.port } };
}

import type { DatabaseSnapshot } from '@hive/shared-db';
import type { FileReport } from '../file/file-report.ts';
import type { Answered, Inquiry } from '../inquiry.ts';
import { headingOf, unansweredOf, type ProcessHeading, type Unanswered } from './process.ts';

/** `status --json`, hive-db/status/v1. */
export interface StatusDocument extends Unanswered {
  readonly schema: 'hive-db/status/v1';
  readonly processes: readonly ProcessStatus[];
  /** Absent where no file was named. */
  readonly files?: readonly FileReport[];
}

export interface ProcessStatus extends ProcessHeading {
  readonly databases: readonly DatabaseGauges[];
}

/** What one database is doing at this moment. */
export interface DatabaseGauges {
  readonly name: string;
  readonly driver: string;
  readonly status: string;
  readonly pool: PoolGauges;
  readonly lane: LaneGauges;
}

export interface LaneGauges {
  readonly waiting: number;
  readonly running: number;
  /** Who holds the writer; null while nobody does. */
  readonly writer: { readonly label: string; readonly held_seconds: number } | null;
}

export interface PoolGauges {
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
  return { schema: 'hive-db/status/v1', processes: [], files };
}

/** The gauges of a database in the words of all documents. */
export function gaugesOf({ name, driver, status, pool, lane }: DatabaseSnapshot): DatabaseGauges {
  return {
    name,
    driver,
    status,
    pool: {
      size: pool.size,
      max_overflow: pool.maxOverflow,
      in_use: pool.leased,
      idle: pool.idle,
      waiting: pool.waiting,
    },
    lane: laneOf(lane),
  };
}

/** The lane of a database in the words of all documents. */
export function laneOf({ waiting, running, writer }: DatabaseSnapshot['lane']): LaneGauges {
  const holder = writer === undefined ? null : { label: writer.label, held_seconds: writer.heldMs / 1_000 };
  return { waiting, running, writer: holder };
}

function statusOfProcess(process: Answered): ProcessStatus {
  return { ...headingOf(process), databases: process.snapshot.databases.map((database) => gaugesOf(database)) };
}

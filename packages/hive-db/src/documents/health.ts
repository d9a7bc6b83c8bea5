import { judge, type Reason, type VerdictStatus } from '@hive/shared-db/health';
import type { FileReport } from '../file/file-report.ts';
import type { Answered, Inquiry } from '../inquiry.ts';
import { lastingOf, type Lasting } from './lasting.ts';
import { headingOf, unansweredOf, type ProcessHeading, type Unanswered } from './process.ts';

/** `health-check --json`, hive-db/health-check/v1. */
export interface HealthDocument extends Unanswered {
  readonly schema: 'hive-db/health-check/v1';
  /** The worst of all; null where it cannot be said, because one did not answer or cannot be read or none is there, and none fails. */
  readonly status: VerdictStatus | null;
  readonly processes: readonly ProcessHealth[];
  /** Instead of processes, where files were named: all of them. */
  readonly files?: readonly NamedFileHealth[];
}

/** What a file that was named turned out to be, and the verdict on it. */
export interface NamedFileHealth extends Omit<FileHealth, 'status'> {
  readonly state: FileReport['state'];
  /** Completes a sentence about it; null for a database. */
  readonly reason: string | null;
  /** Null where it is no database and was none, or cannot be looked at. */
  readonly status: VerdictStatus | null;
}

export interface FileHealth {
  readonly path: string;
  readonly status: VerdictStatus;
  readonly reasons: readonly HealthReason[];
}

export interface ProcessHealth extends ProcessHeading {
  readonly status: VerdictStatus;
  readonly reasons: readonly HealthReason[];
}

export interface HealthReason extends Partial<Lasting> {
  readonly status: Exclude<VerdictStatus, 'pass'>;
  readonly code: string;
  /** Null where the whole process, or a file, is meant. */
  readonly database: string | null;
  readonly evidence: string;
  readonly advice: string;
}

/** Judges every process by its own thresholds. */
export function healthOf(inquiry: Inquiry): HealthDocument {
  const processes = inquiry.answered.map((process) => healthOfProcess(process));
  return {
    schema: 'hive-db/health-check/v1',
    status: overall(inquiry, processes),
    processes,
    ...unansweredOf(inquiry),
  };
}

/** Judges one process by its own thresholds. */
export function healthOfProcess(process: Answered): ProcessHealth {
  const { status, reasons } = judge(process.snapshot);
  return { ...headingOf(process), status, reasons: reasons.map((reason) => healthReason(reason)) };
}

function healthReason({ status, code, database, evidence, advice, ...lasting }: Reason): HealthReason {
  return { status, code, database: database ?? null, ...lastingOf(lasting), evidence, advice };
}

function overall({ unreachable }: Inquiry, processes: readonly ProcessHealth[]): VerdictStatus | null {
  const found = new Set(processes.map(({ status }) => status));
  if (found.has('fail')) return 'fail';
  // A process that does not answer may be the one that is stuck: nobody can say that all is well.
  if (unreachable.length > 0 || processes.length === 0) return null;
  return found.has('warn') ? 'warn' : 'pass';
}

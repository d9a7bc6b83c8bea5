import type { VerdictStatus } from '@hive/shared-db/health';
import type { DatabaseFacts, FileReport } from '../file/file-report.ts';
import { healthOfFile } from './file-health.ts';
import type { HealthReason } from './health.ts';

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

export function exportOfFile(report: FileReport, takenAt: string | null): ExportedFile {
  const judged = { taken_at: takenAt, ...healthOfFile(report) };
  if (report.state !== 'database') return { ...report, ...judged, facts: null };
  const { path, state, ...facts } = report;
  return { path, state, reason: null, ...judged, facts };
}

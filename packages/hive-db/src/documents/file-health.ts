import type { VerdictStatus } from '@hive/shared-db/health';
import { fileFindings } from '../analysis/file-findings.ts';
import { worstFirst, type Finding } from '../analysis/finding.ts';
import type { FileReport } from '../file/file-report.ts';
import type { FileHealth, HealthDocument, HealthReason, NamedFileHealth } from './health.ts';

/** A verdict on every file that is a database or was one, as its bytes tell, and what the others are. Pure. */
export function healthOfFiles(reports: readonly FileReport[]): HealthDocument {
  const files = reports.map((report) => {
    const { path, state } = report;
    return { path, state, reason: state === 'database' ? null : report.reason, ...healthOfFile(report) };
  });
  const worst = statusOf(files.flatMap(({ reasons }) => reasons));
  // What cannot be looked at may be the one that is damaged.
  const status = worst !== 'fail' && files.some((file) => file.status === null) ? null : worst;
  return { schema: 'hive-db/health-check/v1', status, processes: [], files };
}

/** How one file is, as documents say it; without a status where there is no verdict. Pure. */
export function healthOfFile(report: FileReport): Pick<NamedFileHealth, 'status' | 'reasons'> {
  const { status = null, reasons = [] } = verdictOnFile(report) ?? {};
  return { status, reasons };
}

/** The verdict on one file; undefined where it is no database and was none, or cannot be looked at. Pure. */
export function verdictOnFile(report: FileReport): FileHealth | undefined {
  if (report.state !== 'database' && report.state !== 'empty' && report.state !== 'damaged') return undefined;
  const reasons = worstFirst(fileFindings(report)).flatMap((finding) => reasonOf(finding));
  return { path: report.path, status: statusOf(reasons), reasons };
}

/** What is only good to know is nothing against a file. */
function reasonOf({ severity, code, evidence, advice }: Finding): HealthReason | [] {
  if (severity === 'info') return [];
  return { status: severity === 'error' ? 'fail' : 'warn', code, database: null, evidence, advice };
}

function statusOf(reasons: readonly HealthReason[]): VerdictStatus {
  if (reasons.some(({ status }) => status === 'fail')) return 'fail';
  return reasons.length > 0 ? 'warn' : 'pass';
}

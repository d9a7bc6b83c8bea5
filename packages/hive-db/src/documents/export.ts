import type { FileReport } from '../file/file-report.ts';
import type { Inquiry } from '../inquiry.ts';
import { exportOfFile, type ExportedFile } from './exported-file.ts';
import { exportOfProcess, type ExportedProcess } from './exported-process.ts';
import { moment, unansweredOf, type Unanswered } from './process.ts';

/** `export`, hive-db/export/v1: everything that the processes know of themselves, or that files tell, for reports and for later. */
export interface ExportDocument extends Unanswered {
  readonly schema: 'hive-db/export/v1';
  readonly processes: readonly ExportedProcess[];
  /** Instead of processes, where files were named. */
  readonly files?: readonly ExportedFile[];
}

/** All that the processes that have answered say of themselves. */
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

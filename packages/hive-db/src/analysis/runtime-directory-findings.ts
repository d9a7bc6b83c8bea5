import type { RuntimeDirectoryReport } from '../file/runtime-directory.ts';
import { count } from '../render/figures.ts';
import type { Finding } from './finding.ts';
import { withRemedy } from './remedy.ts';

/** What is wrong with the place where processes find each other. Pure. */
export function runtimeDirectoryFindings(report: RuntimeDirectoryReport | undefined): readonly Finding[] {
  if (report === undefined) return [];
  const { path, wrongMode, staleSockets } = report;
  const where = { process: null, database: null, file: path };
  return [
    wrongMode === null
      ? []
      : {
          ...where,
          severity: 'error' as const,
          code: 'runtime-directory-mode',
          evidence: `the runtime directory has mode ${wrongMode} instead of 0700: others could get in, and no process uses it`,
          advice: 'hive-db health-check --fix takes the permissions of others away',
        },
    staleSockets.length === 0
      ? []
      : {
          ...where,
          severity: 'info' as const,
          code: 'stale-sockets',
          evidence: `${count(staleSockets.length, 'socket')} of processes that ended without a word`,
          advice: 'they harm nobody, and the next service to open removes them; hive-db health-check --fix does it now',
        },
  ]
    .flat()
    .map((finding) => withRemedy(finding));
}

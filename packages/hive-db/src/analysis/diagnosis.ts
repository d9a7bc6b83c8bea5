import type { LockHolder, FileReport } from '../file/file-report.ts';
import type { Inquiry, Unreachable } from '../inquiry.ts';
import { analyse } from './analysis.ts';
import { fileFindings } from './file-findings.ts';
import { worstFirst, type Finding } from './finding.ts';
import { withHolders } from './holders.ts';
import { withRemedy } from './remedy.ts';
import { writeLockFindings } from './write-lock.ts';

/** Everything that is to be said of the processes of a host. Worst first. */
export function diagnoseProcesses(
  { answered, unreachable }: Inquiry,
  holdersOf: (path: string) => readonly LockHolder[] | null,
): readonly Finding[] {
  const locks = writeLockFindings(answered, holdersOf);
  const others = answered.flatMap((process) =>
    analyse(process).map((finding) => withHolders(finding, process.snapshot)),
  );
  return worstFirst([
    ...unreachable.map((process) => withRemedy(silence(process))),
    ...locks,
    // Whoever is named as the holder need not be said to exist as well.
    ...others.filter(
      (finding) => !(finding.code === 'waiting-to-write' && locks.some((lock) => isAbout(lock, finding))),
    ),
  ]);
}

function isAbout(lock: Finding, { process, database }: Finding): boolean {
  return lock.process?.pid === process?.pid && lock.database === database;
}

/** Everything that is to be said of files. Pure. Worst first. */
export function diagnoseFiles(files: readonly FileReport[]): readonly Finding[] {
  return worstFirst(files.flatMap((file) => fileFindings(file)));
}

function silence({ pid, state, reason }: Unreachable): Omit<Finding, 'command'> {
  const where = { process: { pid, app: null }, database: null, file: null };
  if (state === 'silent')
    return {
      ...where,
      severity: 'error',
      code: 'silent',
      evidence: `process ${pid} does not answer: ${reason}`,
      advice: 'it is stopped (STAT is T: SIGSTOP, a debugger) or its machine is out of time; --timeout waits longer',
    };
  return {
    ...where,
    severity: 'warning',
    code: state,
    evidence: `process ${pid} gives no usable answer: ${reason}`,
    advice: 'it may run another version of shared-db: restart it with the one installed here',
  };
}

import { diagnoseFiles, diagnoseProcesses } from '../analysis/diagnosis.ts';
import { worstFirst, type Finding } from '../analysis/finding.ts';
import { runtimeDirectoryFindings } from '../analysis/runtime-directory-findings.ts';
import { diagnosisOf, type DiagnosisDocument } from '../documents/diagnosis.ts';
import { EXIT, worstOf, type ExitCode } from '../exit-code.ts';
import { fileOutcome } from '../file-outcome.ts';
import { inspectFile } from '../file/inspect.ts';
import { lockHoldersOf } from '../file/lock-holders.ts';
import { lookAtRuntimeDirectory } from '../file/runtime-directory.ts';
import { announceAbsence, inquire, outcomeOf } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { withNextCommands } from '../next-command.ts';
import { present } from '../present.ts';

/** What is wrong with processes and their databases, or with the files that are named, and how to mend it. */
export async function diagnose(invocation: Invocation, paths: readonly string[]): Promise<ExitCode> {
  const { examined, findings, outcome } =
    paths.length === 0 ? await ofProcesses(invocation) : ofFiles(invocation, paths);
  const document = diagnosisOf(examined, withNextCommands(findings, invocation));
  await present(invocation, document, async () => (await import('../render/findings-text.ts')).diagnosisText);
  return worstOf([outcome, document.counts.error > 0 ? EXIT.finding : EXIT.fine]);
}

interface Examination {
  readonly examined: DiagnosisDocument['examined'];
  readonly findings: readonly Finding[];
  readonly outcome: ExitCode;
}

async function ofProcesses(invocation: Invocation): Promise<Examination> {
  const inquiry = await inquire(invocation);
  announceAbsence(invocation, inquiry);
  const findings = worstFirst([
    ...diagnoseProcesses(inquiry, (path) => lockHoldersOf(path, 'wal')),
    ...runtimeDirectoryFindings(await lookAtRuntimeDirectory(inquiry.directory)),
  ]);
  return { examined: { processes: inquiry.answered.length, files: 0 }, findings, outcome: outcomeOf(inquiry) };
}

function ofFiles(invocation: Invocation, paths: readonly string[]): Examination {
  const files = paths.map((path) => inspectFile(path, invocation.io.cwd));
  const codes = files.map((file) => fileOutcome(invocation, file));
  const examined = files.filter(({ state }) => state === 'database' || state === 'empty' || state === 'damaged');
  return {
    examined: { processes: 0, files: examined.length },
    findings: diagnoseFiles(files),
    outcome: worstOf(codes),
  };
}

import {
  monitorOf,
  monitorOfFiles,
  type MonitorDocument,
  type MonitoredFile,
  type ProcessReport,
} from '../documents/monitor.ts';
import { worstOf, type ExitCode } from '../exit-code.ts';
import { fileOutcome } from '../file-outcome.ts';
import { inspectFile } from '../file/inspect.ts';
import { announce, inquire } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { withNextCommands } from '../next-command.ts';
import { present } from '../present.ts';
import { outcomeOfVerdicts } from '../verdict-outcome.ts';

/**
 * One report on the use of everything: utilisation, times, rates, errors, suspected leaks, and what stands out; or, where files are
 * named, on those.
 */
export async function monitor(invocation: Invocation, paths: readonly string[]): Promise<ExitCode> {
  const { document, outcome } = paths.length === 0 ? await ofProcesses(invocation) : ofFiles(invocation, paths);
  const shown = withCommands(document, invocation);
  await present(invocation, shown, async () => (await import('../render/monitor-text.ts')).monitorText);
  return outcome;
}

interface Report {
  readonly document: MonitorDocument;
  readonly outcome: ExitCode;
}

async function ofProcesses(invocation: Invocation): Promise<Report> {
  const inquiry = await inquire(invocation);
  announce(invocation, inquiry);
  return { document: monitorOf(inquiry), outcome: outcomeOfVerdicts(inquiry) };
}

function ofFiles(invocation: Invocation, paths: readonly string[]): Report {
  const files = paths.map((path) => inspectFile(path, invocation.io.cwd));
  const codes = files.map((file) => fileOutcome(invocation, file));
  return { document: monitorOfFiles(files), outcome: worstOf(codes) };
}

/** The report with commands that work when they are typed. */
export function withCommands(document: MonitorDocument, invocation: Invocation): MonitorDocument {
  const typeable = <R extends Pick<ProcessReport | MonitoredFile, 'analysis'>>(report: R): R => ({
    ...report,
    analysis: withNextCommands(report.analysis, invocation),
  });
  const { processes, files } = document;
  return {
    ...document,
    processes: processes.map(typeable),
    ...(files === undefined ? {} : { files: files.map(typeable) }),
  };
}

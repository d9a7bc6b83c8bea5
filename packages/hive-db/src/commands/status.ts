import { statusOfFiles, statusOfProcesses } from '../documents/status.ts';
import { EXIT, worstOf, type ExitCode } from '../exit-code.ts';
import { fileOutcome } from '../file-outcome.ts';
import { inspectFile } from '../file/inspect.ts';
import { announce, inquire } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import { outcomeOfVerdicts } from '../verdict-outcome.ts';

/** Where processes and their databases stand; or, where files are named, what those are. */
export async function status(invocation: Invocation, paths: readonly string[]): Promise<ExitCode> {
  const { io } = invocation;
  const inquiry = paths.length === 0 ? await inquire(invocation) : undefined;
  const files = paths.map((path) => inspectFile(path, io.cwd));
  const document = inquiry === undefined ? statusOfFiles(files) : statusOfProcesses(inquiry);
  if (inquiry !== undefined) announce(invocation, inquiry);
  const codes = files.map((file) => fileOutcome(invocation, file));

  await present(invocation, document, async () => (await import('../render/status-text.ts')).statusText);
  if (inquiry !== undefined) return outcomeOfVerdicts(inquiry);
  const fails = document.files?.some(({ health }) => health.status === 'fail') ?? false;
  return worstOf([...codes, fails ? EXIT.finding : EXIT.fine]);
}

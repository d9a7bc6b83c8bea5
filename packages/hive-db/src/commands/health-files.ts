import { healthOfFiles } from '../documents/file-health.ts';
import { EXIT, worstOf, type ExitCode } from '../exit-code.ts';
import { fileOutcome } from '../file-outcome.ts';
import { inspectFile } from '../file/inspect.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';

/** A verdict on every file that is named, of which none is opened. */
export async function healthOfNamed(invocation: Invocation, paths: readonly string[]): Promise<ExitCode> {
  const reports = paths.map((path) => inspectFile(path, invocation.io.cwd));
  const codes = reports.map((report) => fileOutcome(invocation, report));
  const document = healthOfFiles(reports);
  await present(invocation, document, async () => (await import('../render/health-text.ts')).healthText);
  return worstOf([...codes, document.status === 'fail' ? EXIT.finding : EXIT.fine]);
}

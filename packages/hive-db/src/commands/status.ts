import { statusOfFiles, statusOfProcesses } from '../documents/status.ts';
import { EXIT, worstOf, type ExitCode } from '../exit-code.ts';
import type { FileReport } from '../file/file-report.ts';
import { inspectFile } from '../file/inspect.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import { say, type Invocation } from '../invocation.ts';
import { printDocument } from '../render/json.ts';
import { safe } from '../render/safe-text.ts';

/** Where processes and their databases stand; or, where files are named, what those are. */
export async function status(invocation: Invocation, paths: readonly string[]): Promise<ExitCode> {
  const { io, json, paint, width } = invocation;
  const inquiry = paths.length === 0 ? await inquire(invocation) : undefined;
  const files = paths.map((path) => inspectFile(path, io.cwd));
  const document = inquiry === undefined ? statusOfFiles(files) : statusOfProcesses(inquiry);
  if (inquiry !== undefined) announce(invocation, inquiry);
  const codes = files.map((file) => refusalOf(invocation, file));

  if (json) printDocument(io.stdout, document);
  else {
    const { statusText } = await import('../render/status-text.ts');
    io.stdout.write(statusText(document, paint, width));
  }
  return inquiry === undefined ? worstOf(codes) : outcomeOf(inquiry);
}

/** Says what keeps a file from being looked at, and gives the exit code for it. */
export function refusalOf(invocation: Pick<Invocation, 'io'>, file: FileReport): ExitCode {
  if (file.state === 'database') return EXIT.fine;
  say(invocation, `${safe(file.path, 4_096)} ${file.reason}`);
  switch (file.state) {
    case 'missing':
    case 'foreign':
      return EXIT.wrongUse;
    case 'unreadable':
      return EXIT.undetermined;
    case 'empty':
    case 'damaged':
      return EXIT.finding;
  }
}

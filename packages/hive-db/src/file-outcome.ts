import { EXIT, type ExitCode } from './exit-code.ts';
import type { FileReport } from './file/file-report.ts';
import { say, type Invocation } from './invocation.ts';
import { safePath } from './render/safe-text.ts';

const OUTCOMES: Readonly<Record<FileReport['state'], ExitCode>> = Object.freeze({
  database: EXIT.fine,
  // Whoever names something that is no database used the verb wrongly.
  missing: EXIT.wrongUse,
  foreign: EXIT.wrongUse,
  unreadable: EXIT.undetermined,
  empty: EXIT.finding,
  damaged: EXIT.finding,
});

/** Says on standard error why a named file is not shown, where it is not, and gives the exit code for it. */
export function fileOutcome(invocation: Pick<Invocation, 'io'>, file: FileReport): ExitCode {
  if (file.state !== 'database') say(invocation, `${safePath(file.path) || '""'} ${file.reason}`);
  return OUTCOMES[file.state];
}

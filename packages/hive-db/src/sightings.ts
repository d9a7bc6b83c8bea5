import type { NamedDatabase } from './databases.ts';
import type { Sighting } from './documents/locks.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { fileOutcome } from './file-outcome.ts';
import { inspectFile } from './file/inspect.ts';
import { reportLocks } from './file/lock-report.ts';
import { say, type Invocation } from './invocation.ts';

/** What a look at one database gave: who has which lock, or why that could not be seen. The reason has been said. */
export interface View {
  readonly code: ExitCode;
  readonly sighting?: Sighting;
}

/** Looks at the locks of one database, and says what stands in the way. */
export function look(invocation: Pick<Invocation, 'io'>, { path, aliases }: NamedDatabase): View {
  const file = inspectFile(path, invocation.io.cwd);
  const code = fileOutcome(invocation, file);
  if (file.state !== 'database') return { code };
  const report = reportLocks(path, file.journal_mode);
  if (report !== null) return { code, sighting: { path, aliases, report, observedMs: 0 } };
  say(invocation, 'who has locks is known on Linux only; hive-db status shows what the processes say');
  return { code: EXIT.undetermined };
}

import { databasesNamed, knownDatabases, type NamedDatabase } from './databases.ts';
import type { Sighting } from './documents/holder.ts';
import { EXIT, worstOf, type ExitCode } from './exit-code.ts';
import { fileOutcome } from './file-outcome.ts';
import { inspectFile } from './file/inspect.ts';
import { reportLocks } from './file/lock-report.ts';
import { announce, inquire, outcomeOf, type Inquiry } from './inquiry.ts';
import { say, type Invocation } from './invocation.ts';

/** What a look at one database gave: who has which lock, or why that could not be seen. The reason has been said. */
export interface View {
  readonly code: ExitCode;
  readonly sighting?: Sighting;
}

/** What a look at several gave, and what the processes said. */
export interface Panorama {
  readonly code: ExitCode;
  readonly inquiry: Inquiry;
  readonly sightings: readonly Sighting[];
}

/** Looks at the databases that are named, or at all that processes have open, and says what stands in the way. */
export async function lookAround(invocation: Invocation, wanted: readonly string[]): Promise<Panorama> {
  const inquiry = await inquire(invocation);
  if (wanted.length === 0) announce(invocation, inquiry);
  const databases =
    wanted.length === 0
      ? knownDatabases(inquiry.answered)
      : databasesNamed(wanted, inquiry.answered, invocation.io.cwd);
  const views = databases.map((database) => look(invocation, database));
  return {
    code: wanted.length === 0 ? codeOfKnown(views, inquiry) : worstOf(views.map(({ code }) => code)),
    inquiry,
    sightings: views.flatMap(({ sighting }) => sighting ?? []),
  };
}

/** Looks at the locks of one database, and says what stands in the way. */
export function look(invocation: Pick<Invocation, 'io'>, { path, aliases }: NamedDatabase): View {
  const file = inspectFile(path, invocation.io.cwd);
  const code = fileOutcome(invocation, file);
  if (file.state !== 'database') return { code };
  const report = reportLocks(path, file.journal_mode);
  if (report !== null) return { code, sighting: { path, aliases, file, report, observedMs: 0 } };
  say(invocation, 'who has locks is known on Linux only; hive-db status shows what the processes say');
  return { code: EXIT.undetermined };
}

// Nobody has named these files wrongly: a process has one open that is not what it was.
function codeOfKnown(views: readonly View[], inquiry: Inquiry): ExitCode {
  const isUndetermined = views.some(({ code }) => code !== EXIT.fine);
  return worstOf([outcomeOf(inquiry), isUndetermined ? EXIT.undetermined : EXIT.fine]);
}

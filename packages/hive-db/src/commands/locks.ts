import { databasesNamed, knownDatabases } from '../databases.ts';
import { locksDocument } from '../documents/locks.ts';
import { EXIT, worstOf, type ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { printDocument } from '../render/json.ts';
import { look } from '../sightings.ts';

/** Who writes, who reads and who waits, on the databases that are named or on all that processes have open. */
export async function locks(invocation: Invocation, wanted: readonly string[]): Promise<ExitCode> {
  const { io, json, paint, width } = invocation;
  const inquiry = await inquire(invocation);
  if (wanted.length === 0) announce(invocation, inquiry);
  const databases =
    wanted.length === 0 ? knownDatabases(inquiry.answered) : databasesNamed(wanted, inquiry.answered, io.cwd);

  const views = databases.map((database) => look(invocation, database));
  const document = locksDocument(
    views.flatMap(({ sighting }) => sighting ?? []),
    inquiry,
  );
  if (json) printDocument(io.stdout, document);
  else {
    const { locksText } = await import('../render/locks-text.ts');
    io.stdout.write(locksText(document, paint, width));
  }
  const codes = views.map(({ code }) => code);
  if (wanted.length > 0) return worstOf(codes);
  // Nobody has named these files wrongly: a process has one open that is not what it was.
  const isUndetermined = codes.some((code) => code !== EXIT.fine);
  return worstOf([outcomeOf(inquiry), isUndetermined ? EXIT.undetermined : EXIT.fine]);
}

import { databasesNamed } from '../databases.ts';
import { whyDocument } from '../documents/why.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { inquire } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { nextCommand } from '../next-command.ts';
import { present } from '../present.ts';
import { look } from '../sightings.ts';
import { WrongUse } from '../wrong-use.ts';

/** Why somebody waits for one database, in one sentence, and what to type next. */
export async function why(invocation: Invocation, wanted: string): Promise<ExitCode> {
  const { io } = invocation;
  const inquiry = await inquire(invocation);
  const [database, ...others] = databasesNamed([wanted], inquiry.answered, io.cwd);
  if (database === undefined || others.length > 0)
    throw new WrongUse(
      `${wanted} is the name of ${others.length + 1} databases; give the path of one: hive-db locks shows them`,
    );
  const [view] = await look(invocation, [database], inquiry);
  if (view?.sighting === undefined) return view?.code ?? EXIT.undetermined;
  const { code, sighting } = view;
  const found = whyDocument(wanted, sighting, inquiry);
  const document = { ...found, next: nextCommand(found.next, invocation) };
  await present(invocation, document, async () => (await import('../render/why-text.ts')).whyText);
  return code;
}

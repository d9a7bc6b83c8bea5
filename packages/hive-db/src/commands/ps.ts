import { psOf, type PsFilter, type PsSort } from '../documents/ps.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf, type Inquiry } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import { WrongUse } from '../wrong-use.ts';

/** Who holds a connection, who waits for one, and which statement a process cannot leave; or who may have forgotten one. */
export async function ps(invocation: Invocation, filter: PsFilter, sort: PsSort): Promise<ExitCode> {
  const inquiry = await inquire(invocation);
  if (filter.app !== undefined || filter.database !== undefined) await refuseStranger(filter, inquiry);
  const document = psOf(inquiry, filter, sort);
  announce(invocation, inquiry);
  await present(invocation, document, async () => {
    const { leakedText, psText } = await import('../render/ps-text.ts');
    return filter.leaked ? leakedText : psText;
  });
  return outcomeOf(inquiry);
}

/** Who asks for a name that nobody has would else be told that nobody does anything. */
async function refuseStranger(filter: PsFilter, inquiry: Inquiry): Promise<void> {
  const { strangerIn } = await import('../targets.ts');
  const stranger = strangerIn(filter, inquiry);
  if (stranger !== undefined) throw new WrongUse(stranger);
}

import { psOf, type PsFilter, type PsSort } from '../documents/ps.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import { refuseStranger } from '../stranger.ts';

/** Who holds a connection, who waits for one, and which statement a process cannot leave; or who may have forgotten one. */
export async function ps(invocation: Invocation, filter: PsFilter, sort: PsSort): Promise<ExitCode> {
  const inquiry = await inquire(invocation);
  await refuseStranger(filter, inquiry);
  const document = psOf(inquiry, filter, sort);
  announce(invocation, inquiry);
  await present(invocation, document, async () => {
    const { leakedText, psText } = await import('../render/ps-text.ts');
    return filter.leaked ? leakedText : psText;
  });
  return outcomeOf(inquiry);
}

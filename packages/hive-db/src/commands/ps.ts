import { psOf, type PsFilter, type PsSort } from '../documents/ps.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { printDocument } from '../render/json.ts';

/** Who holds a connection, who waits for one, and which statement a process cannot leave. */
export async function ps(invocation: Invocation, filter: PsFilter, sort: PsSort): Promise<ExitCode> {
  const { io, json, paint, width } = invocation;
  const inquiry = await inquire(invocation);
  const document = psOf(inquiry, filter, sort);
  announce(invocation, inquiry);
  if (json) printDocument(io.stdout, document);
  else {
    const { psText } = await import('../render/ps-text.ts');
    io.stdout.write(psText(document, paint, width));
  }
  return outcomeOf(inquiry);
}

import { deprecationsOf } from '../documents/deprecations.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { printDocument } from '../render/json.ts';

/** Which old APIs are still called, from where, and what to write instead. */
export async function deprecations(invocation: Invocation): Promise<ExitCode> {
  const { io, json, paint, width } = invocation;
  const inquiry = await inquire(invocation);
  const document = deprecationsOf(inquiry);
  announce(invocation, inquiry);
  if (json) printDocument(io.stdout, document);
  else {
    const { deprecationsText } = await import('../render/deprecations-text.ts');
    io.stdout.write(deprecationsText(document, paint, width));
  }
  return outcomeOf(inquiry);
}

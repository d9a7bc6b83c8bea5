import { deprecationsOf } from '../documents/deprecations.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';

/** Which old APIs are still called, from where, and what to write instead. */
export async function deprecations(invocation: Invocation): Promise<ExitCode> {
  const inquiry = await inquire(invocation);
  const document = deprecationsOf(inquiry);
  announce(invocation, inquiry);
  await present(invocation, document, async () => (await import('../render/deprecations-text.ts')).deprecationsText);
  return outcomeOf(inquiry);
}

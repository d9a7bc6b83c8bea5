import { monitorOf } from '../documents/monitor.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';

/** One report on the use of everything: utilisation, times, rates, errors, suspected leaks, and what stands out. */
export async function monitor(invocation: Invocation): Promise<ExitCode> {
  const inquiry = await inquire(invocation);
  const document = monitorOf(inquiry);
  announce(invocation, inquiry);
  await present(invocation, document, async () => (await import('../render/monitor-text.ts')).monitorText);
  return outcomeOf(inquiry);
}

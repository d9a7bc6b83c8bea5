import { monitorOf } from '../documents/monitor.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { printDocument } from '../render/json.ts';

/** One report on the use of everything: utilisation, times, rates, errors, suspected leaks, and what stands out. */
export async function monitor(invocation: Invocation): Promise<ExitCode> {
  const { io, json, paint, width } = invocation;
  const inquiry = await inquire(invocation);
  const document = monitorOf(inquiry);
  announce(invocation, inquiry);
  if (json) printDocument(io.stdout, document);
  else {
    const { monitorText } = await import('../render/monitor-text.ts');
    io.stdout.write(monitorText(document, paint, width));
  }
  return outcomeOf(inquiry);
}

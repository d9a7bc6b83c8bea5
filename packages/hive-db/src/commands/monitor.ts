import { monitorOf, type MonitorDocument } from '../documents/monitor.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { withNextCommands } from '../next-command.ts';
import { present } from '../present.ts';

/** One report on the use of everything: utilisation, times, rates, errors, suspected leaks, and what stands out. */
export async function monitor(invocation: Invocation): Promise<ExitCode> {
  const inquiry = await inquire(invocation);
  const document = withCommands(monitorOf(inquiry), invocation);
  announce(invocation, inquiry);
  await present(invocation, document, async () => (await import('../render/monitor-text.ts')).monitorText);
  return outcomeOf(inquiry);
}

/** The report with commands that work when they are typed. */
export function withCommands(document: MonitorDocument, invocation: Invocation): MonitorDocument {
  const processes = document.processes.map((process) => ({
    ...process,
    analysis: withNextCommands(process.analysis, invocation),
  }));
  return { ...document, processes };
}

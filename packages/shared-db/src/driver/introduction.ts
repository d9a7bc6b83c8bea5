import type { Culprit } from '../errors.ts';
import { listProcesses } from '../presence/process-list.ts';

/** How long processes are asked who they are: who is not stuck answers in a few milliseconds. */
const ASK_MS = 100;

/**
 * Adds to the processes that are in the way what they say of themselves: their app, and what they are writing to the file. Who cannot
 * be found or does not answer remains what the system knows of it.
 */
export async function introduced(
  culprits: readonly Culprit[],
  directory: string | undefined,
  path: string | undefined,
): Promise<readonly Culprit[]> {
  if (directory === undefined || culprits.length === 0) return culprits;
  const reports = await listProcesses({ directory, timeoutMs: ASK_MS }).catch(() => []);
  return culprits.map((culprit) => {
    const report = reports.find(({ pid }) => pid === culprit.pid);
    if (report?.state !== 'answered') return culprit;
    const { app, databases } = report.snapshot;
    const writer = databases.find((database) => database.path === path)?.lane.writer;
    return { ...culprit, app, ...(writer === undefined ? {} : { label: writer.label, heldMs: writer.heldMs }) };
  });
}

/** A process in the way, as part of a sentence. */
export function described({ pid, app, command, label, heldMs }: Culprit): string {
  const doing = label === undefined ? [] : [`"${label}" for ${Math.round(heldMs ?? 0)} ms`];
  return `process ${pid} (${[...(app === undefined ? [] : [app]), ...doing, command ?? 'unknown'].join(', ')})`;
}

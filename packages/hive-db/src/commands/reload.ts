import { STILL_LIMIT_MS } from '@hive/shared-db/presence';
import { reloadDocument } from '../documents/reload.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { locate } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import type { Wanted } from '../targets.ts';
import { foretell, meant, outcomeOf, tellAll } from './control.ts';

/** What `giveOrder` takes at most. */
const LONGEST_MS = 60_000;

/** Has processes read their settings again, and says of each what changed. */
export async function reload(invocation: Invocation, processes: Pick<Wanted, 'app' | 'pid'>): Promise<ExitCode> {
  const wanted = { ...processes, database: undefined, everywhere: true };
  const inquiry = await locate(invocation);
  const targets = meant(invocation, wanted, inquiry);
  if (targets === undefined) return EXIT.undetermined;
  foretell(invocation, 'reload', 'settings', targets);
  // A process waits until its file is complete, and says after most of the time how far it has come.
  const timeoutMs = Math.min(LONGEST_MS, invocation.timeoutMs + 2 * STILL_LIMIT_MS);
  const told = await tellAll({ ...invocation, timeoutMs }, inquiry.directory, targets, () => ({ verb: 'reload' }));
  const document = reloadDocument('reload', told, inquiry);
  await present(invocation, document, async () => (await import('../render/reload-text.ts')).reloadText);
  return outcomeOf(document.processes, told, wanted, inquiry);
}

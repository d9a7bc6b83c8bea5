import { reloadDocument } from '../documents/reload.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { locate } from '../inquiry.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import type { Wanted } from '../targets.ts';
import { foretell, meant, outcomeOf, tellAll } from './control.ts';

/** Has processes read their settings again, and says of each what changed. */
export async function reload(invocation: Invocation, processes: Pick<Wanted, 'app' | 'pid'>): Promise<ExitCode> {
  const wanted = { ...processes, database: undefined, everywhere: true };
  const inquiry = await locate(invocation);
  const targets = meant(invocation, wanted, inquiry);
  if (targets === undefined) return EXIT.undetermined;
  foretell(invocation, 'reload', 'settings', targets);
  const told = await tellAll(invocation, inquiry.directory, targets, () => ({ verb: 'reload' }));
  const document = reloadDocument('reload', told, inquiry);
  await present(invocation, document, async () => (await import('../render/reload-text.ts')).reloadText);
  return outcomeOf(document.processes, told, wanted, inquiry);
}

import { locksDocument } from '../documents/locks.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Invocation } from '../invocation.ts';
import { present } from '../present.ts';
import { lookAround } from '../sightings.ts';

/** Who writes, who reads and who waits, on the databases that are named or on all that processes have open. */
export async function locks(invocation: Invocation, wanted: readonly string[]): Promise<ExitCode> {
  const { code, inquiry, sightings } = await lookAround(invocation, wanted);
  const document = locksDocument(sightings, inquiry);
  await present(invocation, document, async () => (await import('../render/locks-text.ts')).locksText);
  return code;
}

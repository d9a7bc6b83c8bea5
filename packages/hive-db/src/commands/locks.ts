import { locksDocument } from '../documents/locks.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Invocation } from '../invocation.ts';
import { printDocument } from '../render/json.ts';
import { lookAround } from '../sightings.ts';

/** Who writes, who reads and who waits, on the databases that are named or on all that processes have open. */
export async function locks(invocation: Invocation, wanted: readonly string[]): Promise<ExitCode> {
  const { io, json, paint, width } = invocation;
  const { code, inquiry, sightings } = await lookAround(invocation, wanted);
  const document = locksDocument(sightings, inquiry);
  if (json) printDocument(io.stdout, document);
  else {
    const { locksText } = await import('../render/locks-text.ts');
    io.stdout.write(locksText(document, paint, width));
  }
  return code;
}

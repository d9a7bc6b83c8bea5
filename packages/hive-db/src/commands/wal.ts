import { walDocument } from '../documents/wal.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Invocation } from '../invocation.ts';
import { printDocument } from '../render/json.ts';
import { lookAround } from '../sightings.ts';

/** How long the logs of the named databases are, or of all that processes have open, and why they cannot shrink now. */
export async function wal(invocation: Invocation, wanted: readonly string[]): Promise<ExitCode> {
  const { io, json, paint, width } = invocation;
  const { code, inquiry, sightings } = await lookAround(invocation, wanted);
  const document = walDocument(sightings, inquiry);
  if (json) printDocument(io.stdout, document);
  else {
    const { walText } = await import('../render/wal-text.ts');
    io.stdout.write(walText(document, paint, width));
  }
  return code;
}

import { walDocument } from '../documents/wal.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Invocation } from '../invocation.ts';
import { nextCommand } from '../next-command.ts';
import { present } from '../present.ts';
import { lookAround } from '../sightings.ts';

/** How long the logs of the named databases are, or of all that processes have open, and why they cannot shrink now. */
export async function wal(invocation: Invocation, wanted: readonly string[]): Promise<ExitCode> {
  const { code, inquiry, sightings } = await lookAround(invocation, wanted);
  const { databases, ...others } = walDocument(sightings, inquiry);
  const document = {
    ...others,
    databases: databases.map((one) => ({ ...one, next: nextCommand(one.next, invocation) })),
  };
  await present(invocation, document, async () => (await import('../render/wal-text.ts')).walText);
  return code;
}

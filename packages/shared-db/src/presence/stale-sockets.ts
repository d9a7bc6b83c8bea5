import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inheritedSockets } from './inherited-sockets.ts';
import { isUnattended, socketOwner } from './probe.ts';
import { looksGone } from './process-identity.ts';
import { parseSocketName } from './socket-name.ts';

/**
 * The sockets that dead processes left behind. A socket is one only when its process looks gone AND nobody listens on it, or only a child
 * that has inherited it: a process in another container looks gone and lives, and one that is just starting does not listen yet.
 */
export async function staleSockets(directory: string): Promise<readonly string[]> {
  const suspects = readdirSync(directory).flatMap((name) => {
    const identity = parseSocketName(name);
    const isSuspect = identity !== undefined && looksGone(identity) && socketOwner(join(directory, name)) === 'own';
    return isSuspect ? [{ name, identity, path: join(directory, name) }] : [];
  });
  const inherited = inheritedSockets(directory, suspects);
  const isStale = await Promise.all(
    suspects.map(async ({ name, path }) => inherited.has(name) || (await isUnattended(path))),
  );
  return suspects.flatMap(({ path }, index) => (isStale[index] === true ? [path] : []));
}

/** Removes the sockets that dead processes left behind, and returns how many. */
export async function removeStaleSockets(directory: string): Promise<number> {
  const stale = await staleSockets(directory);
  // Nobody can have taken a name meanwhile: it contains the start of a process that has ended.
  for (const path of stale) rmSync(path, { force: true });
  return stale.length;
}

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isUnattended, socketOwner } from './probe.ts';
import { looksGone } from './process-identity.ts';
import { parseSocketName } from './socket-name.ts';

/**
 * The sockets that dead processes left behind. A socket is one only when its process looks gone AND nobody listens on it: a process in
 * another container looks gone and lives, and one that is just starting does not listen yet.
 */
export async function staleSockets(directory: string): Promise<readonly string[]> {
  const suspects = readdirSync(directory)
    .filter((name) => {
      const identity = parseSocketName(name);
      return identity !== undefined && looksGone(identity);
    })
    .map((name) => join(directory, name))
    .filter((path) => socketOwner(path) === 'own');
  const isStale = await Promise.all(suspects.map((path) => isUnattended(path)));
  return suspects.filter((_, index) => isStale[index]);
}

/** Removes the sockets that dead processes left behind, and returns how many. */
export async function removeStaleSockets(directory: string): Promise<number> {
  const stale = await staleSockets(directory);
  // Nobody can have taken a name meanwhile: it contains the start of a process that has ended.
  for (const path of stale) rmSync(path, { force: true });
  return stale.length;
}

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isUnattended, socketOwner } from './probe.ts';
import { looksGone } from './process-identity.ts';
import { parseSocketName } from './socket-name.ts';

/**
 * Removes the sockets that dead processes left behind, and returns how many. A socket goes only when its process looks gone AND
 * nobody listens on it: a process in another container looks gone and lives, and one that is just starting does not listen yet.
 */
export async function removeStaleSockets(directory: string): Promise<number> {
  const suspects = readdirSync(directory)
    .filter((name) => {
      const identity = parseSocketName(name);
      return identity !== undefined && looksGone(identity);
    })
    .map((name) => join(directory, name));
  const removed = await Promise.all(
    suspects.map(async (path) => {
      if (socketOwner(path) !== 'own' || !(await isUnattended(path))) return false;
      // Nobody can have taken the name meanwhile: it contains the start of a process that has ended.
      rmSync(path, { force: true });
      return true;
    }),
  );
  return removed.filter(Boolean).length;
}

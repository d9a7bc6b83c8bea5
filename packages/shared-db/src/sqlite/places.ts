import { pathOriginOf } from '../config/path-origin.ts';
import type { ResolvedSettings } from '../config/resolved-settings.ts';
import { checkRuntimeDirectory } from '../presence/runtime-directory.ts';
import { sameFile } from '../same-file.ts';
import { absolutePath, lookAtPath, placeOf } from './path.ts';

/** Where a database is. */
export interface Place {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly exists: boolean;
}

/**
 * Looks at where the databases of these settings are that have a name and a path, and where their processes meet, if that is set: for who
 * starts several processes, and would have all of them refused before the first has made anything. Throws for the first that is wrong what
 * opening it would throw, as far as that can be seen by `stat`, and for a place to meet that cannot be used: a service would serve all the
 * same, and nobody could see it. Opens, makes and changes nothing. What a file holds is not looked at. Costs a few microseconds a database.
 */
export function checkPlaces(settings: ResolvedSettings): readonly Place[] {
  const { dataDirectory, databases, runtimeDirectory } = settings;
  const named = Object.entries(databases).filter(([name, { path }]) => !name.includes('*') && path !== undefined);
  // All of them before any is looked at: what is no path cannot be.
  const places = named.map(([name, { path }]) => ({
    name,
    path: absolutePath(name, path, dataDirectory, pathOriginOf(name, name, settings)),
  }));
  if (runtimeDirectory !== undefined) checkRuntimeDirectory(runtimeDirectory);
  const owners = new Map<string, string>();
  return places.map(({ name, path }) => {
    const { exists } = lookAtPath(name, path, dataDirectory);
    const file = placeOf(path);
    const first = owners.get(file);
    if (first !== undefined) throw sameFile(first, name);
    owners.set(file, name);
    return { name, path, exists };
  });
}

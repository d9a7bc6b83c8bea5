import { NamePattern } from '../config/name-pattern.ts';
import { pathOriginOf } from '../config/path-origin.ts';
import type { ResolvedSettings } from '../config/resolved-settings.ts';
import { DatabaseError } from '../errors.ts';
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
  const { dataDirectory, runtimeDirectory } = settings;
  // All of them before any is looked at: what is no path cannot be.
  const places = Object.keys(settings.databases)
    .filter((name) => !name.includes('*') && settings.databases[name]?.path !== undefined)
    .map((name) => ({ name, path: pathOf(name, settings) }));
  if (runtimeDirectory !== undefined) checkRuntimeDirectory(runtimeDirectory);
  const owners = new Map<string, string>();
  return places.map(({ name, path }) => {
    const { exists } = lookAtPath(name, path, dataDirectory);
    claim(owners, placeOf(path), name);
    return { name, path, exists };
  });
}

/**
 * What opening the databases of these settings would throw for the words of their paths alone, one error for each that is wrong. Nothing is
 * looked at, so it is the same on every machine: settings can be checked where they are written and not where they are used.
 */
export function refusedPaths(settings: ResolvedSettings): readonly DatabaseError[] {
  const owners = new Map<string, string>();
  return Object.keys(settings.databases)
    .filter((name) => settings.databases[name]?.path !== undefined)
    .flatMap((name) =>
      refusalIn(() => {
        const path = pathOf(name, settings);
        // That of a pattern is an example: a database that has it may well be one of those that it stands for.
        if (!name.includes('*')) claim(owners, path, name);
      }),
    );
}

/** Absolute. What a `*` stands for is filled in as opening does it; for a pattern itself by any part that a name could have. */
function pathOf(name: string, settings: ResolvedSettings): string {
  const pattern = NamePattern.of(settings.patterns[name] ?? name);
  const part = name.includes('*') ? 'x' : pattern?.partOf(name);
  const path = settings.databases[name]?.path;
  const file = part === undefined ? path : path?.replaceAll('*', part);
  return absolutePath(name, file, settings.dataDirectory, pathOriginOf(name, name, settings));
}

/** Throws when another database has that file. */
function claim(owners: Map<string, string>, file: string, name: string): void {
  const first = owners.get(file);
  if (first !== undefined) throw sameFile(first, name);
  owners.set(file, name);
}

function refusalIn(check: () => void): readonly DatabaseError[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof DatabaseError) return [error];
    throw error;
  }
}

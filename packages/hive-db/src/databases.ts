import type { DatabaseSnapshot } from '@hive/shared-db';
import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Answered, Inquiry } from './inquiry.ts';

/** A database file, and all paths under which processes have it open. */
export interface NamedDatabase {
  /** Where the file really is; as it was given, when nothing is there. */
  readonly path: string;
  readonly aliases: ReadonlySet<string>;
}

/** Every database file that a process has open, each once, in the order of their paths. What could not be opened is not among them. */
export function knownDatabases(answered: readonly Answered[]): readonly NamedDatabase[] {
  return filesAt(
    pathsOf(answered, ({ status }) => status !== 'failed' && status !== 'closed'),
    answered,
  );
}

/** The files of what a person wrote: each the name of a database that a process has open, or a path. */
export function databasesNamed(
  wanted: readonly string[],
  answered: readonly Answered[],
  cwd: string,
): readonly NamedDatabase[] {
  const paths = wanted.flatMap((word) => {
    const named = pathsOf(answered, ({ name }) => name === word);
    return named.length > 0 ? named : [pathFrom(cwd, word)];
  });
  return filesAt(paths, answered);
}

/** Whether it may be a database that only a process which does not answer could name: no file is there, and nobody else knows it. */
export function isUnheardOf({ path, aliases }: NamedDatabase, { unreachable }: Pick<Inquiry, 'unreachable'>): boolean {
  return unreachable.length > 0 && aliases.size === 0 && !existsSync(path);
}

function filesAt(paths: readonly string[], answered: readonly Answered[]): readonly NamedDatabase[] {
  const aliases = Map.groupBy(pathsOf(answered), (path) => realPathOf(path));
  const files = new Set(paths.map((path) => realPathOf(path)));
  return [...files].map((path) => ({ path, aliases: new Set(aliases.get(path)) }));
}

// What no file can be called stays as it is: resolved, an empty word would name the directory.
function pathFrom(cwd: string, word: string): string {
  return word === '' || word.includes('\0') ? word : resolve(cwd, word);
}

function pathsOf(
  answered: readonly Answered[],
  isMeant: (database: DatabaseSnapshot) => boolean = () => true,
): readonly string[] {
  const databases = answered.flatMap(({ snapshot }) => snapshot.databases).filter((database) => isMeant(database));
  return [...new Set(databases.map(({ path }) => path).filter((path) => path !== undefined))].toSorted();
}

function realPathOf(path: string): string {
  // Without a word, the system would take the working directory.
  if (path === '') return path;
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

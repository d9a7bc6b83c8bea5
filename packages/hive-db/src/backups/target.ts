import { accessSync, constants, lstatSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { statsOf } from '../file/stats.ts';
import { safePath } from '../render/safe-text.ts';
import { WrongUse } from '../wrong-use.ts';
import { BESIDE } from './partial-copy.ts';

/** Where a copy is to lie. */
export interface Target {
  /** Absolute. */
  readonly path: string;
  /** The file that lies there; undefined where nothing does. */
  readonly existing: Stats | undefined;
}

/**
 * The place that a person has named, where nothing is or something that may be replaced. Throws `WrongUse` for what is no place for a
 * database, for the source itself, and for a name beside which SQLite would find the log of another. Writes nothing.
 */
export function checkedTarget(word: string, cwd: string, source: string, mayReplace: boolean): Target {
  const refuse = (what: string): never => {
    throw new WrongUse(`${safePath(word) || '""'} ${what}`);
  };
  if (word === '' || word.includes('\0')) return refuse('is no name that a file can have');
  const path = resolve(cwd, word);
  try {
    // SQLite would take it for the log of the database that is called so without the ending.
    const ending = BESIDE.find((suffix) => basename(path).endsWith(suffix));
    if (ending !== undefined)
      refuse(`ends in ${ending}, which is the name of a file that SQLite keeps beside a database`);
    const existing = lstatSync(path, { throwIfNoEntry: false });
    if (existing?.isSymbolicLink() === true) refuse('is a symbolic link; name the file that it leads to');
    if (existing?.isDirectory() === true) refuse('is a directory; name a file in it');
    if (existing?.isFile() === false) refuse('is not a regular file');
    const { dev, ino } = statSync(source);
    if (existing?.dev === dev && existing.ino === ino) refuse('is the file that is to be copied');
    checkDirectory(dirname(path), refuse);
    if (existing !== undefined && !mayReplace) refuse('is there already; name a new file, or say --replace');
    if (existing === undefined) checkNothingBeside(path, refuse);
    return { path, existing };
  } catch (error) {
    if (error instanceof WrongUse) throw error;
    return refuse(`cannot be used: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
  }
}

/** Throws where a log or a journal waits for the database that would appear under its name: SQLite would play it into that. */
export function checkNothingBeside(path: string, refuse: (what: string) => never): void {
  const ending = ['-wal', '-journal'].find((suffix) => (statsOf(`${path}${suffix}`)?.size ?? 0) > 0);
  if (ending !== undefined)
    refuse(
      `has a ${ending} file beside it, of another database, which SQLite would play into the new one: move it away first`,
    );
}

function checkDirectory(directory: string, refuse: (what: string) => never): void {
  const stats = statsOf(directory);
  if (stats === undefined) return refuse('is in a directory that does not exist');
  if (!stats.isDirectory()) refuse('is in what is no directory');
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch {
    refuse('is in a directory that this user may not write');
  }
}

import { closeSync, lstatSync, openSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { BESIDE } from './backups/partial-copy.ts';
import { safePath } from './render/safe-text.ts';
import { WrongUse } from './wrong-use.ts';

/** What may be overwritten: files of ours that begin like this. */
export interface OutputKind {
  /** What it is called: `export`. */
  readonly name: string;
  /** How every one of them begins, and nothing else does. */
  readonly beginning: string;
}

/**
 * The absolute path that `--output` names, where nothing is yet or an earlier file of the kind: `--output data/orders.db` is a slip that
 * would cost a database. Throws `WrongUse` for anything else. Writes nothing.
 */
export function checkedOutput(output: string, cwd: string, { name, beginning }: OutputKind): string {
  const path = resolve(cwd, output);
  const refuse = (what: string): never => {
    throw new WrongUse(`--output ${safePath(output) || '""'} ${what}`);
  };
  if (output === '' || output.includes('\0')) refuse('is no name that a file can have');
  // SQLite would overwrite or delete it with the database that is called so without the ending.
  const ending = BESIDE.find((suffix) => path.endsWith(suffix));
  if (ending !== undefined)
    refuse(`ends in ${ending}, which is the name of a file that SQLite keeps beside a database`);
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return path;
    if (!stats.isFile() || beginningOf(path, beginning.length) !== beginning)
      refuse(`is there already and is no earlier ${name}; name a new file`);
    return path;
  } catch (error) {
    if (error instanceof WrongUse) throw error;
    return refuse(`cannot be used: ${codeOf(error)}`);
  }
}

/** Writes a file that only this user may read. It appears complete or not at all. Throws `WrongUse` where it cannot be written. */
export function writeOutput(path: string, text: string): void {
  // Not after the file: with more behind it, a long name would be none.
  const partial = join(dirname(path), `.hive-db-${process.pid}.partial`);
  try {
    writeFileSync(partial, text, { flag: 'wx', mode: 0o600 });
    renameSync(partial, path);
  } catch (error) {
    // Whoever else made a file of that name keeps it.
    if (codeOf(error) !== 'EEXIST') rmSync(partial, { force: true });
    throw new WrongUse(`--output ${safePath(path)} cannot be written: ${codeOf(error)}`);
  }
}

function beginningOf(path: string, length: number): string {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(length);
    return bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, length, 0));
  } finally {
    closeSync(descriptor);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

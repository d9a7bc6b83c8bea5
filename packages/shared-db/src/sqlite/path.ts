import { accessSync, constants, lstatSync, readdirSync, realpathSync, statfsSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { shown } from '../config/problem.ts';
import { DatabaseError, type ErrorKind } from '../errors.ts';
import { makeDirectory } from '../make-directory.ts';
import { networkFileSystem } from './network-file-system.ts';

/** What the file system says about a path. Passed in, so that a test can be on a network file system. */
export interface FileSystem {
  /** The type that `statfs` gives for a directory. */
  typeOf(directory: string): number;
}

const realFileSystem: FileSystem = Object.freeze({ typeOf: (directory: string) => statfsSync(directory).type });

/** What follows the name of a database under which it is prepared, before it is linked into place (createDatabase). */
export const PREPARED = '.new-';

/** What SQLite keeps beside a database, by the ends of the names: its log, the index of that, and a journal of the old kind. */
const COMPANIONS = ['-wal', '-shm', '-journal'] as const;
const COMPANION = new RegExp(`(?:${COMPANIONS.join('|')})$`);

/** Where a database's file is, or will be. */
export interface DatabasePath {
  readonly path: string;
  readonly exists: boolean;
}

/** The absolute path that a configured one means. Throws `PATH` for what is not the path of a file, with where it was `set`. */
export function absolutePath(name: string, path: unknown, dataDirectory: string | undefined, set?: string): string {
  const refuse = (what: string, advice: string): never => {
    const written = typeof path === 'string' ? JSON.stringify(path) : shown(path, 'an object');
    const origin = set === undefined ? '' : ` (${set})`;
    throw new DatabaseError('PATH', `the path ${written}${origin} ${what}`, { database: name, advice });
  };
  if (typeof path !== 'string' || path.trim() === '') return refuse('is empty', 'give the path of a file');
  if (path.includes('\0'))
    return refuse('contains a NUL character, at which the system would cut it off', 'give the path of a file');
  if (path !== path.trimEnd())
    return refuse('ends in white space, which the engine would cut off', 'give the path without it');
  if (path === ':memory:')
    return refuse('is no file, and other connections could not see it', 'give the path of a file');
  if (/^file:/i.test(path)) return refuse('is a URI, which could carry options past the checks', 'give a plain path');
  if (/\/\.?$/.test(path)) return refuse('is one of a directory', 'give the path of a file in it');
  const [suffix] = COMPANION.exec(path) ?? [];
  if (suffix !== undefined)
    return refuse(
      `ends in ${suffix}, as a file that belongs to another database: opening that one would overwrite or delete it`,
      'give the file another name',
    );
  if (!isAbsolute(dataDirectory ?? path) && !isSomewhere())
    return refuse('is relative, and the working directory is gone', 'start in one that is there');
  if (dataDirectory === undefined) return resolve(path);
  const absolute = isAbsolute(path) ? resolve(path) : resolve(dataDirectory, path);
  if (!isInside(absolute, resolve(dataDirectory)))
    return refuse(
      `leaves the data directory ${dataDirectory}`,
      'keep databases inside it, or configure no dataDirectory',
    );
  return absolute;
}

/** Checks everything that can be checked without opening the file; makes the directory. Throws and leaves the file untouched. */
export function checkPath(
  name: string,
  path: string,
  dataDirectory: string | undefined,
  fileSystem: FileSystem = realFileSystem,
): DatabasePath {
  const exists = refusing(name, path, (refuse) => {
    checkPlace(dirname(path), dataDirectory, fileSystem, refuse);
    makePlace(dirname(path), refuse);
    return checkFile(path, refuse);
  });
  return { path, exists };
}

/** The same without making anything: whether it could be made is judged by what is there. Throws what `checkPath` would. */
export function lookAtPath(name: string, path: string, dataDirectory: string | undefined): DatabasePath {
  const directory = dirname(path);
  const exists = refusing(name, path, (refuse) => {
    checkPlace(directory, dataDirectory, realFileSystem, refuse);
    const existing = nearestExisting(directory);
    checkDirectory(existing, refuse);
    if (existing === directory) return checkFile(path, refuse);
    if (isReadOnly(existing)) refuse('PERMISSION', READ_ONLY, READ_ONLY_ADVICE);
    if (!allowed(existing, constants.W_OK | constants.X_OK)) refuse('PERMISSION', UNMAKEABLE, `make ${directory}`);
    return false;
  });
  return { path, exists };
}

/** Which file is meant: two paths are one file when they have one inode; before it exists, when they end in one name in one directory. */
export function placeOf(path: string): string {
  const file = identityOf(path);
  if (file !== undefined) return file.key;
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path;
  }
}

/** Runs checks of a path. What the system refuses them becomes a refusal of ours. */
function refusing<T>(name: string, path: string, check: (refuse: Refuse) => T): T {
  const refuse: Refuse = (kind, what, advice, cause) => {
    throw new DatabaseError(kind, `${path} ${what}`, { database: name, advice, cause });
  };
  try {
    return check(refuse);
  } catch (error) {
    if (error instanceof DatabaseError) throw error;
    const what = `cannot be reached: ${codeOf(error)}`;
    return isDenied(error)
      ? refuse('PERMISSION', what, `give user ${process.getuid?.()} access to it`, error)
      : refuse('PATH', what, 'check the path', error);
  }
}

const UNMAKEABLE = 'is in a directory that cannot be made';
const READ_ONLY = 'is on a file system that is mounted read-only';
const READ_ONLY_ADVICE = 'mount it for writing, or move the database';

type Refuse = (kind: ErrorKind, what: string, advice: string, cause?: unknown) => never;

/** Checks where the directory is, before anything is made there. */
function checkPlace(
  directory: string,
  dataDirectory: string | undefined,
  fileSystem: FileSystem,
  refuse: Refuse,
): void {
  const network = networkFileSystem(fileSystem.typeOf(nearestExisting(directory)));
  if (network !== undefined)
    refuse(
      'FILESYSTEM',
      `is on ${network}, where the locks of SQLite do not hold`,
      'use a local disk, or a database server',
    );
  if (dataDirectory !== undefined && !isInside(realLocation(directory), realLocation(dataDirectory)))
    refuse(
      'PATH',
      `leaves the data directory ${dataDirectory} through a symbolic link`,
      'use a real directory inside it',
    );
}

function makePlace(directory: string, refuse: Refuse): void {
  try {
    makeDirectory(directory);
  } catch (error) {
    if (codeOf(error) === 'EROFS') refuse('PERMISSION', READ_ONLY, READ_ONLY_ADVICE, error);
    checkDirectory(nearestExisting(directory), refuse, error);
    refuse(isDenied(error) ? 'PERMISSION' : 'PATH', UNMAKEABLE, `make ${directory}`, error);
  }
}

function checkDirectory(existing: string, refuse: Refuse, cause?: unknown): void {
  if (!statSync(existing).isDirectory())
    refuse('PATH', `cannot be made: ${existing} is no directory`, 'give a path in one', cause);
}

/** Whether the file exists. Refuses it when it cannot be a database that this user may write. */
function checkFile(path: string, refuse: Refuse): boolean {
  if (isReadOnly(dirname(path))) refuse('PERMISSION', READ_ONLY, READ_ONLY_ADVICE);
  const user = `user ${process.getuid?.()}`;
  const mayChangeDirectory = allowed(dirname(path), constants.W_OK | constants.X_OK);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    checkCompanions(path, refuse);
    // SQLite would play what is in it into the new file, or delete it.
    if ((sizeOf(`${path}-wal`) ?? 0) > 0)
      refuse(
        'NOT_A_DATABASE',
        'is gone, and its log, in which there may be committed writes, is still there',
        'restore the file to where it was; or move the -wal file away if nothing of it is wanted',
      );
    if (mayChangeDirectory) return false;
    return refuse(
      'PERMISSION',
      'cannot be created: its directory cannot be written',
      `give ${user} write access to the directory`,
    );
  }
  if (found.isSymbolicLink()) refuse('PATH', 'is a symbolic link', 'give the path of the file that it points to');
  if (found.isDirectory()) refuse('PATH', 'is a directory', 'give the path of a file in it');
  if (!found.isFile()) refuse('PATH', 'is not a regular file', 'give the path of a file');
  // Each name has a log of its own: what is committed by one is overwritten by the other (sqlite.org/howtocorrupt.html, section 2.5).
  const names = found.nlink > 1 ? namesOf(path) : 1;
  if (names > 1)
    refuse('PATH', `is one of ${names} names of a file (hard links)`, 'remove the others: find -samefile lists them');
  if (!allowed(path, constants.R_OK | constants.W_OK))
    refuse('PERMISSION', 'cannot be read and written', `give ${user} access to it`);
  // SQLite makes -wal and -shm beside the file.
  if (!mayChangeDirectory)
    refuse('PERMISSION', 'is in a directory that cannot be written', `give ${user} write access to the directory`);
  checkCompanions(path, refuse);
  // We never leave an empty file behind (a new one appears complete), and SQLite would take an emptied one for a new database.
  if (found.size === 0)
    refuse(
      'NOT_A_DATABASE',
      'is empty: whatever was in it is gone',
      'restore a backup; or delete the file if nothing was in it',
    );
  // SQLite takes one byte for none (unixFileSize in os_unix.c) and would write a new database over it.
  if (found.size === 1)
    refuse(
      'NOT_A_DATABASE',
      'holds a single byte, which is no database',
      'check the path; or delete the file if nobody needs it',
    );
  return true;
}

/** Refuses what lies beside a database and SQLite could not use: its words for that are of a disk that fails, or of a wrong statement. */
function checkCompanions(path: string, refuse: Refuse): void {
  for (const suffix of COMPANIONS) checkCompanion(path, suffix, refuse);
}

function checkCompanion(path: string, suffix: string, refuse: Refuse): void {
  const companion = `${path}${suffix}`;
  const found = lstatSync(companion, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isFile()) refuse('PATH', `has ${companion} beside it, which is not a regular file`, 'move that one away');
  if (allowed(companion, constants.R_OK | constants.W_OK) || !isThere(companion)) return;
  refuse(
    'PERMISSION',
    `has ${companion} beside it, which cannot be read and written: user ${found.uid} has made it`,
    `give user ${process.getuid?.()} access to it, and use the database as one user`,
  );
}

/** How many names a file has, beside those under which it was prepared: who is just making it, or was killed, has left one. */
function namesOf(path: string): number {
  const directory = dirname(path);
  const file = statSync(path);
  const prepared = readdirSync(directory).filter((name) => {
    if (!name.startsWith(`${basename(path)}${PREPARED}`)) return false;
    const { dev, ino } = statSync(join(directory, name), { throwIfNoEntry: false }) ?? {};
    return dev === file.dev && ino === file.ino;
  });
  // Counted again: one that has gone meanwhile is not among those, and must not be counted for a stranger's.
  return statSync(path).nlink - prepared.length;
}

/** Whether this process has a working directory still: somebody may have removed it. */
function isSomewhere(): boolean {
  try {
    return process.cwd() !== '';
  } catch {
    return false;
  }
}

/** The path itself, or the closest directory above it that is there. */
function nearestExisting(path: string): string {
  return isThere(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

/** Also a link that leads nowhere: nothing can be made in its place. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** Where a path leads when symbolic links are followed; what is not there yet leads nowhere else. */
function realLocation(path: string): string {
  const existing = nearestExisting(path);
  return join(realpathSync(existing), relative(existing, path));
}

/** What tells a file apart from all others on the host. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
  /** The same as one word: `device:inode`. */
  readonly key: string;
}

/** Which file is at a path; undefined when there is none. Uses `stat`, which is safe on a live database. */
export function identityOf(path: string): FileIdentity | undefined {
  try {
    const { dev, ino } = statSync(path);
    return { device: dev, inode: ino, key: `${dev}:${ino}` };
  } catch {
    return undefined;
  }
}

/** Made once: a call without any makes its own, each time. */
const MAY_BE_GONE = { bigint: false, throwIfNoEntry: false } as const;

/** Whether a path still leads to a file. Compares numbers: after a sync of the disk, making a key would cost as much as the `stat`. */
export function leadsTo(path: string, { device, inode }: FileIdentity): boolean {
  try {
    const found = statSync(path, MAY_BE_GONE);
    return found !== undefined && found.ino === inode && found.dev === device;
  } catch {
    return false;
  }
}

/** The size of a file in bytes; undefined when there is none. */
export function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** Whether the file system takes no changes, whoever asks. */
function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return codeOf(error) === 'EROFS';
  }
}

function allowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function isInside(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function isDenied(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

import { accessSync, constants, lstatSync, mkdirSync, realpathSync, statfsSync, statSync, type Stats } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { DatabaseError, type ErrorKind } from '../errors.ts';

/**
 * File systems on which SQLite's shared memory or locks do not work between processes, by the number that `statfs` gives
 * (linux/magic.h). WAL needs shared memory: sqlite.org/wal.html, "Disadvantages".
 */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB2'],
  [0xff534d42, 'CIFS'],
  [0x01021997, '9p'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
]);

/** What the file system says about a path. Passed in, so that a test can be on a network file system. */
export interface FileSystem {
  /** The type that `statfs` gives for a directory. */
  typeOf(directory: string): number;
}

export const realFileSystem: FileSystem = Object.freeze({ typeOf: (directory: string) => statfsSync(directory).type });

/** Where a database's file is, or will be. */
export interface DatabasePath {
  readonly path: string;
  readonly exists: boolean;
}

/** The absolute path that a configured one means. Throws `PATH` for what is not the path of a file. */
export function absolutePath(name: string, path: unknown, dataDirectory: string | undefined): string {
  const refuse = (what: string, advice: string): never => {
    throw new DatabaseError('PATH', `the path ${JSON.stringify(path)} ${what}`, { database: name, advice });
  };
  if (typeof path !== 'string' || path.trim() === '') return refuse('is empty', 'give the path of a file');
  if (path.includes('\0'))
    return refuse('contains a NUL character, at which the system would cut it off', 'give the path of a file');
  if (path === ':memory:')
    return refuse('is no file, and other connections could not see it', 'give the path of a file');
  if (/^file:/i.test(path)) return refuse('is a URI, which could carry options past the checks', 'give a plain path');
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
  const refuse = (kind: ErrorKind, what: string, advice: string, cause?: unknown): never => {
    throw new DatabaseError(kind, `${path} ${what}`, { database: name, advice, cause });
  };
  const directory = dirname(path);
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    refuse(
      isDenied(error) ? 'PERMISSION' : 'PATH',
      'is in a directory that cannot be made',
      `make ${directory}`,
      error,
    );
  }
  const kind = fileSystem.typeOf(directory);
  const network = NETWORK_FILE_SYSTEMS.get(kind >>> 0);
  if (network !== undefined)
    refuse(
      'FILESYSTEM',
      `is on ${network}, where the locks of SQLite do not hold`,
      'use a local disk, or a database server',
    );
  if (dataDirectory !== undefined && !isInside(realpathSync(directory), realpathSync(dataDirectory)))
    refuse(
      'PATH',
      `leaves the data directory ${dataDirectory} through a symbolic link`,
      'use a real directory inside it',
    );

  const found = lstat(path);
  if (found === undefined) {
    if (!allowed(directory, constants.W_OK | constants.X_OK))
      refuse(
        'PERMISSION',
        'cannot be created: its directory cannot be written',
        `give user ${process.getuid?.()} write access`,
      );
    return { path, exists: false };
  }
  if (found.isSymbolicLink()) refuse('PATH', 'is a symbolic link', 'give the path of the file that it points to');
  if (found.isDirectory()) refuse('PATH', 'is a directory', 'give the path of a file in it');
  if (!found.isFile()) refuse('PATH', 'is not a regular file', 'give the path of a file');
  if (!allowed(path, constants.R_OK | constants.W_OK))
    refuse('PERMISSION', 'cannot be read and written', `give user ${process.getuid?.()} access to it`);
  // SQLite makes -wal and -shm beside the file.
  if (!allowed(directory, constants.W_OK | constants.X_OK))
    refuse(
      'PERMISSION',
      'is in a directory that cannot be written',
      `give user ${process.getuid?.()} write access to it`,
    );
  // We never leave an empty file behind (a new one appears complete), and SQLite would take an emptied one for a new database.
  if (found.size === 0)
    refuse(
      'NOT_A_DATABASE',
      'is empty: whatever was in it is gone',
      'restore a backup; or delete the file if nothing was in it',
    );
  return { path, exists: true };
}

/** What tells files apart: `device:inode`; undefined when there is none. Uses `stat`, which is safe on a live database. */
export function inodeOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** The size of a file in bytes; undefined when there is none. */
export function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

function lstat(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
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
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'EROFS')
  );
}

import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { DatabaseError } from '../errors.ts';
import { makeDirectory } from '../make-directory.ts';

const ADVICE = 'set HIVE_RUNTIME_DIR to an absolute path of a directory that only this user can enter';

/** What the default directory is derived from. Never the environment: processes that were started differently must meet. */
export interface RuntimeHost {
  /** Undefined where the system has no user numbers. */
  readonly userId: number | undefined;
  /** Where a system keeps one directory for each user that is logged in. */
  readonly runRoot: string;
  readonly temporaryRoot: string;
}

/**
 * Where the processes of this user and host find each other: the configured directory (`HIVE_RUNTIME_DIR`), else one derived from
 * the user id alone. Only names it: `createRuntimeDirectory` makes and checks it.
 */
export function runtimeDirectory(configured?: string, host: RuntimeHost = thisHost()): string {
  if (configured !== undefined) return checkedPath(configured);
  const { userId, runRoot, temporaryRoot } = host;
  const own = join(runRoot, String(userId));
  return userId !== undefined && isOwnDirectory(own, userId)
    ? join(own, 'hive-db')
    : join(temporaryRoot, `hive-db-${userId ?? 'shared'}`);
}

/**
 * Makes the runtime directory, with mode 0700, where it does not exist, and checks it.
 * Throws `PATH` where it cannot be made or is no directory, `PERMISSION` where somebody else could get in.
 */
export function createRuntimeDirectory(path: string): void {
  if (checkRuntimeDirectory(path)) return;
  try {
    makeDirectory(resolve(path), 0o700);
  } catch (cause) {
    const kind = ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(cause)) ? 'PERMISSION' : 'PATH';
    throw new DatabaseError(kind, `runtime directory ${path} cannot be made: ${codeOf(cause)}`, {
      advice: ADVICE,
      cause,
    });
  }
  checkRuntimeDirectory(path);
}

/**
 * Whether the runtime directory exists. Throws `PATH` or `PERMISSION` where it is not a directory of this user's that nobody else
 * can enter: sockets in it could be anybody's.
 */
export function checkRuntimeDirectory(path: string): boolean {
  // Resolved, because a trailing slash would make lstat follow a symbolic link.
  const stats = lstatOf(resolve(checkedPath(path)));
  if (stats === undefined) return false;
  if (stats.isSymbolicLink()) throw refusal('PATH', path, 'is a symbolic link');
  if (!stats.isDirectory()) throw refusal('PATH', path, 'is not a directory');
  const userId = process.geteuid?.();
  if (userId === undefined) return true;
  if (stats.uid !== userId) throw refusal('PERMISSION', path, `belongs to user ${stats.uid}, not to user ${userId}`);
  const mode = stats.mode & 0o777;
  if (mode !== 0o700)
    throw refusal('PERMISSION', path, `has mode 0${mode.toString(8).padStart(3, '0')} instead of 0700`);
  return true;
}

/**
 * What lies in the runtime directory, nothing where there is none. Throws `PATH` where that cannot be told, and what
 * `checkRuntimeDirectory` throws.
 */
export function namesInRuntimeDirectory(path: string): readonly string[] {
  if (!checkRuntimeDirectory(path)) return [];
  try {
    return readdirSync(path);
  } catch (cause) {
    // Removed since it was checked.
    if (codeOf(cause) === 'ENOENT') return [];
    throw new DatabaseError('PATH', `runtime directory ${path} cannot be looked at: ${codeOf(cause)}`, {
      advice: ADVICE,
      cause,
    });
  }
}

function thisHost(): RuntimeHost {
  // The temporary directory of a POSIX system, not TMPDIR: that differs from shell to shell.
  const temporaryRoot = process.platform === 'win32' ? tmpdir() : '/tmp';
  return { userId: process.geteuid?.(), runRoot: '/run/user', temporaryRoot };
}

function checkedPath(path: string): string {
  if (!isAbsolute(path))
    throw refusal('PATH', JSON.stringify(path), 'is not absolute, so processes would not meet in it');
  if (path.includes('\0')) throw refusal('PATH', JSON.stringify(path), 'contains a NUL character');
  return path;
}

function isOwnDirectory(path: string, userId: number): boolean {
  try {
    const stats = lstatSync(path);
    return stats.isDirectory() && stats.uid === userId;
  } catch {
    return false;
  }
}

function lstatOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    const kind = codeOf(cause) === 'EACCES' ? 'PERMISSION' : 'PATH';
    throw new DatabaseError(kind, `runtime directory ${path} cannot be looked at: ${codeOf(cause)}`, {
      advice: ADVICE,
      cause,
    });
  }
}

function refusal(kind: 'PATH' | 'PERMISSION', path: string, what: string): DatabaseError {
  return new DatabaseError(kind, `runtime directory ${path} ${what}`, { advice: ADVICE });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

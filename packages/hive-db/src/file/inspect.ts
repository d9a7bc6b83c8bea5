import { networkFileSystem, type FileLock } from '@hive/shared-db/health';
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
  statfsSync,
  statSync,
  type Stats,
} from 'node:fs';
import { resolve } from 'node:path';
import { decodeDatabaseHeader, HEADER_BYTES, type DatabaseHeader } from './database-header.ts';
import type { DatabaseFile, FileReport, OtherFile, WalReport } from './file-report.ts';
import { lockHoldersOf } from './lock-holders.ts';
import { readWal, soundFrames, type Wal } from './wal.ts';

/** The first bytes of a file, and its size. */
interface Beginning {
  readonly stats: Stats;
  readonly bytes: Uint8Array;
}

/**
 * Looks at a file without opening it as a database: nothing is written, locked or left behind. Never throws for what a path may lead
 * to. This process holds no database open, so closing a descriptor of one drops no lock that matters. Whoever looks at many gives the
 * table of locks, which costs more to read than the rest.
 */
export function inspectFile(path: string, cwd: string, locks?: readonly FileLock[] | null): FileReport {
  const other = (state: OtherFile['state'], reason: string): OtherFile => ({ path, state, reason });
  try {
    if (path === '' || path.includes('\0')) return other('missing', 'is no name that a file can have');
    const real = realpathSync(resolve(cwd, path));
    const kind = kindOf(statSync(real));
    if (kind !== undefined) return other('foreign', kind);
    const { stats, bytes } = beginningOf(real);
    if (stats.size === 0) return other('empty', 'is empty: SQLite would take it for a new database');
    const header = decodeDatabaseHeader(bytes);
    return 'fault' in header ? other(header.fault, header.reason) : describe(path, real, stats, header, locks);
  } catch (error) {
    return failure(path, cwd, error);
  }
}

function describe(
  path: string,
  real: string,
  stats: Stats,
  stored: DatabaseHeader,
  locks: readonly FileLock[] | null | undefined,
): DatabaseFile {
  const wal = stored.journalMode === 'wal' ? walOf(`${real}-wal`) : undefined;
  // What has been committed to the log and not yet been moved is as good as in the file.
  const newer = wal?.log?.header && decodeDatabaseHeader(wal.log.header);
  const header = newer === undefined || 'fault' in newer ? stored : newer;
  return {
    path,
    state: 'database',
    size_bytes: stats.size,
    page_size_bytes: header.pageSize,
    page_count: wal?.log?.pageCount ?? header.pageCount ?? Math.floor(stats.size / header.pageSize),
    free_pages: header.freePages,
    journal_mode: header.journalMode,
    text_encoding: header.textEncoding ?? null,
    user_version: header.userVersion,
    application_id: header.applicationId,
    sqlite_version: header.sqliteVersion ?? null,
    wal: wal?.report ?? null,
    rollback_journal_size_bytes: statSync(`${real}-journal`, { throwIfNoEntry: false })?.size ?? null,
    rollback_journal_hot: isJournalHot(`${real}-journal`),
    lock_holders: lockHoldersOf(real, header.journalMode, locks),
    ...diskOf(real),
  };
}

function walOf(path: string): { readonly report: WalReport; readonly log: Wal | undefined } | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  return reading(path, (at, { size }) => {
    const log = readWal({ bytes: size, at });
    const { frames = null, committedFrames = null } = log ?? {};
    return { report: { size_bytes: size, frames, committed_frames: committedFrames }, log };
  });
}

/** A journal that is kept for later (PERSIST) begins with zeros, one in use does not (sqlite.org/lockingv3.html, section 4.2). */
function isJournalHot(path: string): boolean | null {
  try {
    if (!statSync(path).isFile()) return null;
    return reading(path, (at) => (at(0, 1)[0] ?? 0) !== 0);
  } catch {
    return null;
  }
}

/**
 * Whether SQLite would take in every committed frame of the log beside a database, which a damaged one it would silently not. True
 * where there is no log. Reads the whole log.
 */
export function isLogSound(path: string): boolean {
  const log = `${path}-wal`;
  if (statSync(log, { throwIfNoEntry: false })?.isFile() !== true) return true;
  return reading(log, (at, { size }) => {
    const source = { bytes: size, at };
    return size === 0 || soundFrames(source) >= (readWal(source)?.committedFrames ?? Infinity);
  });
}

function beginningOf(path: string): Beginning {
  return reading(path, (at, stats) => ({ stats, bytes: at(0, HEADER_BYTES) }));
}

/** Opens a file for reading, never waiting for one that turned into a pipe meanwhile, and closes it. */
function reading<T>(path: string, use: (at: (offset: number, length: number) => Uint8Array, stats: Stats) => T): T {
  const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const at = (offset: number, length: number): Uint8Array => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
    };
    return use(at, fstatSync(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

function diskOf(path: string): Pick<DatabaseFile, 'disk_free_bytes' | 'network_file_system'> {
  try {
    const { bavail, bsize, type } = statfsSync(path);
    return { disk_free_bytes: bavail * bsize, network_file_system: networkFileSystem(type) ?? null };
  } catch {
    return { disk_free_bytes: null, network_file_system: null };
  }
}

function kindOf(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  return stats.isDirectory() ? 'is a directory; name a file in it' : 'is not a regular file';
}

function failure(path: string, cwd: string, error: unknown): OtherFile {
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case undefined:
      throw error;
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
      return { path, state: 'missing', reason: absence(path, cwd) };
    case 'ELOOP':
      return { path, state: 'unreadable', reason: 'is a symbolic link that leads back to itself' };
    case 'EACCES':
    case 'EPERM':
      return { path, state: 'unreadable', reason: 'may not be read by this user' };
    default:
      return { path, state: 'unreadable', reason: `cannot be read: ${code}` };
  }
}

/** A log without its database still holds what was committed last, until somebody makes a new database beside it. */
function absence(path: string, cwd: string): string {
  return isLogBeside(resolve(cwd, path))
    ? 'does not exist, but its -wal file does: copy that away before anything opens the database, which would delete it'
    : 'does not exist';
}

function isLogBeside(path: string): boolean {
  try {
    const stats = statSync(`${path}-wal`);
    return stats.isFile() && stats.size > 0;
  } catch {
    return false;
  }
}

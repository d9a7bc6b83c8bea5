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
import { statsOf } from './stats.ts';
import { readWal, soundFrames, type Wal } from './wal.ts';

/** The files that SQLite keeps beside a database and that are looked at here. */
const BESIDE = ['-wal', '-journal'] as const;
type Beside = (typeof BESIDE)[number];

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
  const wal = stored.journalMode === 'wal' ? walOf(real) : undefined;
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
    rollback_journal_size_bytes: besideOf(real, '-journal')?.size ?? null,
    rollback_journal_hot: isJournalHot(`${real}-journal`),
    lock_holders: lockHoldersOf(real, header.journalMode, locks),
    ...diskOf(real),
  };
}

function walOf(database: string): { readonly report: WalReport; readonly log: Wal | undefined } | undefined {
  if (besideOf(database, '-wal')?.isFile() !== true) return undefined;
  return reading(`${database}-wal`, (at, { size }) => {
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
  if (statsOf(log)?.isFile() !== true) return true;
  return reading(log, (at, { size }) => {
    const source = { bytes: size, at };
    if (size === 0) return true;
    const { frames = Infinity, committedFrames = frames } = readWal(source) ?? {};
    return soundFrames(source) >= committedFrames;
  });
}

/** The file that SQLite keeps beside a database under this ending; undefined where there is none, and where its name would be too long. */
function besideOf(database: string, ending: Beside): Stats | undefined {
  try {
    return statSync(`${database}${ending}`, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENAMETOOLONG') return undefined;
    throw error;
  }
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
    default:
      return { path, state: 'unreadable', reason: `${besideIn(error)}${obstacle(code)}` };
  }
}

function obstacle(code: string): string {
  switch (code) {
    case 'ELOOP':
      return 'is a symbolic link that leads back to itself';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user';
    default:
      return `cannot be read: ${code}`;
  }
}

/** Words that lead on to the file beside the database which an error is about; none where it is about the database. */
function besideIn(error: unknown): string {
  const { path = '' } = error as NodeJS.ErrnoException;
  const ending = BESIDE.find((one) => path.endsWith(one));
  return ending === undefined ? '' : `has a ${ending} file that `;
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

import Database from 'better-sqlite3';
import { DatabaseError } from '../errors.ts';
import { assertRuntime } from '../runtime-version.ts';

/** The one file that opens SQLite. Everything else gets a handle from here. */
export type SqliteHandle = Database.Database;
export type SqliteStatement = Database.Statement;

/** An error that SQLite itself reported, with its extended result code. */
export const SqliteError: typeof Database.SqliteError = Database.SqliteError;

export interface EngineOptions {
  readonly readonly: boolean;
  /** How long SQLite may sleep for a lock, blocking this thread. */
  readonly busyTimeoutMs: number;
}

/**
 * Opens a file that exists. better-sqlite3 13 crashes the process without a word on an older Node, and SQLite before 3.51.3 loses
 * acknowledged commits when a checkpoint races with a commit of another process (sqlite.org/wal.html, "the WAL-reset bug"), so
 * both are refused before anything is opened.
 */
export function openEngine(path: string, options: EngineOptions): SqliteHandle {
  assertRuntime(process.versions.node);
  const handle = new Database(path, {
    fileMustExist: true,
    readonly: options.readonly,
    timeout: options.busyTimeoutMs,
  });
  return closeUnless(handle, () => {
    assertVersion(String(handle.prepare('SELECT sqlite_version()').pluck().get()));
  });
}

/** Creates an empty database where nothing is. */
export function createEngine(path: string): SqliteHandle {
  assertRuntime(process.versions.node);
  return new Database(path, { timeout: 0 });
}

function closeUnless(handle: SqliteHandle, check: () => void): SqliteHandle {
  try {
    check();
    return handle;
  } catch (error) {
    handle.close();
    throw error;
  }
}

/** Throws `ENGINE_REFUSED` for a SQLite that can lose what it acknowledged: before 3.51.3, but for 3.50.7 and 3.44.6. */
export function assertVersion(version: string): void {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const number = major * 1_000_000 + minor * 1_000 + patch;
  const repaired = number >= 3_051_003 || (minor === 50 && patch >= 7) || (minor === 44 && patch >= 6);
  if (major === 3 && repaired) return;
  throw new DatabaseError('ENGINE_REFUSED', `SQLite ${version} can lose acknowledged commits (its WAL-reset bug)`, {
    advice: 'install a better-sqlite3 that brings SQLite 3.51.3 or newer',
  });
}

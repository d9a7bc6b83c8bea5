import { linkSync, rmSync } from 'node:fs';
import type { Clock } from '@hive/pool';
import type { Durability } from '../database-settings.ts';
import { DatabaseError } from '../errors.ts';
import { createEngine, openEngine, type SqliteHandle } from './engine.ts';
import { PREPARED, sizeOf } from './path.ts';

/** Bytes to which SQLite cuts the `-wal` file when it starts again from the beginning. */
const JOURNAL_SIZE_LIMIT = 64 * 1024 * 1024;
/** How long a synchronous read may sleep for a lock that the recovery after a crash holds. */
export const SYNC_READ_TIMEOUT_MS = 50;

/**
 * Makes a new database appear complete under its name, or not at all: it is prepared beside and linked into place. So a file of
 * zero bytes is never ours and always a sign of damage. Does nothing when somebody else was first.
 */
export function createDatabase(path: string, clock: Clock): void {
  const temporary = `${path}${PREPARED}${process.pid}-${Math.round(clock.now() * 1000)}`;
  try {
    const handle = createEngine(temporary);
    try {
      handle.pragma('journal_mode = WAL');
    } finally {
      handle.close();
    }
    linkSync(temporary, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${temporary}${suffix}`, { force: true });
  }
}

/** `PRAGMA synchronous`: the log is written at COMMIT and synced before a checkpoint. */
const NORMAL = 1;

/** Opens the connection that writes, and reads back what was asked for. */
export function openWriter(name: string, path: string, durability: Durability): SqliteHandle {
  const handle = openEngine(path, { readonly: false, busyTimeoutMs: 0 });
  return closeOnFailure(handle, () => {
    if (
      handle.pragma('journal_mode', { simple: true }) !== 'wal' &&
      handle.pragma('journal_mode = WAL', { simple: true }) !== 'wal'
    )
      throw new DatabaseError('FILESYSTEM', `${path} cannot be switched to write-ahead logging`, {
        database: name,
        advice: 'put it on a local disk',
      });
    // What `full` promises beyond that is done after COMMIT and before anybody is told (docs/decisions/0011).
    handle.pragma(`synchronous = ${NORMAL}`);
    // Only macOS has fullfsync; elsewhere it is accepted and means nothing.
    handle.pragma(`fullfsync = ${durability === 'full' ? 1 : 0}`);
    handle.pragma('foreign_keys = ON');
    handle.pragma('trusted_schema = OFF');
    handle.pragma('cell_size_check = ON');
    handle.pragma(`journal_size_limit = ${JOURNAL_SIZE_LIMIT}`);
    if (handle.pragma('synchronous', { simple: true }) !== NORMAL)
      throw new DatabaseError('CONFIG', `durability "${durability}" was asked for and SQLite did not take it`, {
        database: name,
      });
    // Reads a page, so that a file that is no database, or a shorter one than its header says, is found out here.
    handle.prepare('SELECT count(*) FROM sqlite_schema').get();
    assertWhole(name, path, Number(handle.pragma('page_size', { simple: true })));
  });
}

/**
 * Refuses a file that was cut off within its last page: SQLite would take what is missing for zeros. While there is something in the log
 * somebody may be bringing that page into the file, or have been stopped in the middle of it; then the log still has all of it.
 */
function assertWhole(name: string, path: string, pageBytes: number): void {
  const excess = (sizeOf(path) ?? 0) % pageBytes;
  if (excess === 0 || (sizeOf(`${path}-wal`) ?? 0) > 0) return;
  throw new DatabaseError('CORRUPT', `${path} ends in the middle of a page: it was cut short`, {
    database: name,
    advice: 'restore a backup, or recover what can be read with the sqlite3 shell; the file was not touched',
  });
}

/** Opens a connection that can only read, twice over: by how it is opened and by a pragma. */
export function openReader(path: string, busyTimeoutMs: number): SqliteHandle {
  const handle = openEngine(path, { readonly: true, busyTimeoutMs });
  return closeOnFailure(handle, () => {
    handle.pragma('query_only = ON');
    handle.pragma('trusted_schema = OFF');
    handle.pragma('cell_size_check = ON');
  });
}

function closeOnFailure(handle: SqliteHandle, prepare: () => void): SqliteHandle {
  try {
    prepare();
    return handle;
  } catch (error) {
    handle.close();
    throw error;
  }
}

import type { Holding } from './locks.ts';

/** What a file that was named turned out to be. What cannot be known is null. */
export type FileReport = DatabaseFile | OtherFile;

/** What is known of a SQLite database beside where it is. */
export type DatabaseFacts = Omit<DatabaseFile, 'path' | 'state'>;

/** A SQLite database, as its bytes, `stat` and /proc tell; it was not opened. */
export interface DatabaseFile {
  readonly path: string;
  readonly state: 'database';
  readonly size_bytes: number;
  readonly page_size_bytes: number;
  /** As last committed, in the file or its log. */
  readonly page_count: number | null;
  readonly free_pages: number;
  readonly journal_mode: 'wal' | 'rollback';
  readonly text_encoding: string | null;
  readonly user_version: number;
  readonly application_id: number;
  /** Of the library that wrote last. */
  readonly sqlite_version: string | null;
  /** The write-ahead log beside it; null where there is none. */
  readonly wal: WalReport | null;
  /** Size of the rollback journal beside it; null where there is none. */
  readonly rollback_journal_size_bytes: number | null;
  /** Whether it holds what a transaction was changing; null where there is none, and where it may not be read. */
  readonly rollback_journal_hot: boolean | null;
  /** Who has locks on it, in this pid namespace; null where the system does not tell. */
  readonly lock_holders: readonly LockHolder[] | null;
  readonly disk_free_bytes: number | null;
  /** The file system by name where it is one of a network, on which the locks of SQLite do not hold; otherwise null. */
  readonly network_file_system: string | null;
}

export interface WalReport {
  readonly size_bytes: number;
  /** Null where it is no log that SQLite would read. */
  readonly frames: number | null;
  /** Null as well where a hundred thousand frames came after the last commit. */
  readonly committed_frames: number | null;
}

export interface LockHolder {
  readonly pid: number;
  readonly command: string | null;
  readonly holds: readonly Holding[];
}

/** Anything else. `empty` has no byte; `damaged` was a database; `foreign` is none. The reason completes a sentence about it. */
export interface OtherFile {
  readonly path: string;
  readonly state: 'empty' | 'damaged' | 'foreign' | 'missing' | 'unreadable';
  readonly reason: string;
}

import type { Database, WriteOptions } from '../database.ts';
import type { Row } from '../driver/driver.ts';
import type { OffloadOptions, OffloadParameters } from '../offload/offloaded-reads.ts';
import type { SyncConnection, SyncTransaction } from './sync-scope.ts';

/** A named database in one SQLite file. */
export interface SqliteDatabase extends Database {
  /**
   * Runs a synchronous function, all or nothing, acknowledged after COMMIT when it will last as the durability says. Those that wait
   * together share a transaction and are undone each by itself. The function may be run again, when the lock was lost or another in its
   * group has failed, so its only effects should be statements. Alone it costs about half as much again as the bare transaction.
   */
  write<T>(label: string, fn: (tx: SyncTransaction) => T, options?: WriteOptions): Promise<T>;
  /**
   * Runs a synchronous function on a reader kept for it, each statement on the newest state. Never waits but for a recovery after
   * a crash, and then 50 ms at most. The cheapest way to read: about the price of the bare statement.
   */
  readSync<T>(label: string, fn: (connection: SyncConnection) => T): T;
  /**
   * Runs one statement that only reads in a worker thread, on the newest state, and resolves with its rows as `all` gives them. For what
   * takes long, or much at once: a row by its key costs three times as much as here, but the event loop does not wait for any of it.
   */
  offload<T = Row>(label: string, sql: string, params?: OffloadParameters, options?: OffloadOptions): Promise<T[]>;
}

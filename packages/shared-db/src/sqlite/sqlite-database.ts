import type { ChangeListener, ChangeOptions, StopListening } from '../changes/database-change.ts';
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
   * a crash, and then 50 ms at most. The cheapest way to read: about the price of the bare statement. All of them are given one handle, for a new
   * one would cost a twentieth more: it throws outside of such a function, but inside a later one it reads, whoever has kept it.
   */
  readSync<T>(label: string, fn: (connection: SyncConnection) => T): T;
  /**
   * Runs one statement that only reads in a worker thread, on the newest state, and resolves with its rows as `all` gives them. For what
   * takes long, or much at once: a row by its key costs three times as much as here, but the event loop does not wait for any of it.
   */
  offload<T = Row>(label: string, sql: string, params?: OffloadParameters, options?: OffloadOptions): Promise<T[]>;
  /**
   * Calls the listener after every change, until it is stopped (by what this returns, or by `signal`) or the database is closed. Whatever is
   * committed after this has returned is told, by this process within some milliseconds, by any other within 300 ms, as long as the event
   * loop turns; several commits are told with one call, 20 ms apart at least. Now and then it is called though there is nothing new: after
   * the database was opened again (`unseen`), or when its log was cut. What it commits itself, it is told of, too.
   *
   * It is called from a timer, in the async context in which it was given, never inside a commit; what it throws is logged, and whoever
   * writes never hears of it. It keeps no process alive. While somebody listens the database is looked at ten times a second, for
   * 6 µs each where the process is awake and 50 µs where it was asleep, on a connection of its own (two descriptors); while nobody does,
   * nothing is done at all. One by pattern stays open while somebody listens to it, and who listens waits for its place.
   *
   * Throws `WRONG_USE` for what is no function and inside a write function, `CONFIG` for an unknown option, and `POOL_CLOSED` after the end.
   */
  onChange(listener: ChangeListener, options?: ChangeOptions): StopListening;
}

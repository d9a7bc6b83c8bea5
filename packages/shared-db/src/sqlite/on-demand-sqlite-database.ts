import type { WriteOptions } from '../database.ts';
import { NO_OPTIONS } from '../driver/call-options.ts';
import type { Row } from '../driver/driver.ts';
import type { OffloadOptions, OffloadParameters } from '../offload/offloaded-reads.ts';
import { OnDemandDatabase } from '../on-demand/on-demand-database.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
import type { SyncConnection, SyncTransaction } from './sync-scope.ts';

/** A database in a SQLite file that is opened when it is used. `readSync` opens nothing: it works while the file is open. */
export class OnDemandSqliteDatabase extends OnDemandDatabase<SqliteDatabase> implements SqliteDatabase {
  write<T>(label: string, fn: (tx: SyncTransaction) => T, options: WriteOptions = NO_OPTIONS): Promise<T> {
    return this.use(label, options, (database, rest) => database.write(label, fn, rest));
  }

  readSync<T>(label: string, fn: (connection: SyncConnection) => T): T {
    return this.assertOpenForUse('readSync').readSync(label, fn);
  }

  offload<T = Row>(
    label: string,
    sql: string,
    params?: OffloadParameters,
    options: OffloadOptions = NO_OPTIONS,
  ): Promise<T[]> {
    return this.use(label, options, (database, rest) => database.offload<T>(label, sql, params, rest));
  }
}

import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChangeListener, ChangeOptions, StopListening } from '../changes/database-change.ts';
import type { WriteOptions } from '../database.ts';
import { checkChangeOptions, NO_OPTIONS } from '../driver/call-options.ts';
import type { Row } from '../driver/driver.ts';
import { notAFunction } from '../driver/given-function.ts';
import type { OffloadOptions, OffloadParameters } from '../offload/offloaded-reads.ts';
import { OnDemandDatabase } from '../on-demand/on-demand-database.ts';
import { WATCHING } from './own-labels.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
import type { SyncConnection, SyncTransaction } from './sync-scope.ts';

/** A database in a SQLite file that is opened when it is used. `readSync` opens nothing: it works while the file is open. */
export class OnDemandSqliteDatabase extends OnDemandDatabase<SqliteDatabase> implements SqliteDatabase {
  write<T>(label: string, fn: (tx: SyncTransaction) => T, options: WriteOptions = NO_OPTIONS): Promise<T> {
    return this.use(label, options, (database, rest) => database.write(label, fn, rest));
  }

  readSync<T>(label: string, fn: (connection: SyncConnection) => T): T {
    return this.assertOpen('readSync').readSync(label, fn);
  }

  offload<T = Row>(
    label: string,
    sql: string,
    params?: OffloadParameters,
    options: OffloadOptions = NO_OPTIONS,
  ): Promise<T[]> {
    return this.use(label, options, (database, rest) => database.offload<T>(label, sql, params, rest));
  }

  /** Keeps it open; who listens before it has a place is called once when it has. */
  onChange(listener: ChangeListener, options: ChangeOptions = NO_OPTIONS): StopListening {
    if (typeof listener !== 'function') throw notAFunction(listener, 'onChange').at(this.name, undefined);
    checkChangeOptions(options, this.name);
    const { signal: given, initially = false } = options;
    const own = new AbortController();
    const { signal } = own;
    const stop = (): void => {
      given?.removeEventListener('abort', stop);
      own.abort();
    };
    // The listener's own context: it may be called when somebody else's call has opened the database.
    const bound = AsyncLocalStorage.bind(listener);
    if (given?.aborted !== true) {
      this.keep(WATCHING.text, signal, (database, isLate) => {
        database.onChange(bound, { signal, initially: initially || isLate });
      });
      given?.addEventListener('abort', stop, { once: true });
    }
    return Object.assign(stop, { [Symbol.dispose]: stop });
  }
}

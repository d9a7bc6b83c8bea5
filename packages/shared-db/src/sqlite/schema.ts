import type { DatabaseContext } from '../database.ts';
import type { Failures } from '../driver/failures.ts';
import type { Transactions } from '../driver/transactions.ts';
import { isKind } from '../errors.ts';
import type { LogSync } from '../lane/log-sync.ts';
import type { SqliteConnection } from './connection.ts';
import type { SqliteDriverConnection } from './driver.ts';
import { checkMigrations, migrate, migratedSince, refusedAtCommit, type Migration } from './migrations.ts';
import { OPENING } from './own-labels.ts';
import { SyncScope, type SyncTransaction } from './sync-scope.ts';

/** So long after somebody has made a schema he may still be syncing it. */
const FRESH_MS = 60_000;

/** The database whose schema it is. */
export interface SchemaHost {
  readonly context: DatabaseContext;
  readonly failures: Failures;
  readonly transactions: Transactions;
}

/** The schema that the code expects of a file, and how the file comes by it. */
export class Schema {
  readonly #host: SchemaHost;
  readonly #migrations: readonly Migration[];

  constructor(host: SchemaHost, migrations: readonly Migration[]) {
    this.#host = host;
    this.#migrations = migrations;
  }

  /** Throws `MIGRATION` for a list that could not be applied to any file. */
  check(): void {
    checkMigrations(this.#host.context.name, this.#migrations);
  }

  /**
   * Applies what is missing, all of it or nothing. Throws what the engine says where somebody else has the lock: it can be tried again.
   * Where nothing is missing, which is nearly always, no lock is taken: whoever has it may keep it for long.
   */
  bringUpToDate({ sync: connection, log }: SqliteDriverConnection): void {
    if (this.#migrations.length === 0) return;
    const found = this.#look(connection);
    if (found === undefined) this.#migrate(connection, log);
    // What is seen need not be on the disk.
    else if (found.isRecent) this.#sync(log);
  }

  /** Looks beside whoever writes. What that runs is no statement of anybody's, and is not counted as one. */
  #look({ raw }: SqliteConnection): { readonly isRecent: boolean } | undefined {
    const { name, clock } = this.#host.context;
    const all = (sql: string): readonly object[] => raw.prepare(sql).all() as readonly object[];
    raw.exec('BEGIN');
    try {
      return migratedSince(name, all, this.#migrations, clock.wallTime() - FRESH_MS);
    } finally {
      if (raw.inTransaction) raw.exec('ROLLBACK');
    }
  }

  /** Looks again, with the lock: another process may have done it by now. */
  #migrate(connection: SqliteConnection, log: LogSync | undefined): void {
    const { context, failures, transactions } = this.#host;
    connection.control('BEGIN IMMEDIATE');
    const scope = new SyncScope(connection, (error) => failures.explain(error, 'statement', OPENING), 'transaction');
    try {
      const now = context.clock.wallTime();
      const applied = migrate(context.name, scope, this.#migrations, now);
      const isFresh = isMadeSince(scope, now - FRESH_MS);
      this.#commit(connection, applied);
      if (isFresh) this.#sync(log);
      transactions.runCallbacks(scope.callbacks, OPENING);
      if (applied.length > 0) this.#say(applied);
    } catch (error) {
      connection.closeIterators();
      if (connection.inTransaction) connection.control('ROLLBACK');
      throw error;
    } finally {
      scope.end();
    }
  }

  #commit(connection: SqliteConnection, applied: readonly Migration[]): void {
    try {
      connection.control('COMMIT');
    } catch (error) {
      const { context, failures } = this.#host;
      const explained = failures.explain(error, 'commit', undefined);
      if (isKind(explained, 'CONSTRAINT')) throw refusedAtCommit(context.name, applied, explained);
      throw isKind(explained, 'OUTCOME_UNKNOWN') ? explained : error;
    }
  }

  #sync(log: LogSync | undefined): void {
    try {
      log?.syncNow();
    } catch (error) {
      throw this.#host.failures.explain(error, 'commit', undefined);
    }
  }

  #say(applied: readonly Migration[]): void {
    const { name: database, logger } = this.#host.context;
    logger.info({ database, migrations: applied.map(({ name }) => name) }, 'schema migrated');
  }
}

/** Whether by us or by another process: what is seen need not be on the disk. */
function isMadeSince(tx: SyncTransaction, moment: number): boolean {
  return tx.get('SELECT 1 FROM _hive_migrations WHERE applied_at >= ?', moment) !== undefined;
}

import type { DatabaseContext } from '../database.ts';
import type { Calls } from '../driver/calls.ts';
import type { Counters } from '../driver/counters.ts';
import type { Row } from '../driver/driver.ts';
import type { Failures } from '../driver/failures.ts';
import type { Lifecycle } from '../driver/lifecycle.ts';
import type { LockWaits } from '../driver/lock-waits.ts';
import { whenFree } from '../driver/patience.ts';
import type { Label } from '../labels.ts';
import { OffloadedReads, type OffloadOptions, type OffloadParameters } from '../offload/offloaded-reads.ts';
import type { Statements } from '../statements.ts';
import { SqliteConnection } from './connection.ts';
import type { IntegerMode } from './integers.ts';
import { openReader, SYNC_READ_TIMEOUT_MS } from './open.ts';
import type { SyncConnection } from './sync-scope.ts';
import { SynchronousReader } from './synchronous-reader.ts';
import type { WatchedFile } from './watched-file.ts';

/** The database that is read. */
export interface UnpooledReadsHost {
  readonly context: DatabaseContext;
  readonly counters: Counters;
  readonly lifecycle: Lifecycle;
  readonly failures: Failures;
  readonly calls: Calls;
  readonly lockWaits: LockWaits;
  readonly statements: Statements;
  readonly file: WatchedFile;
  readonly integers: IntegerMode;
}

/** Reads that borrow no connection of the pool: on one that is kept for them in this thread, and in other threads and processes. */
export class UnpooledReads {
  readonly #host: UnpooledReadsHost;
  readonly #synchronous: SynchronousReader;
  readonly #offloaded: OffloadedReads;

  constructor(host: UnpooledReadsHost) {
    this.#host = host;
    this.#synchronous = newSynchronousReader(host);
    this.#offloaded = newOffloadedReads(host);
  }

  sync<T>(label: Label, fn: (connection: SyncConnection) => T): T {
    return this.#synchronous.read(label, fn);
  }

  offload(label: string, sql: string, params: OffloadParameters, options: OffloadOptions): Promise<Row[]> {
    const { calls, lockWaits } = this.#host;
    return calls.run(label, options, 'offloads', (call) => {
      const untilFree = (again: () => Promise<Row[]>): Promise<Row[]> => whenFree(again, lockWaits.patience(call));
      return this.#offloaded.all(call.label, { sql, params, options }, untilFree);
    });
  }

  /** Closes the connection in this thread, unless a function further up the stack is using it. The next read opens it again. */
  closeIdle(): void {
    this.#synchronous.closeIdle();
  }

  /** Closes the connections that are open now; reads elsewhere may go on for `graceMs`. The next read opens others. */
  renew(graceMs: number): Promise<void> {
    this.#synchronous.close();
    return this.#offloaded.renew(graceMs);
  }

  /** The same for good: nothing is read elsewhere any more. */
  close(graceMs: number): Promise<void> {
    this.#synchronous.close();
    return this.#offloaded.close(graceMs);
  }
}

function newSynchronousReader(host: UnpooledReadsHost): SynchronousReader {
  const { context, counters, failures, lifecycle, statements, file, integers } = host;
  return new SynchronousReader({
    activity: context.activity,
    failures,
    open: (label) => {
      lifecycle.assertReady();
      file.assertMayOpen('read', label);
      return new SqliteConnection(openReader(file.path, SYNC_READ_TIMEOUT_MS), integers, statements);
    },
    begun: () => {
      counters.synchronousReads++;
    },
  });
}

function newOffloadedReads({ context, failures, statements, file, integers }: UnpooledReadsHost): OffloadedReads {
  const assertSame = (): void => {
    file.assertMayOpen('read');
  };
  const database = { name: context.name, path: file.path, integers, assertSame };
  return new OffloadedReads(context, database, statements, failures);
}

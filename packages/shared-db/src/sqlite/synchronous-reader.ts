import type { Activity } from '../activity.ts';
import { assertFunction } from '../driver/given-function.ts';
import type { Failures } from '../driver/failures.ts';
import type { Label } from '../labels.ts';
import type { SqliteConnection } from './connection.ts';
import { synchronous, SyncScope, type SyncConnection } from './sync-scope.ts';

/** The database that is read. */
export interface SynchronousReaderHost {
  readonly activity: Activity;
  readonly failures: Failures;
  /** Throws where the database is not ready, or its file not what it was. */
  open(label: Label): SqliteConnection;
  /** Told of each read that begins. */
  begun(): void;
}

/** The connection that reads while its caller stands still, opened at its first use. The functions that it runs may call it again. */
export class SynchronousReader {
  readonly #host: SynchronousReaderHost;
  #connection: SqliteConnection | undefined;
  /** Of functions within functions, the innermost last. Each has its own: one that is kept must not be good again in the next. */
  readonly #scopes: SyncScope[] = [];
  /** Of the innermost. */
  #label: Label | undefined;
  readonly #explain = (error: unknown): unknown => this.#host.failures.explain(error, 'statement', this.#label);

  constructor(host: SynchronousReaderHost) {
    this.#host = host;
  }

  read<T>(label: Label, fn: (connection: SyncConnection) => T): T {
    const connection = this.#connection ?? this.#open(label);
    const scope = new SyncScope(connection, this.#explain, 'statement');
    const { activity, failures } = this.#host;
    this.#host.begun();
    const outer = this.#label;
    const outerActivity = activity.label(label.id);
    const startedAt = label.stopwatch.start();
    this.#label = label;
    this.#scopes.push(scope);
    try {
      assertFunction(fn, 'readSync', this.#explain);
      return synchronous(fn(scope), 'readSync', this.#explain);
    } catch (error) {
      throw failures.passedOn(error, label);
    } finally {
      label.stopwatch.stop(startedAt);
      this.#label = outer;
      activity.label(outerActivity);
      scope.end();
      this.#scopes.pop();
      if (this.#scopes.length === 0) this.#connection?.closeIterators();
    }
  }

  /** The next read opens it again. */
  close(): void {
    for (const scope of this.#scopes) scope.end();
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** The same, unless a function further up the stack is using it. */
  closeIdle(): void {
    if (this.#scopes.length === 0) this.close();
  }

  #open(label: Label): SqliteConnection {
    const { failures } = this.#host;
    try {
      this.#connection = this.#host.open(label);
      return this.#connection;
    } catch (error) {
      throw failures.told(failures.explain(error, 'connect', label), label);
    }
  }
}

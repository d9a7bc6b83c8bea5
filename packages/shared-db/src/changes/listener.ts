import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChangeListener, DatabaseChange } from './database-change.ts';

type Cause = DatabaseChange['cause'];

/** What a listener is given by who watches for it. */
export interface ListenerHost {
  readonly database: string;
  /** What it has thrown or rejected with. */
  failed(error: unknown): void;
}

/** Somebody who wants to hear of changes, what he has not been told yet, and whether he is still busy with the last one. */
export class Listener {
  readonly #call: ChangeListener;
  readonly #host: ListenerHost;
  #owed: Cause | undefined;
  #isBusy = false;

  constructor(listener: ChangeListener, host: ListenerHost) {
    // In the context of who listens, not of whoever happens to write.
    this.#call = AsyncLocalStorage.bind(listener);
    this.#host = host;
  }

  /** There is something to be told. What was not certain stays so. */
  owe(cause: Cause): void {
    if (this.#owed !== 'unseen') this.#owed = cause;
  }

  /** Tells it, unless there is nothing, or it is busy. Never throws. */
  tell(): void {
    if (this.#owed === undefined || this.#isBusy) return;
    const change = Object.freeze({ database: this.#host.database, cause: this.#owed });
    this.#owed = undefined;
    try {
      const result = this.#call(change);
      if (result instanceof Promise) void this.#follow(result);
    } catch (error) {
      this.#host.failed(error);
    }
  }

  async #follow(busy: Promise<unknown>): Promise<void> {
    this.#isBusy = true;
    try {
      await busy;
    } catch (error) {
      this.#host.failed(error);
    }
    this.#isBusy = false;
  }
}

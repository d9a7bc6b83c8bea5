import type { DatabaseContext } from '../database.ts';
import { DatabaseError } from '../errors.ts';
import type { Label } from '../labels.ts';
import type { DatabaseStatus } from '../snapshot.ts';

/** A database that failed to open is tried again by the first caller after this. */
const REOPEN_AFTER_MS = 1_000;

type State =
  | { readonly status: 'opening' }
  | { readonly status: 'open' }
  | { readonly status: 'fenced'; readonly failure: DatabaseError }
  | { readonly status: 'failed'; readonly failure: DatabaseError; readonly retryAt: number }
  | { readonly status: 'closed' };

/** What opening consists of. */
export interface OpeningSteps {
  /** What is done before anybody may use the database. Rejects with why nobody can. */
  readonly prepare: () => Promise<void>;
  /** Told when it has become usable. */
  readonly opened: () => void;
  /** Makes the failure that everybody is told when `prepare` has rejected. */
  readonly explain: (error: unknown) => DatabaseError;
}

/** Whether one database can be used, and why not: opening, open, fenced for writes, failed, closed. */
export class Lifecycle {
  readonly #context: DatabaseContext;
  readonly #steps: OpeningSteps;
  #state: State = { status: 'opening' };
  #opening: Promise<void> | undefined;
  /** Why it could not be opened, as the log has it. */
  #told: string | undefined;

  constructor(context: DatabaseContext, steps: OpeningSteps) {
    this.#context = context;
    this.#steps = steps;
  }

  get status(): DatabaseStatus {
    return this.#state.status;
  }

  /** Whether it can be used without waiting for it. */
  get isReady(): boolean {
    return this.#state.status === 'open' || this.#state.status === 'fenced';
  }

  /** Why it cannot be used, or cannot be written. */
  get failure(): DatabaseError | undefined {
    const state = this.#state;
    return state.status === 'failed' || state.status === 'fenced' ? state.failure : undefined;
  }

  /** Opens it; who calls meanwhile waits for the same attempt. Rejects with the reason, and can be called again. */
  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    this.assertNotClosed();
    try {
      await this.#steps.prepare();
      this.assertNotClosed();
    } catch (error) {
      const failure = this.#steps.explain(error);
      this.#tell(failure);
      if (this.#state.status !== 'closed')
        this.#state = { status: 'failed', failure, retryAt: this.#context.clock.now() + REOPEN_AFTER_MS };
      throw failure;
    }
    this.#state = { status: 'open' };
    this.#steps.opened();
  }

  /** Of one by pattern nobody else does: the service opens none of them itself. The same is said once. */
  #tell(failure: DatabaseError): void {
    const { name, part, logger } = this.#context;
    if (part === undefined || this.#state.status === 'closed' || this.#told === failure.message) return;
    this.#told = failure.message;
    logger.error({ database: name, err: failure }, 'a database cannot be opened');
  }

  close(): void {
    this.#state = { status: 'closed' };
  }

  /** Stops writes until the database has been closed, reopened and verified. */
  fence(failure: DatabaseError): void {
    if (this.#state.status !== 'open') return;
    this.#state = { status: 'fenced', failure };
    const { name, logger } = this.#context;
    logger.error({ database: name, code: failure.code }, `writes are stopped: ${failure.message}`);
  }

  /** Lets writes go on, after that. `how` says in the log why. */
  resume(how: string): void {
    if (this.#state.status !== 'fenced') return;
    this.#state = { status: 'open' };
    const { name, logger } = this.#context;
    logger.info({ database: name }, `writes go on: ${how}`);
  }

  /** Waits until the database is open; a failed one is opened again when its pause is over. */
  async ready(): Promise<void> {
    const state = this.#state;
    switch (state.status) {
      case 'open':
      case 'fenced':
        return;
      case 'closed':
        throw this.#closedError();
      case 'failed':
        if (this.#context.clock.now() < state.retryAt) throw state.failure;
        await this.open();
        return;
      case 'opening':
        await this.open();
    }
  }

  /** The same for callers that cannot wait: throws unless the database is open. A failed one is opened again meanwhile. */
  assertReady(): void {
    if (this.isReady) return;
    const opening = this.ready();
    opening.catch(() => undefined);
    this.assertNotClosed();
    if (this.#state.status === 'failed') throw this.#state.failure;
    throw new DatabaseError('POOL_CLOSED', 'the database is still being opened', {
      database: this.#context.name,
      advice: 'wait for openDatabaseService, or use read(), which waits',
    });
  }

  assertWritable(label: Label): void {
    if (this.#state.status !== 'fenced') return;
    throw new DatabaseError('FENCED', `writes have been stopped since ${this.#state.failure.message}`, {
      database: this.#context.name,
      label: label.text,
      cause: this.#state.failure,
      advice: 'remove the cause; the file is then verified and written again by itself, and reads go on meanwhile',
    });
  }

  /** Throws `POOL_CLOSED` when it is over. */
  assertNotClosed(): void {
    if (this.#state.status === 'closed') throw this.#closedError();
  }

  #closedError(): DatabaseError {
    return new DatabaseError('POOL_CLOSED', 'the service has been closed', { database: this.#context.name });
  }
}

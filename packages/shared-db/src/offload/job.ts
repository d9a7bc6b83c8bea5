import type { Bindable, Row } from '../driver/driver.ts';
import type { DatabaseError } from '../errors.ts';
import type { IntegerMode } from '../sqlite/integers.ts';
import type { ReadFailure } from './message.ts';

/** A database that is read elsewhere. Its identity is the object. */
export interface OffloadedDatabase {
  readonly name: string;
  readonly path: string;
  readonly integers: IntegerMode;
  /** Throws where no connection may be opened: the file is not the one that it was. Called before one is. */
  assertSame(): void;
}

/** What is to be read, and for how long somebody waits for it. */
export interface Order {
  readonly database: OffloadedDatabase;
  readonly label: string;
  /** As it is shown: the beginning of its text. */
  readonly statement: string;
  readonly sql: string;
  readonly params: readonly Bindable[];
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  /** When it was asked for, on the clock of the system. */
  readonly at: number;
}

/** Whoever waits is told one of these, once. `ms` is how long the statement took. */
export interface Outcome {
  readonly done: (rows: Row[], ms: number) => void;
  readonly failed: (failure: ReadFailure, ms: number) => void;
  readonly refused: (error: DatabaseError) => void;
}

/** An order until it is settled: what comes later is dropped. */
export class Job {
  readonly order: Order;
  readonly #outcome: Outcome;
  /** Most have one: no list is made for it. */
  #listener: ((job: Job) => void) | undefined;
  /** How it was settled; undefined while somebody waits for it. */
  settled: keyof Outcome | undefined;
  /** How long the statement took, once it is known. */
  ms = 0;

  constructor(order: Order, outcome: Outcome) {
    this.order = order;
    this.#outcome = outcome;
  }

  get deadline(): number {
    return this.order.at + this.order.timeoutMs;
  }

  done(rows: () => Row[], ms: number): void {
    if (this.#settle('done', ms)) this.#outcome.done(rows(), ms);
  }

  failed(failure: ReadFailure, ms: number): void {
    if (this.#settle('failed', ms)) this.#outcome.failed(failure, ms);
  }

  refuse(error: () => DatabaseError): void {
    if (this.#settle('refused', 0)) this.#outcome.refused(error());
  }

  /** Calls back when it is settled. */
  onSettled(listener: (job: Job) => void): void {
    const before = this.#listener;
    this.#listener =
      before === undefined
        ? listener
        : (job) => {
            before(job);
            listener(job);
          };
  }

  #settle(how: keyof Outcome, ms: number): boolean {
    if (this.settled !== undefined) return false;
    this.settled = how;
    this.ms = ms;
    this.#listener?.(this);
    return true;
  }
}

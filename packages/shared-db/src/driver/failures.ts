import { PoolError, type Clock } from '@hive/pool';
import { ownCallSiteOf } from '../call-site.ts';
import type { DatabaseContext } from '../database.ts';
import {
  DatabaseError,
  isKind,
  type Culprit,
  type DatabaseErrorCode,
  type ErrorKind,
  type WaiterAhead,
} from '../errors.ts';
import type { Label, Labels } from '../labels.ts';
import type { RefusedWrites } from '../snapshot.ts';
import type { Driver, Failure, Phase } from './driver.ts';

/** What to do about a failure of a statement or a file. */
const ADVICE: Readonly<Partial<Record<ErrorKind, string>>> = {
  DISK_FULL: 'free space on the disk; a write is rolled back then, and reads go on where they need no room',
  IO: 'look at the disk and the kernel log; writes stop until the database has been reopened and verified',
  CORRUPT: 'restore a backup, or recover what can be read with the sqlite3 shell; nothing is deleted by this service',
  NOT_A_DATABASE: 'check the path; the file was not touched',
  PERMISSION: 'give the user of this process the right to read and write the file and its directory',
  OUTCOME_UNKNOWN: 'read back whether the rows are there before writing them again',
  READ_ONLY: 'use write() or transaction() to change data',
};

/** What went wrong on one database: told in the terms of `DatabaseError`, and counted. */
export class Failures {
  readonly #database: string;
  readonly #app: string | undefined;
  readonly #labels: Labels;
  readonly #driver: Driver;
  readonly #fence: (failure: DatabaseError) => void;
  readonly #clock: Clock;
  readonly #counts: Partial<Record<DatabaseErrorCode, number>> = {};
  #refused: { readonly failure: DatabaseError; readonly since: number; readonly count: number } | undefined;

  /** @param fence stops writes, after a failure that says that the file cannot be trusted. */
  constructor(
    { name, app, labels, clock }: Pick<DatabaseContext, 'name' | 'app' | 'labels' | 'clock'>,
    driver: Driver,
    fence: (failure: DatabaseError) => void,
  ) {
    this.#database = name;
    this.#app = app;
    this.#labels = labels;
    this.#clock = clock;
    this.#driver = driver;
    this.#fence = fence;
  }

  /** Turns what a pool or a driver threw into a `DatabaseError`; leaves everything else as it is. */
  explain(error: unknown, during: Phase, label: Label | undefined): unknown {
    const details = { database: this.#database, label: label?.text, cause: error };
    // Aborted by us: it would have waited for ever.
    if (error instanceof PoolError && isKind(error.cause, 'SELF_DEADLOCK')) return error.cause;
    if (error instanceof PoolError)
      return new DatabaseError(error.code, sentenceOf(error), {
        ...details,
        cause: error.cause ?? error,
        culprits: this.#holdersOf(error),
        waiters: this.#waitersOf(error),
        advice: this.#adviceOn(error),
      });
    if (error instanceof DatabaseError) return during === 'statement' ? error.at(this.#database, label?.text) : error;
    const failure = this.#classified(error, during);
    if (failure === undefined) return error;
    const explained = new DatabaseError(failure.kind, failure.message, { ...details, advice: ADVICE[failure.kind] });
    if (failure.fences) this.#fence(explained);
    return explained;
  }

  #holdersOf({ holders }: PoolError): readonly Culprit[] {
    return holders.map((holder) => {
      const callSite = this.#labels.placeOf(holder);
      return {
        ...this.#ourselves(holder.owner),
        heldMs: holder.ageMs,
        ...(callSite === undefined ? {} : { callSite }),
      };
    });
  }

  #waitersOf({ ahead }: PoolError): readonly WaiterAhead[] {
    return ahead.map(({ owner, waitMs }) => ({ ...this.#ourselves(owner), waitMs }));
  }

  #ourselves(label: string | undefined): { readonly pid: number; readonly app?: string; readonly label?: string } {
    return {
      pid: process.pid,
      ...(this.#app === undefined ? {} : { app: this.#app }),
      ...(label === undefined ? {} : { label }),
    };
  }

  /** What to do where connections are all taken. */
  #adviceOn({ code, holders }: PoolError): readonly string[] | undefined {
    if (code !== 'POOL_TIMEOUT' && code !== 'OVERLOADED') return undefined;
    const [longest] = holders;
    return [
      `hive-db why ${this.#database} says who is in the way`,
      ...(longest?.owner === undefined ? [] : [`end "${longest.owner}" sooner, or give it a limit`]),
      'give callers a longer timeoutMs, or fewer of them; a larger poolSize helps only where many short uses meet',
    ];
  }

  /** The same for what a caller is going to be told: it counts as a failed call. */
  told(error: unknown, label: Label): unknown {
    return this.passedOn(this.explain(error, 'begin', label), label);
  }

  /** Counts a failed call whose error is told as it is: explained already, or of the caller's own function. */
  passedOn(error: unknown, label: Label): unknown {
    label.failures++;
    if (!(error instanceof DatabaseError)) return error;
    this.#counts[error.code] = (this.#counts[error.code] ?? 0) + 1;
    if (error.kind === 'DISK_FULL' && error.database === this.#database) this.#refuse(error);
    return error;
  }

  #refuse(failure: DatabaseError): void {
    this.#refused ??= { since: this.#clock.now(), failure, count: 0 };
    this.#refused = { ...this.#refused, failure, count: this.#refused.count + 1 };
  }

  /** A write was committed: there is space again. */
  committed(): void {
    this.#refused = undefined;
  }

  /** The writes that a full disk has refused since the last one was committed. */
  get refused(): RefusedWrites | undefined {
    if (this.#refused === undefined) return undefined;
    const { failure, count, since } = this.#refused;
    return Object.freeze({ code: failure.code, message: failure.message, count, sinceMs: this.#clock.now() - since });
  }

  /** Why the database cannot be opened. */
  ofOpening(error: unknown): DatabaseError {
    const explained = this.explain(error, 'connect', undefined);
    if (!(explained instanceof DatabaseError))
      return new DatabaseError('CREATE_FAILED', explained instanceof Error ? explained.message : String(explained), {
        database: this.#database,
        cause: explained,
      });
    // A connection that could not be made says what the engine said; the pool only says that it failed.
    const { cause } = explained;
    return explained.kind === 'CREATE_FAILED' && cause instanceof DatabaseError ? cause : explained;
  }

  /** Whether an error, explained or not, says that its connection is of no more use. */
  isLost(error: unknown): boolean {
    const cause = error instanceof DatabaseError ? error.cause : error;
    return this.#classified(cause, 'statement')?.lost === true;
  }

  /** Whether an error says that somebody else holds a lock. */
  isBusy(error: unknown): boolean {
    return this.#classified(error, 'begin')?.busy === true;
  }

  /** A driver is asked about whatever callers throw; that it stumbles over it must not cost a connection. */
  #classified(error: unknown, during: Phase): Failure | undefined {
    try {
      return this.#driver.classify(error, during);
    } catch {
      return undefined;
    }
  }

  /** How many calls have failed with which code. */
  get counts(): Readonly<Partial<Record<DatabaseErrorCode, number>>> {
    return Object.freeze({ ...this.#counts });
  }
}

/** Of a lease that has ended the pool says by whole stacks where it was acquired and where it ended: those are in the cause. */
function sentenceOf({ code, message, acquiredAt }: PoolError): string {
  if (code !== 'LEASE_STALE') return message;
  const [sentence = message] = message.split('\n', 1);
  const place = ownCallSiteOf(acquiredAt ?? '');
  return place === undefined ? sentence : `${sentence}; it was acquired at ${place}`;
}

/** Every failure a user can meet. The list is closed, the codes are stable, each has its section in docs/errors.md. */
export const ERROR_CODES = [
  'CONFIG',
  'NAME',
  'PATH',
  'NOT_A_DATABASE',
  'PERMISSION',
  'FILESYSTEM',
  'ENGINE_REFUSED',
  'RUNTIME_VERSION',
  'DUPLICATE_FILE',
  'SCHEMA_NEWER',
  'MIGRATION',
  'POOL_TIMEOUT',
  'POOL_CLOSED',
  'POOL_SUSPENDED',
  'CREATE_FAILED',
  'SELF_DEADLOCK',
  'OVERLOADED',
  'LEASE_STALE',
  'SESSION_EXPIRED',
  'TRANSACTION_EXPIRED',
  'ABORTED',
  'BUSY_TIMEOUT',
  'TURN_TIMEOUT',
  'CONSTRAINT',
  'READ_ONLY',
  'SQL',
  'WRONG_USE',
  'CONNECTION_LOST',
  'SERVER_UNAVAILABLE',
  'SERIALIZATION',
  'OUTCOME_UNKNOWN',
  'DISK_FULL',
  'IO',
  'CORRUPT',
  'FILE_REPLACED',
  'FENCED',
] as const;

/** The last part of a code: `POOL_TIMEOUT` of `HIVEDB_E_POOL_TIMEOUT`. */
export type ErrorKind = (typeof ERROR_CODES)[number];

/** A stable code that programs can compare. */
export type DatabaseErrorCode = `HIVEDB_E_${ErrorKind}`;

// An unknown outcome may be retried by a caller who has an idempotency key, never by us: it is not in this list.
const RETRYABLE: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  'POOL_TIMEOUT',
  'POOL_SUSPENDED',
  'OVERLOADED',
  'BUSY_TIMEOUT',
  'TURN_TIMEOUT',
  'CONNECTION_LOST',
  'SERVER_UNAVAILABLE',
  'SERIALIZATION',
]);

/** Somebody who is in the way. What cannot be known is absent. */
export interface Culprit {
  readonly pid?: number;
  /** How its service calls itself, where it has one and answers. */
  readonly app?: string;
  /** Its command line, cut short. */
  readonly command?: string;
  /** What it is doing. */
  readonly label?: string;
  /** For how long it has held what is waited for. */
  readonly heldMs?: number;
  /** Where in its source it took it, where that was remembered. */
  readonly callSite?: string;
}

/** Somebody who waited for the same thing, and before. What cannot be known is absent. */
export interface WaiterAhead {
  readonly pid: number;
  readonly app?: string;
  readonly label?: string;
  readonly waitMs: number;
}

/** What an error knows beside its sentence. */
export interface ErrorDetails {
  readonly database?: string | undefined;
  readonly label?: string | undefined;
  readonly cause?: unknown;
  /** What to do about it, as one sentence without a full stop; or several, in the order in which to try them. */
  readonly advice?: string | readonly string[] | undefined;
  readonly culprits?: readonly Culprit[];
  readonly waiters?: readonly WaiterAhead[];
}

/**
 * A failure of the database layer: `message` says in one sentence what happened to what, why, who is in the way and what to do.
 * What a caller's own function throws is never wrapped in one.
 */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: DatabaseErrorCode;
  /** Whether the same call may succeed later without anybody doing anything. */
  readonly retryable: boolean;
  readonly database: string | undefined;
  readonly label: string | undefined;
  /** What to do about it; several things are numbered. */
  readonly advice: string | undefined;
  /** Who holds what was waited for, or is in the way in another manner. */
  readonly culprits: readonly Culprit[];
  /** Who waited for it before this caller: the first of them, longest first. */
  readonly waiters: readonly WaiterAhead[];
  readonly #what: string;

  constructor(kind: ErrorKind, what: string, details: ErrorDetails = {}) {
    const { database, label, cause, culprits = [], waiters = [] } = details;
    const code: DatabaseErrorCode = `HIVEDB_E_${kind}`;
    const advice = inOrder(details.advice, code);
    const where = [
      database === undefined ? [] : `database ${database}`,
      label === undefined ? [] : `"${label}"`,
    ].flat();
    const sentence = where.length === 0 ? what : `${where.join(', ')}: ${what}`;
    super(advice === undefined ? sentence : `${sentence}; ${advice}`, cause === undefined ? undefined : { cause });
    this.#what = what;
    this.code = code;
    this.retryable = RETRYABLE.has(kind);
    this.database = database;
    this.label = label;
    this.advice = advice;
    this.culprits = Object.freeze([...culprits]);
    this.waiters = Object.freeze([...waiters]);
  }

  /** The last part of the code. */
  get kind(): ErrorKind {
    return this.code.slice('HIVEDB_E_'.length) as ErrorKind;
  }

  /** Where this project's documents say more about it. The anchor is as stable as the code. */
  get documentation(): string {
    return documentationOf(this.code);
  }

  /** The same failure with where it happened, if it does not say that yet. */
  at(database: string, label: string | undefined): DatabaseError {
    return this.database === undefined ? this.#told(database, label) : this;
  }

  /** The same failure for another call that it meets as well. */
  withLabel(label: string): DatabaseError {
    return this.#told(this.database, label);
  }

  #told(database: string | undefined, label: string | undefined): DatabaseError {
    const { cause, advice, culprits, waiters } = this;
    return new DatabaseError(this.kind, this.#what, { database, label, cause, advice, culprits, waiters });
  }
}

function documentationOf(code: DatabaseErrorCode): string {
  return `docs/errors.md#${code.toLowerCase()}`;
}

/** Where there is more than one thing to try there is more to read. */
function inOrder(advice: ErrorDetails['advice'], code: DatabaseErrorCode): string | undefined {
  if (advice === undefined || typeof advice === 'string') return advice;
  return `${advice.map((step, index) => `${index + 1}. ${step}`).join('; ')} (${documentationOf(code)})`;
}

/** What is wrong before anything is used: with the configuration, the file, the machine or the schema. */
const MISCONFIGURATION: readonly ErrorKind[] = [
  'CONFIG',
  'NAME',
  'PATH',
  'NOT_A_DATABASE',
  'PERMISSION',
  'FILESYSTEM',
  'ENGINE_REFUSED',
  'RUNTIME_VERSION',
  'DUPLICATE_FILE',
  'SCHEMA_NEWER',
  'MIGRATION',
];

/**
 * Whether a database cannot be set up as asked, or is not what this version expects: a person has to change something. A command ends
 * with exit code 2.
 */
export function isMisconfiguration(error: unknown): error is DatabaseError {
  return isKind(error, ...MISCONFIGURATION);
}

/** Whether `error` is a `DatabaseError` of one of these kinds. */
export function isKind(error: unknown, ...kinds: readonly ErrorKind[]): error is DatabaseError {
  return error instanceof DatabaseError && kinds.includes(error.kind);
}

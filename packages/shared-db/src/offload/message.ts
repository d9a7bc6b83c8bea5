import type { Bindable, SqlValue } from '../driver/driver.ts';
import type { ErrorKind } from '../errors.ts';
import type { IntegerMode } from '../sqlite/integers.ts';
import type { Package } from './packed-rows.ts';

/** How many requests a worker is given ahead: enough to keep it busy while the answers to half of them are being unpacked. */
export const WINDOW = 64;

/** A database, where it is first spoken of. */
export interface DatabaseName {
  readonly id: number;
  readonly path: string;
  readonly integers: IntegerMode;
}

/** A statement, where it is first spoken of: its text crosses once. */
export interface StatementName {
  readonly id: number;
  readonly database: number;
  readonly sql: string;
}

/** Four things for each request, in a row: its number, its place in the claims, its statement and the list of its parameters. */
export type Requests = (number | readonly Bindable[])[];

/** To whoever reads. Everything that gathered in one turn of the event loop is one message. */
export type ToReader =
  | {
      readonly kind: 'read';
      readonly databases: readonly DatabaseName[];
      readonly statements: readonly StatementName[];
      readonly requests: Requests;
    }
  /** Closes a connection: the database is closed, or has become another file. */
  | { readonly kind: 'close'; readonly database: number }
  /** Closes everything and ends. */
  | { readonly kind: 'end' };

/** What stands in place of the shape of rows. */
export const FAILED = -1;
export const PACKED = -2;

/** Why a request has failed, in a form that crosses threads. No bound or stored values are in it. */
export type ReadFailure =
  | { readonly by: 'engine'; readonly during: 'connect' | 'statement'; readonly code: string; readonly message: string }
  | { readonly by: 'us'; readonly kind: ErrorKind; readonly what: string; readonly advice: string | undefined }
  /** A `TypeError` or `RangeError` of the engine, or what nobody has thought of. */
  | { readonly by: 'call'; readonly name: string; readonly message: string };

/** The names of columns, where they are first spoken of. */
export interface ShapeName {
  readonly id: number;
  readonly names: readonly string[];
}

/**
 * For each answer, in a row: the number of the request; the shape of its rows, `FAILED` or `PACKED`; how many rows or packages there
 * are; how many milliseconds the statement took; and then the values of all rows, or the failure, or the shape of what is packed.
 */
export type Answers = (SqlValue | ReadFailure)[];

/** Back from whoever reads. */
export type FromReader =
  /** From a child process: from now on it reads what it is sent. */
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'answers';
      readonly shapes: readonly ShapeName[];
      readonly answers: Answers;
      /** Whether some of the values are blobs, which have become plain arrays of bytes on their way. */
      readonly blobs: boolean;
    }
  | { readonly kind: 'closed'; readonly database: number }
  /** From a child process, which has no second channel to fetch them from. Before the answer that counts them. */
  | ({ readonly kind: 'package' } & Package);

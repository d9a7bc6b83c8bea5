import type { Durability } from '../database-settings.ts';
import type { PinnedLog } from '../snapshot.ts';

/** A log that shall be kept short. */
export interface LogOrder {
  /** Stands for it in messages. */
  readonly id: number;
  readonly database: string;
  /** Of the database file, absolute. */
  readonly path: string;
  readonly device: number;
  readonly inode: number;
  readonly durability: Durability;
  readonly memory: SharedArrayBuffer;
}

/** What an engine said when something failed in the thread. */
export interface ThreadFailure {
  /** Of the engine, `SQLITE_IOERR_FSYNC`; empty where it was not the engine. */
  readonly code: string;
  readonly message: string;
}

/** From the thread that has the service to the one that checkpoints. */
export type ToCheckpointer =
  | { readonly kind: 'keep'; readonly order: LogOrder }
  /** Let go of a log, `tidy` after bringing all that can be into the file. Answered with `left`. */
  | { readonly kind: 'leave'; readonly id: number; readonly tidy: boolean }
  /** Nobody of this process writes until `resume`, or somebody could not be made to wait. */
  | { readonly kind: 'paused'; readonly id: number; readonly paused: boolean }
  | { readonly kind: 'end' };

/** And back. */
export type FromCheckpointer =
  /** From now on it is kept short. */
  | { readonly kind: 'kept'; readonly id: number; readonly pageBytes: number }
  /** Its connection is closed. */
  | { readonly kind: 'left'; readonly id: number }
  /** The log is over its limit, and somebody is always writing: make them wait. */
  | { readonly kind: 'pause'; readonly id: number }
  | { readonly kind: 'resume'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly during: string; readonly failure: ThreadFailure }
  /** What failed has been done. */
  | { readonly kind: 'mended'; readonly id: number }
  /** A reader keeps frames from getting into the file; nobody does any more where there are none. */
  | { readonly kind: 'pinned'; readonly id: number; readonly pinned: PinnedLog }
  | { readonly kind: 'analysed'; readonly id: number; readonly statements: number };

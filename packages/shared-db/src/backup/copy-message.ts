import type { TableDigest } from './table-digest.ts';

/** What is to be copied where. */
export interface CopyOrder {
  /** A SQLite database, which may be in use. */
  readonly source: string;
  /** Where nothing is yet. */
  readonly copy: string;
  /** What the copy is for: `delete` to be kept, one file that can be read where nothing can be written; `wal` to be used by services. */
  readonly journal: 'delete' | 'wal';
}

/** What it is at, in this order. */
export type CopyPhase = 'copying' | 'reading' | 'checking' | 'comparing';

/** How far it is. */
export interface CopyProgress {
  readonly phase: CopyPhase;
  /** Pages, or rows of the table that is being read; 0 while SQLite checks. */
  readonly done: number;
  /** Undefined where it is not known. */
  readonly total: number | undefined;
}

/** What a copy holds that was verified. */
export interface CopyReport {
  readonly bytes: number;
  readonly tables: readonly TableDigest[];
}

/**
 * Why there is no copy. The list is closed: `damaged`: the source; `differs`: the copy, which speaks for the memory or the disk;
 * `no-space`; `busy`: somebody has the source for himself; `unreadable`: it cannot be opened or read; `unwritable`: the copy;
 * `deadline`; `interrupted`; `died`: the process that copied.
 */
export type CopyFault =
  | 'damaged'
  | 'differs'
  | 'no-space'
  | 'busy'
  | 'unreadable'
  | 'unwritable'
  | 'deadline'
  | 'interrupted'
  | 'died';

/** There is no copy, and nothing is left of one. */
export interface CopyFailure {
  readonly fault: CopyFault;
  /** One sentence. */
  readonly reason: string;
}

/** A line that the process that copies says. */
export type CopyMessage =
  | { readonly progress: CopyProgress }
  | { readonly report: CopyReport }
  | { readonly failure: CopyFailure };

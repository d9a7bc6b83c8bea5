/** What a listener is told: that what it has read may be out of date. Which rows, and how many commits, nobody knows. */
export interface DatabaseChange {
  /** The name of the database. */
  readonly database: string;
  /**
   * `commit`: something was committed since the listener was told last, by this process or another. `unseen`: nobody could look for a while,
   * because the database was opened just now, or again after it had failed or was repaired; there may be something new.
   */
  readonly cause: 'commit' | 'unseen';
}

/**
 * Is called after changes. It may return a promise: it is not called again before that has settled. What it throws, or rejects with, is
 * logged and otherwise forgotten.
 */
export type ChangeListener = (change: DatabaseChange) => unknown;

/** How somebody wants to listen. */
export interface ChangeOptions {
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
  /** Whether it is also called once at the beginning, as `unseen`: for who reads in the listener alone. Default: false. */
  readonly initially?: boolean | undefined;
}

/** Ends the listening, at once and for good; twice is as good as once. Made for `using`, too. */
export interface StopListening extends Disposable {
  (): void;
}

/** How a run ended, for scripts. The list is closed. */
export const EXIT = Object.freeze({
  fine: 0,
  /** It was asked for rightly and could not be done. */
  failed: 1,
  /** Wrong use or configuration; nothing was done. */
  wrongUse: 2,
  /** A mistake of ours. */
  bug: 70,
});

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

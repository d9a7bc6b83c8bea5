/** How a run ended, for scripts. The list is closed. */
export const EXIT = Object.freeze({
  /** Everything passes, or warns only. */
  fine: 0,
  /** Something fails, or was found. */
  finding: 1,
  /** Wrong use or configuration; nothing was done. */
  wrongUse: 2,
  /** It could not be determined: nobody answered, or a file could not be read. */
  undetermined: 3,
  /** A mistake in hive-db itself. */
  bug: 70,
});

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** One code for several results: wrong use first, then what could not be determined, then findings. */
export function worstOf(codes: readonly ExitCode[]): ExitCode {
  return [EXIT.bug, EXIT.wrongUse, EXIT.undetermined, EXIT.finding].find((code) => codes.includes(code)) ?? EXIT.fine;
}

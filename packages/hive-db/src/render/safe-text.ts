/** Longer texts from outside are cut: a sentence is for reading. */
const LONGEST = 400;
/** Longer than any path of Linux. */
const LONGEST_PATH = 4_096;

/**
 * Text from outside (names, labels, paths, command lines) without what could move a cursor, break a line or hide something, at
 * most 400 characters. Everything that reaches a terminal and is not a constant of ours comes through here.
 */
export function safe(text: string, longest = LONGEST): string {
  const clean = text
    .slice(0, longest + 1)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{FFFD}');
  return clean.length > longest ? `${clean.slice(0, longest - 1).toWellFormed()}…` : clean;
}

/** The same for a path, or a command that names one. It is shown whole: somebody will want to copy it. */
export function safePath(path: string): string {
  return safe(path, LONGEST_PATH);
}

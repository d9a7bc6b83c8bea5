/** A text of somebody else's, cut to `shown` characters, without what could move a cursor, break a line of a log or hide something. Pure. */
export function displaySafe(text: string, shown: number): string {
  const clean = text.slice(0, shown + 1).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{FFFD}');
  const cut = clean.length > shown ? `${clean.slice(0, shown - 1)}…` : clean;
  // Half of a pair, whoever has cut it, is no text: terminals, logs and sockets would each make something else of it.
  return cut.toWellFormed();
}

/** From here on characters may be two cells wide: Hangul, CJK, emoji. What is in truth narrower only leaves a gap. */
const FIRST_WIDE = 0x1100;

/** How many cells of a terminal a text takes at most. It must be without escapes. */
export function cells(text: string): number {
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** The text, or its beginning and an ellipsis, in at most `width` cells. */
export function cut(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let room = width - 1;
  let kept = '';
  for (const character of text) {
    room -= widthOf(character);
    if (room < 0) break;
    kept += character;
  }
  return width > 0 ? `${kept}…` : '';
}

function widthOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  // General punctuation, arrows and box drawing lie above Hangul and are narrow.
  return code < FIRST_WIDE || (code >= 0x2000 && code < 0x2600) || code === 0xfffd ? 1 : 2;
}

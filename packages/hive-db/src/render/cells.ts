/** Below are Latin, Greek, Cyrillic and their like: one cell each. Combining marks begin here. */
const FIRST_UNUSUAL = 0x300;

/** Scripts whose characters are two cells wide (Unicode, EastAsianWidth.txt: W and F), emoji apart. */
const WIDE: readonly (readonly [first: number, last: number])[] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3041, 0x3247],
  [0x3250, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6b],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x18d00, 0x18dff],
  [0x1aff0, 0x1b2ff],
  [0x1f200, 0x1f265],
  [0x20000, 0x3fffd],
];

/** What stands on or in the character before it: combining marks, and the vowels and finals of a Hangul syllable. */
const WITHOUT_CELL = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff\ud7b0-\ud7ff]$/u;
/** What is shown as a picture unless told otherwise. Letters of flags are a cell each: two of them are one flag. */
const PICTURE = /^(?![\u{1f1e6}-\u{1f1ff}])\p{Emoji_Presentation}$/u;

/** How many cells of a terminal a text takes. It must be without escapes. */
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

/** The text, or an ellipsis and its end, in at most `width` cells: of a path, that is what tells it from others. */
export function cutBeginning(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let room = width - 1;
  let kept = '';
  for (const character of Array.from(text).toReversed()) {
    room -= widthOf(character);
    if (room < 0) break;
    kept = character + kept;
  }
  return width > 0 ? `…${kept}` : '';
}

function widthOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < FIRST_UNUSUAL) return 1;
  if (WITHOUT_CELL.test(character)) return 0;
  return WIDE.some(([first, last]) => first <= code && code <= last) || PICTURE.test(character) ? 2 : 1;
}

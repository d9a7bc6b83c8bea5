const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[` and `{`, which this bit tells apart, as it does `]` and `}`. */
const OPENS = 0x5b;
const CLOSES = 0x5d;
const BRACE = 0x20;

/** Nothing of ours has more than ten levels. */
const MOST_LEVELS = 32;
/** Our lists and objects take more than twenty bytes each; in a small text there may be some more of them. */
const LEAST_BYTES_A_PART = 12;
const PARTS_OF_A_SMALL_TEXT = 10_000;

/**
 * Why JSON from outside is better not parsed, as the end of a sentence about it; undefined where nothing speaks against it. Sixteen
 * megabytes of brackets would take the parser seconds and a gigabyte. Pure; the bytes may be anything. Costs some milliseconds a
 * megabyte.
 */
export function jsonExcess(bytes: Uint8Array): string | undefined {
  const mostParts = PARTS_OF_A_SMALL_TEXT + bytes.length / LEAST_BYTES_A_PART;
  let parts = 0;
  let levels = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) at = endOfText(bytes, at + 1);
    else if (byte < OPENS) continue;
    else if ((byte & ~BRACE) === OPENS) {
      if (++levels > MOST_LEVELS) return 'is nested too deeply';
      if (++parts > mostParts) return 'has too many parts for its length';
    } else if ((byte & ~BRACE) === CLOSES) levels--;
  }
  return undefined;
}

/** Where the quotation mark is that ends a text. */
function endOfText(bytes: Uint8Array, begin: number): number {
  let at = begin;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

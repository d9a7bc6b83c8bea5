import { cells, cut } from './cells.ts';
import type { Paint, Tone } from './paint.ts';

/** A piece of a line with one meaning. The text is safe and without escapes. */
export interface Span {
  readonly text: string;
  readonly tone?: Tone;
}

/** One line of a screen, from the left. */
export type Line = readonly Span[];

/** A text as a span; without a tone it is plain. */
export function span(text: string, tone?: Tone): Span {
  return tone === undefined ? { text } : { text, tone };
}

/** How many cells a line takes. */
export function widthOfLine(line: Line): number {
  return line.reduce((width, { text }) => width + cells(text), 0);
}

/** The line in exactly `width` cells: what is too long is cut with an ellipsis, what is too short ends in spaces. */
export function fitLine(line: Line, width: number): Line {
  if (widthOfLine(line) <= width) return padded(line, width);
  const kept: Span[] = [];
  let room = width;
  for (const piece of line) {
    const own = cells(piece.text);
    // With more behind it, also a piece that would just fit gives its last cell to the ellipsis.
    kept.push(own < room ? piece : { ...piece, text: cut(`${piece.text} `, room) });
    if (own >= room) break;
    room -= own;
  }
  return padded(kept, width);
}

function padded(line: Line, width: number): Line {
  const room = width - widthOfLine(line);
  return room > 0 ? [...line, span(' '.repeat(room))] : line;
}

/** The line as text with its end, without the spaces before that. */
export function lineText(line: Line, paint: Paint): string {
  const last = line.findLastIndex(({ text }) => text.trim() !== '');
  const texts = line.slice(0, last + 1).map(({ text, tone }, index) => {
    const own = index === last ? text.trimEnd() : text;
    return tone === undefined ? own : paint(tone, own);
  });
  return `${texts.join('')}\n`;
}

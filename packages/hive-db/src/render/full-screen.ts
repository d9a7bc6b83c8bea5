import type { TextSink } from '../io.ts';
import { cells } from './cells.ts';
import type { Line } from './line.ts';
import type { Paint } from './paint.ts';

// Control sequences of xterm (invisible-island.net/xterm/ctlseqs), which all terminals of today understand or ignore.
// A second screen beside the user's own, without a cursor, on which a line that is too long is no second line.
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[m\u001b[?7h\u001b[?25h\u001b[?1049l';
const CLEAR = '\u001b[2J';
// Between these two a terminal shows nothing half drawn; one that does not know them draws as it reads.
const BEGIN_UPDATE = '\u001b[?2026h';
const END_UPDATE = '\u001b[?2026l';

/** Text of which every terminal knows the width. */
const PLAIN = /^[\u0020-\u007e]*$/;

/**
 * A terminal's second screen, drawn a frame at a time: one write with the lines that have changed, and none where nothing has. Left as
 * often as it was entered, with the user's own screen and cursor as they were.
 */
export class FullScreen {
  readonly #sink: TextSink;
  readonly #paint: Paint;
  #isEntered = false;
  #isClosed = false;
  /** What is on the screen; undefined where that is not known. */
  #shown: readonly string[] | undefined;

  constructor(sink: TextSink, paint: Paint) {
    this.#sink = sink;
    this.#paint = paint;
  }

  /** Shows a frame, entering the screen where it was left. The lines must fit. Does nothing after it was closed. */
  draw(frame: readonly Line[]): void {
    if (this.#isClosed) return;
    const lines = frame.map((line) => this.#encode(line));
    const shown = this.#isEntered && this.#shown?.length === lines.length ? this.#shown : undefined;
    const changes = lines
      .map((line, index) => (line === shown?.[index] ? '' : `\u001b[${index + 1};1H\u001b[2K${line}`))
      .join('');
    const enter = this.#isEntered ? '' : ENTER;
    const clear = shown === undefined ? CLEAR : '';
    this.#isEntered = true;
    this.#shown = lines;
    if (`${enter}${clear}${changes}` !== '') this.#sink.write(`${enter}${BEGIN_UPDATE}${clear}${changes}${END_UPDATE}`);
  }

  /** Somebody else may have drawn: the next frame is drawn as a whole. */
  forget(): void {
    this.#shown = undefined;
  }

  /** Gives the terminal back until the next frame. Doing it again does nothing. */
  leave(): void {
    if (this.#isEntered) this.#sink.write(LEAVE);
    this.#isEntered = false;
    this.#shown = undefined;
  }

  /** Gives the terminal back for good. */
  close(): void {
    this.leave();
    this.#isClosed = true;
  }

  #encode(line: Line): string {
    let column = 0;
    let encoded = '';
    for (const { text, tone } of trimmed(line)) {
      encoded += tone === undefined ? text : this.#paint(tone, text);
      column += cells(text);
      // Terminals do not agree on the width of all characters: what follows them stands where it belongs all the same.
      if (!PLAIN.test(text)) encoded += `\u001b[${column + 1}G`;
    }
    return encoded;
  }
}

/** Without the spaces at its end: the line was erased before. */
function trimmed(line: Line): Line {
  const last = line.findLastIndex(({ text }) => text.trim() !== '');
  return line.slice(0, last + 1);
}

import type { TextSink } from '../io.ts';

// Control sequences of xterm (invisible-island.net/xterm/ctlseqs), which all terminals of today understand or ignore.
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const REST_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';
// Between these two a terminal shows nothing half drawn.
const BEGIN_UPDATE = '\u001b[?2026h';
const END_UPDATE = '\u001b[?2026l';

/** A terminal's second screen: entered at the first drawing, left once, with the user's own screen and cursor as they were. */
export class AlternateScreen {
  readonly #sink: TextSink;
  #state: 'new' | 'entered' | 'left' = 'new';

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  /** Draws over what was there. The lines must fit. Does nothing after it was left. */
  draw(lines: readonly string[]): void {
    if (this.#state === 'left') return;
    const enter = this.#state === 'new' ? ENTER : '';
    this.#state = 'entered';
    const body = lines.map((line) => `${line}${REST_OF_LINE}`).join('\r\n');
    this.#sink.write(`${enter}${BEGIN_UPDATE}${HOME}${body}${REST_OF_SCREEN}${END_UPDATE}`);
  }

  /** Gives the terminal back. Doing it again does nothing. */
  leave(): void {
    const entered = this.#state === 'entered';
    this.#state = 'left';
    if (entered) this.#sink.write(LEAVE);
  }
}

/** How many cells a character takes at this terminal. */
export type WidthOf = (character: string) => number;

/** As most terminals have it. */
const usualWidth: WidthOf = (character) => {
  if (/^\p{Mn}$/u.test(character)) return 0;
  return /^[\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}]$|^\p{Emoji_Presentation}$/u.test(character) ? 2 : 1;
};

interface Cursor {
  row: number;
  column: number;
}

/** What covers the second half of a wide character. */
const COVERED = '';

/**
 * A terminal as far as programs of ours use one, as a person sees it. It throws at every control sequence that it does not know, and so
 * proves that there is none.
 */
export class VirtualScreen {
  columns: number;
  rows: number;
  isAlternate = false;
  isCursorShown = true;
  isWrapping = true;
  /** Between the beginning and the end of an update. */
  isUpdating = false;
  /** How many updates are complete. */
  updates = 0;
  /** How often a colour or a weight was chosen. */
  styles = 0;
  /** How many lines were erased, to be drawn anew. */
  erasures = 0;
  #own: string[][];
  #other: string[][] = [];
  #cursor: Cursor = { row: 0, column: 0 };
  #saved: Cursor = { row: 0, column: 0 };
  #rest = '';
  readonly #widthOf: WidthOf;

  constructor(columns: number, rows: number, widthOf: WidthOf = usualWidth) {
    this.columns = columns;
    this.rows = rows;
    this.#widthOf = widthOf;
    this.#own = blank(columns, rows);
  }

  /** The rows that are shown, without the spaces at their ends. */
  get lines(): readonly string[] {
    return this.#own.map((row) => row.join('').trimEnd());
  }

  /** The rows cell by cell; what a wide character covers is empty. */
  get rowsOfCells(): readonly (readonly string[])[] {
    return this.#own;
  }

  get text(): string {
    return this.lines.join('\n');
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    // What a terminal does with the old content is its own affair: here it is garbage, that a program must draw over.
    this.#own = blank(columns, rows, this.isAlternate ? '#' : ' ');
    this.#cursor = { row: 0, column: 0 };
  }

  write(text: string): void {
    let left = this.#rest + text;
    this.#rest = '';
    while (left !== '') {
      // oxlint-disable-next-line no-control-regex -- control sequences begin with a control character
      const sequence = /^\u001b(?:\[(?<parameters>[0-?]*)(?<final>[@-~])?)?/.exec(left);
      if (sequence === null) {
        const character = String.fromCodePoint(left.codePointAt(0)!);
        this.#print(character);
        left = left.slice(character.length);
        continue;
      }
      const { parameters = '', final } = sequence.groups!;
      if (final === undefined && sequence[0].length === left.length) {
        this.#rest = left;
        return;
      }
      this.#control(parameters, final ?? '');
      left = left.slice(sequence[0].length);
    }
  }

  #print(character: string): void {
    const cursor = this.#cursor;
    if (character === '\r') cursor.column = 0;
    else if (character === '\n') this.#lineFeed();
    else if (character === '\b') cursor.column = Math.max(0, cursor.column - 1);
    else if (character === '\u0007') return;
    else if (character === '\t') cursor.column = Math.min(this.columns - 1, (Math.floor(cursor.column / 8) + 1) * 8);
    else if (/^\p{Cc}$/u.test(character)) throw new Error(`control character ${JSON.stringify(character)}`);
    else this.#put(character, this.#widthOf(character));
  }

  #put(character: string, width: number): void {
    const cursor = this.#cursor;
    if (cursor.column + width > this.columns) {
      if (!this.isWrapping) cursor.column = this.columns - width;
      else {
        cursor.column = 0;
        this.#lineFeed();
      }
    }
    const row = this.#own[cursor.row]!;
    if (width === 0) {
      row[Math.max(0, cursor.column - 1)] += character;
      return;
    }
    row[cursor.column] = character;
    for (let covered = 1; covered < width; covered++) row[cursor.column + covered] = COVERED;
    cursor.column += width;
  }

  #lineFeed(): void {
    if (this.#cursor.row < this.rows - 1) this.#cursor.row++;
    else {
      this.#own.shift();
      this.#own.push(...blank(this.columns, 1));
    }
  }

  #control(parameters: string, final: string): void {
    const [first = 1, second = 1] = parameters.split(';').map((word) => Number.parseInt(word, 10) || 1);
    switch (final) {
      case 'H':
        this.#cursor = { row: Math.min(first, this.rows) - 1, column: Math.min(second, this.columns) - 1 };
        break;
      case 'G':
        this.#cursor.column = Math.min(first, this.columns) - 1;
        break;
      case 'K':
        if (parameters !== '2') throw new Error(`erases a part of a line: ${parameters}`);
        this.#own[this.#cursor.row] = blank(this.columns, 1)[0]!;
        this.erasures++;
        break;
      case 'J':
        if (parameters !== '2') throw new Error(`erases a part of the screen: ${parameters}`);
        this.#own = blank(this.columns, this.rows);
        break;
      case 'm':
        if (parameters !== '') this.styles++;
        break;
      case 'h':
      case 'l':
        this.#mode(parameters, final === 'h');
        break;
      default:
        throw new Error(`unknown sequence: ESC [ ${parameters} ${final}`);
    }
  }

  #mode(mode: string, on: boolean): void {
    switch (mode) {
      case '?7':
        this.isWrapping = on;
        break;
      case '?25':
        this.isCursorShown = on;
        break;
      // A shell asks for pasted text to be marked.
      case '?2004':
        break;
      case '?2026':
        this.isUpdating = on;
        if (!on) this.updates++;
        break;
      case '?1049':
        this.#switch(on);
        break;
      default:
        throw new Error(`unknown mode: ${mode}`);
    }
  }

  #switch(toAlternate: boolean): void {
    if (toAlternate === this.isAlternate) throw new Error('it is on that screen already');
    this.isAlternate = toAlternate;
    const own = this.#own;
    this.#own = toAlternate ? blank(this.columns, this.rows) : this.#other;
    this.#other = own;
    if (toAlternate) this.#saved = this.#cursor;
    this.#cursor = toAlternate ? { row: 0, column: 0 } : this.#saved;
  }
}

function blank(columns: number, rows: number, character = ' '): string[][] {
  return Array.from({ length: rows }, () => Array.from({ length: columns }, () => character));
}

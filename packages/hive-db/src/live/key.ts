/** A key as the view knows it: a character, or the name of a key that has none. */
export type Key = { readonly kind: 'character'; readonly character: string } | { readonly kind: NamedKey };

export type NamedKey = (typeof NAMED)[number];
export const NAMED = [
  'up',
  'down',
  'page-up',
  'page-down',
  'home',
  'end',
  'tab',
  'back-tab',
  'enter',
  'escape',
  'backspace',
  'interrupt',
  'suspend',
  'redraw',
] as const;

/** What a terminal has sent, as keys; `rest` may be the beginning of one whose end is still to come. */
export interface DecodedKeys {
  readonly keys: readonly Key[];
  readonly rest: string;
}

const ESC = '\u001b';

const CONTROLS: ReadonlyMap<string, NamedKey> = new Map([
  ['\u0003', 'interrupt'],
  // The key that asks a program to quit with a core dump: raw mode takes it from the terminal, too.
  ['\u001c', 'interrupt'],
  ['\u0008', 'backspace'],
  ['\u007f', 'backspace'],
  ['\t', 'tab'],
  ['\r', 'enter'],
  ['\n', 'enter'],
  ['\u000c', 'redraw'],
  ['\u001a', 'suspend'],
]);

/** The ends of the sequences that xterm and its kin send for keys without a character. */
const SEQUENCES: ReadonlyMap<string, NamedKey> = new Map([
  ['A', 'up'],
  ['B', 'down'],
  ['H', 'home'],
  ['F', 'end'],
  ['Z', 'back-tab'],
  ['1~', 'home'],
  ['7~', 'home'],
  ['4~', 'end'],
  ['8~', 'end'],
  ['5~', 'page-up'],
  ['6~', 'page-down'],
]);

/** ESC [ with parameters, or ESC O; then the final character, where it has come. */
// oxlint-disable-next-line no-control-regex -- what terminals send begins with a control character
const SEQUENCE = /^\u001b(?:\[(?<parameters>[0-?]*)|O)(?<final>[@-~])?/;
/** Longer than any key: what does not end by then is none. */
const LONGEST_SEQUENCE = 32;

/** Reads what a terminal has sent. Keys that the view has no name for are left out. Pure; takes any text. */
export function decodeKeys(text: string): DecodedKeys {
  const keys: Key[] = [];
  let at = 0;
  while (at < text.length) {
    const { length, key } = read(text.slice(at, at + LONGEST_SEQUENCE));
    if (length === 0) break;
    if (key !== undefined) keys.push(key);
    at += length;
  }
  return { keys, rest: text.slice(at) };
}

/** What the beginning of a key means when nothing follows it: ESC alone is the key of that name. Pure. */
export function unfinishedKeys(rest: string): readonly Key[] {
  return rest.startsWith(ESC) ? [{ kind: 'escape' }] : [];
}

/** The first key of a text, and how much of the text it is: nothing where it goes on. */
interface Read {
  readonly length: number;
  readonly key: Key | undefined;
}

function read(text: string): Read {
  if (text.startsWith(ESC)) return readSequence(text);
  const character = String.fromCodePoint(text.codePointAt(0) ?? 0);
  const { length } = character;
  const name = CONTROLS.get(character);
  if (name !== undefined) return { length, key: { kind: name } };
  return { length, key: /^[\p{Cc}\p{Cs}]$/u.test(character) ? undefined : { kind: 'character', character } };
}

function readSequence(text: string): Read {
  if (text === ESC) return { length: 0, key: undefined };
  const found = SEQUENCE.exec(text);
  if (found === null) return { length: 1, key: { kind: 'escape' } };
  const [whole] = found;
  const { parameters = '', final } = found.groups ?? {};
  if (final === undefined) {
    const mayGoOn = whole.length === text.length && text.length < LONGEST_SEQUENCE;
    return { length: mayGoOn ? 0 : whole.length, key: undefined };
  }
  // What was held down with the key stands behind a semicolon.
  const name = SEQUENCES.get(final === '~' ? `${parameters.split(';')[0] ?? ''}~` : final);
  return { length: whole.length, key: name && { kind: name } };
}

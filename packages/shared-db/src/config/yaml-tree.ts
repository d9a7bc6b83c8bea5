import {
  LineCounter,
  isAlias,
  isMap,
  isPair,
  isScalar,
  parseDocument,
  visit,
  type Alias,
  type Document,
  type Node,
  type Pair,
  type YAMLError,
} from 'yaml';
import { spelled } from './spelled-path.ts';

/** A YAML 1.2 document as plain data, whose parts know their lines. */
export interface YamlTree {
  /** Undefined for an empty document. */
  readonly content: unknown;
  /** The line of the key that a path ends with, of the first content for the empty path; undefined where there is neither. */
  readonly lineOf: (path: readonly string[]) => number | undefined;
}

/** Why a text is not one. */
export interface YamlFault {
  readonly line: number;
  /** Completes a sentence that has said where. */
  readonly what: string;
}

/** In another one `yes` is true, `010` is 8 and `1:30` is 90. */
const VERSION = '1.2';

/** Faults that the parser words for programmers. */
const IN_PLAIN_WORDS: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  MULTIPLE_DOCS: 'a second document begins here',
  NON_STRING_KEY: 'this key is not plain text',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
};

/** Parses one document. The first fault is reported: what a parser says after it is rarely true. */
export function parseYaml(text: string): YamlTree | YamlFault {
  const lines = new LineCounter();
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  // Sets, dates and bytes of older versions are no settings, and would look like empty groups.
  const options = { lineCounter: lines, prettyErrors: false, stringKeys: true, resolveKnownTags: false };
  const document = parseDocument(text, options);
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) return { line: lineAt(error.pos[0]), what: wordsFor(error, document) };
  const { version } = document.directives.yaml;
  if (version !== VERSION) return { line: 1, what: invalid(`it says that it is ${version}, expected ${VERSION}`) };
  const alias = danglingAlias(document);
  if (alias !== undefined)
    return { line: lineAt(alias.range?.[0] ?? 0), what: invalid(`*${alias.source} has no anchor before it`) };
  try {
    return {
      content: document.toJS() ?? undefined,
      lineOf: (path) => {
        const offset = offsetOf(document, path);
        return offset === undefined ? undefined : lineAt(offset);
      },
    };
  } catch {
    return { line: 1, what: invalid('it has too many aliases of aliases') };
  }
}

function wordsFor({ code, message, pos }: YAMLError, document: Document.Parsed): string {
  if (code === 'DUPLICATE_KEY') return `${keyAt(document, pos[0])} is given above already, expected every key once`;
  return invalid(IN_PLAIN_WORDS[code] ?? message.slice(0, 1).toLowerCase() + message.slice(1));
}

function invalid(why: string): string {
  return `the file must be valid YAML, but ${why}`;
}

function keyAt(document: Document.Parsed, offset: number): string {
  let found: readonly Pair[] = [];
  visit(document, {
    Pair: (_, pair, ancestors) => {
      if (!isScalar(pair.key) || pair.key.range?.[0] !== offset) return undefined;
      found = [...ancestors.filter((node) => isPair(node)), pair];
      return visit.BREAK;
    },
  });
  return spelled(found.map(({ key }) => (isScalar(key) ? String(key.value) : '')));
}

function danglingAlias(document: Document.Parsed): Alias | undefined {
  let dangling: Alias | undefined;
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document) !== undefined) return undefined;
      dangling = alias;
      return visit.BREAK;
    },
  });
  return dangling;
}

function offsetOf(document: Document.Parsed, path: readonly string[]): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0];
  for (const name of path) {
    const pair = pairOf(isAlias(node) ? node.resolve(document) : (node as Node), name);
    if (pair === undefined || !isScalar(pair.key)) return undefined;
    offset = pair.key.range?.[0];
    node = pair.value;
  }
  return offset;
}

function pairOf(node: Node | undefined, name: string): Pair | undefined {
  return isMap(node) ? node.items.find(({ key }) => isScalar(key) && String(key.value) === name) : undefined;
}

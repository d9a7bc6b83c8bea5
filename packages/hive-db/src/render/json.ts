import type { TextSink } from '../io.ts';

/** Prints one document, indented. */
export function printDocument(sink: TextSink, document: object): void {
  sink.write(`${encode(document, 2)}\n`);
}

/** Prints one document on a line of its own. */
export function printLine(sink: TextSink, document: object): void {
  sink.write(`${encode(document)}\n`);
}

/** JSON whose strings are spelled so that a terminal takes none of their characters for a command. The values are the same. */
export function encode(document: object, indent?: number): string {
  return JSON.stringify(document, undefined, indent).replaceAll(/[\u007f-\u009f\p{Cf}\u2028\u2029]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => String.raw`\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

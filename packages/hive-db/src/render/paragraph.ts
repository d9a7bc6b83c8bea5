import { cells } from './cells.ts';

/**
 * A sentence on lines of at most `width` cells, broken at spaces, each begun with `indent`. A word that is longer, such as a path,
 * stays whole: somebody will want to copy it.
 */
export function paragraph(sentence: string, width: number, indent = ''): string {
  const room = Math.max(20, width - cells(indent));
  const lines: string[] = [];
  let line = '';
  for (const word of sentence.split(' ')) {
    if (line !== '' && cells(line) + 1 + cells(word) > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((text) => `${indent}${text}\n`).join('');
}

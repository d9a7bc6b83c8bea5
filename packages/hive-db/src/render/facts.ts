import { paragraph } from './paragraph.ts';

/** What is known of something, by the word for it. */
export type Fact = readonly [key: string, value: string];

/** A line for each fact, indented by two; values that are longer than the line hang below themselves. */
export function facts(lines: readonly Fact[], keyWidth: number, width: number): string {
  const hanging = `\n${' '.repeat(keyWidth + 2)}`;
  return lines
    .map(([key, value]) => {
      const text = paragraph(value, width - keyWidth - 2);
      return `  ${key.padEnd(keyWidth)}${text.trimEnd().replaceAll('\n', hanging)}\n`;
    })
    .join('');
}

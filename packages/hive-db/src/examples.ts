import type { Command } from 'commander';

/** Puts examples before a command's help: lines to type, and what each shows. */
export function examples(command: Command, lines: readonly (readonly [line: string, about: string])[]): void {
  const longest = Math.max(...lines.map(([line]) => line.length));
  const text = lines.map(([line, about]) => `  ${line.padEnd(longest)}  ${about}\n`).join('');
  command.addHelpText('before', `Examples:\n${text}`);
}

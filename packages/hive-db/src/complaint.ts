import type { Command } from 'commander';
import { safe } from './render/safe-text.ts';

/** Commander's words as one sentence of ours: `unknown command 'stauts' (did you mean status?)`. */
export function complaint(text: string, { commands }: Command): string {
  const sentence = safe(
    text
      .trim()
      .replace(/^error: /, '')
      .replace(/\s*\n\(Did you mean (.*)\?\)$/, ' (did you mean $1?)'),
  );
  if (sentence.includes('did you mean')) return sentence;
  // The beginning of a verb is too far from it for commander's taste.
  const begun = /^unknown command '(?<word>.+)'$/.exec(sentence)?.groups?.['word'];
  const verb = commands.find((command) => begun !== undefined && command.name().startsWith(begun));
  return verb === undefined
    ? `${sentence.replace(/\.$/, '')}; see hive-db --help`
    : `${sentence} (did you mean ${verb.name()}?)`;
}

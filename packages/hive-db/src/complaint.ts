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
  // The beginning of a verb is too far from it for commander's taste.
  const begun = /^unknown command '(?<word>[^']+)'/.exec(sentence)?.groups?.['word'];
  const verb = commands.find((command) => begun !== undefined && command.name().startsWith(begun));
  if (verb !== undefined) return `unknown command '${begun}' (did you mean ${verb.name()}?)`;
  return sentence.includes('did you mean') ? sentence : `${sentence.replace(/\.$/, '')}; see hive-db --help`;
}

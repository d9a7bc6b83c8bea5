import type { Command } from 'commander';
import { safe } from './render/safe-text.ts';

/** Commander's words as one sentence of ours: `unknown command 'stauts' (did you mean status?)`. */
export function complaint(text: string, command: Command): string {
  const sentence = safe(
    text
      .trim()
      .replace(/^error: /, '')
      .replace(/\s*\n\(Did you mean (.*)\?\)$/, ' (did you mean $1?)'),
  );
  // The beginning of a verb is too far from it for commander's taste.
  const begun = /^unknown command '(?<word>[^']+)'/.exec(sentence)?.groups?.['word'];
  const { commands, parent } = command;
  const verb = commands.find((one) => begun !== undefined && one.name().startsWith(begun));
  if (verb !== undefined) return `unknown command '${begun}' (did you mean ${verb.name()}?)`;
  if (sentence.includes('did you mean')) return sentence;
  if (begun !== undefined && parent !== null)
    return `${sentence}; ${command.name()} has ${commands.map((one) => one.name()).join(' and ')}`;
  return `${sentence.replace(/\.$/, '')}; see hive-db --help`;
}

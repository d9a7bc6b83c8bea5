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
  const choice = CHOICE.exec(sentence)?.groups;
  if (choice !== undefined) return choiceOf(choice);
  // The beginning of a verb is too far from it for commander's taste.
  const begun = /^unknown command '(?<word>[^']+)'/.exec(sentence)?.groups?.['word'];
  const { commands, parent } = command;
  const verb = commands.find((one) => begun !== undefined && one.name().startsWith(begun));
  if (verb !== undefined) return `unknown command '${begun}' (did you mean ${verb.name()}?)`;
  if (sentence.includes('did you mean')) return sentence;
  if (begun !== undefined && parent !== null)
    return `${sentence}; ${command.name()} has ${commands.map((one) => one.name()).join(' and ')}`;
  return `${sentence.replace('. Expected ', ': expected ').replace(/\.$/, '')}; see hive-db --help`;
}

/** What commander says of a word that is none of those that there are. */
const CHOICE =
  /^(?:option '(?<option>.*)' argument|command-argument value) '(?<word>.*)' is invalid(?: for argument '(?<argument>.*)')?\. Allowed choices are (?<choices>.*)\.$/;

/** The same as one sentence, with the nearest of them. */
function choiceOf({ option, argument, word = '', choices = '' }: Readonly<Record<string, string | undefined>>): string {
  // By its beginning, because what measures likeness is not loaded for every start.
  const nearest = choices.split(', ').find((one) => word.length > 1 && (one.startsWith(word) || word.startsWith(one)));
  const meant = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
  return `${option ?? `<${argument}>`} must be one of ${choices}, not '${word}'${meant}; see hive-db --help`;
}

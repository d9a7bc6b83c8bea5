import type { Argument, Command, Option } from 'commander';

/** What may stand where the cursor is. */
export interface Completion {
  /** Words that begin as the one that is being typed. */
  readonly words: readonly string[];
  /** Whether it may be the name of a database that is open now. */
  readonly wantsNames: boolean;
  /** Where processes find each other, where the line says so. */
  readonly runtimeDirectory: string | undefined;
}

/** A command line as far as it is typed. */
interface Line {
  readonly command: Command;
  /** Words that are neither verbs nor options. */
  readonly operands: number;
  /** The option whose value the last word is; undefined where it is not one's. */
  readonly option: Option | undefined;
  readonly runtimeDirectory: string | undefined;
}

/** Options whose values are names of databases. */
const NAMING_OPTIONS: ReadonlySet<string> = new Set(['--confirm', '--database']);

/** What may stand for the last word of a command line, without the program's own name. Pure. */
export function complete(program: Command, words: readonly string[]): Completion {
  const typed = words.at(-1) ?? '';
  const line = lineOf(program, words.slice(0, -1));
  const { runtimeDirectory } = line;
  const found = candidates(program, line, typed);
  return { ...found, words: found.words.filter((word) => word.startsWith(typed)), runtimeDirectory };
}

function candidates(
  program: Command,
  { command, operands, option }: Line,
  typed: string,
): Omit<Completion, 'runtimeDirectory'> {
  const help = program.createHelp();
  if (option !== undefined)
    return { words: option.argChoices ?? [], wantsNames: NAMING_OPTIONS.has(option.long ?? '') };
  if (typed.startsWith('-')) {
    const options = command === program ? [] : help.visibleOptions(command);
    const flags = [...options, ...help.visibleOptions(program)].flatMap(({ long }) => long ?? []);
    return { words: [...new Set(flags)], wantsNames: false };
  }
  if (command.commands.length > 0)
    return { words: help.visibleCommands(command).map((verb) => verb.name()), wantsNames: false };
  const argument = argumentAt(command, operands);
  return { words: argument?.argChoices ?? [], wantsNames: argument?.name() === 'database' };
}

function lineOf(program: Command, words: readonly string[]): Line {
  let line: Line = { command: program, operands: 0, option: undefined, runtimeDirectory: undefined };
  for (const word of words) line = after(program, line, word);
  return line;
}

function after(program: Command, line: Line, word: string): Line {
  const { command, option } = line;
  if (option !== undefined) {
    // Bash takes `--option=value` for three words.
    if (word === '=') return line;
    const isDirectory = option.long === '--runtime-dir';
    return { ...line, option: undefined, ...(isDirectory ? { runtimeDirectory: word } : {}) };
  }
  if (word.startsWith('-')) {
    const [flag, value] = word.split('=', 2);
    const found = [...command.options, ...program.options].find(({ short, long }) => flag === short || flag === long);
    const takesValue = found !== undefined && (found.required || found.optional);
    if (value === undefined) return { ...line, option: takesValue ? found : undefined };
    return found?.long === '--runtime-dir' ? { ...line, runtimeDirectory: value } : line;
  }
  const verb = command.commands.find((one) => one.name() === word);
  return verb === undefined ? { ...line, operands: line.operands + 1 } : { ...line, command: verb };
}

function argumentAt({ registeredArguments: all }: Command, index: number): Argument | undefined {
  const last = all.at(-1);
  return all[index] ?? (last?.variadic === true ? last : undefined);
}

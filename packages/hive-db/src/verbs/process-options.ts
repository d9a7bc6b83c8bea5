import type { Command } from 'commander';
import { number } from '../option.ts';
import { WrongUse } from '../wrong-use.ts';

/** Which processes are told something, as commander gives it. */
export interface ProcessOptions {
  readonly app?: string;
  readonly pid?: number;
  readonly all?: boolean;
}

/** Gives a verb the options that say which processes are told. */
export function addProcessOptions(verb: Command): Command {
  return verb
    .option('--app <name>', 'only processes of this app')
    .addOption(number('--pid <number>', 'only this process', 1, 999_999_999));
}

/** The same for a verb about one database, which several processes may have open. */
export function addDatabaseOptions(verb: Command): Command {
  return addProcessOptions(verb).option(
    '--all',
    'every process that has it (default), even where its name stands for several files',
  );
}

/** Throws for options that contradict each other. */
export function processesOf({ app, pid, all = false }: ProcessOptions): {
  readonly app: string | undefined;
  readonly pid: number | undefined;
  readonly everywhere: boolean;
} {
  if (all && (app !== undefined || pid !== undefined))
    throw new WrongUse('--all is every process: not with --app or --pid');
  return { app, pid, everywhere: all };
}

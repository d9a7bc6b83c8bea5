import type { Command } from 'commander';
import { duration } from '../option.ts';

const DEADLINE_MS = 600_000;
const LONGEST_MS = 86_400_000;

/** What `backup` and `restore` are told, as commander gives it. */
export interface CopyOptions {
  readonly replace?: boolean;
  readonly deadline: number;
}

/** Gives a verb the options of a copy. `about` says what `--replace` does. */
export function addCopyOptions(verb: Command, about: string): Command {
  return verb
    .option('--replace', about)
    .addOption(duration('--deadline <duration>', 'how long it may take', 1_000, LONGEST_MS, DEADLINE_MS, '10m'));
}

import { isDatabaseName } from '@hive/shared-db/presence';
import type { Command } from 'commander';
import { complete } from '../completion.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import type { Invocation } from '../invocation.ts';

/** Somebody waits for it with a finger on a key. */
const PATIENCE_MS = 300;

/** Prints the words that may stand for the last of a command line, each on a line of its own: what the shells' scripts ask for. */
export async function printCompletions(
  invocation: Invocation,
  program: Command,
  line: readonly string[],
): Promise<ExitCode> {
  const { words, wantsNames, runtimeDirectory } = complete(program, line);
  const typed = line.at(-1) ?? '';
  const names = wantsNames ? await liveNames(invocation, runtimeDirectory) : [];
  const found = [...words, ...names.filter((name) => name.startsWith(typed))];
  invocation.io.stdout.write(found.map((word) => `${word}\n`).join(''));
  return EXIT.fine;
}

async function liveNames(invocation: Invocation, runtimeDirectory: string | undefined): Promise<readonly string[]> {
  const { inquire } = await import('../inquiry.ts');
  const { answered } = await inquire({
    runtimeDirectory: runtimeDirectory ?? invocation.runtimeDirectory,
    timeoutMs: Math.min(invocation.timeoutMs, PATIENCE_MS),
  });
  const names = answered.flatMap(({ snapshot }) => snapshot.databases.map(({ name }) => name));
  // They come from other processes and go to a shell: only what a service would accept as one passes.
  return [...new Set(names)].filter((name) => isDatabaseName(name)).toSorted();
}

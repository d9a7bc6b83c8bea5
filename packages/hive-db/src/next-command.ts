import type { Invocation } from './invocation.ts';
import type { Finding } from './analysis/finding.ts';
import { shellWord } from './shell-word.ts';

/**
 * A command to type next, so that it works when it is typed: one of ours is told the runtime directory, too, where only this command line
 * has named that. Null where there is none.
 */
export function nextCommand<C extends string | null>(
  command: C,
  { io, runtimeDirectory }: Pick<Invocation, 'io' | 'runtimeDirectory'>,
): C | string {
  if (command === null || runtimeDirectory === undefined || runtimeDirectory === io.env['HIVE_RUNTIME_DIR'])
    return command;
  return command.replace(/^hive-db /, () => `hive-db --runtime-dir ${shellWord(runtimeDirectory)} `);
}

/** Findings whose commands work when they are typed. */
export function withNextCommands(findings: readonly Finding[], invocation: Invocation): readonly Finding[] {
  return findings.map((finding) => ({ ...finding, command: nextCommand(finding.command, invocation) }));
}

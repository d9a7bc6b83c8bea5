import type { Command } from 'commander';
import type { Run } from './verb.ts';

/** For the scripts of `completion`, and hidden from everybody else. */
export function addComplete(program: Command, run: Run): void {
  program
    .command('complete', { hidden: true })
    .description('what may stand for the last of these words: what the scripts of completion ask for')
    .argument('[word...]')
    .action(async (words: readonly string[]) => {
      await run(async (invocation) =>
        (await import('../commands/complete.ts')).printCompletions(invocation, program, words),
      );
    });
}

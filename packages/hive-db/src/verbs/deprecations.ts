import type { Command } from 'commander';
import { examples } from '../examples.ts';
import type { Run } from './verb.ts';

export function addDeprecations(program: Command, run: Run): void {
  const deprecations = program
    .command('deprecations')
    .description('which old APIs are still called, from where, and what to write instead')
    .action(async () => {
      await run(async (invocation) => (await import('../commands/deprecations.ts')).deprecations(invocation));
    });
  examples(deprecations, [['hive-db deprecations --json', 'call sites for a script']]);
}

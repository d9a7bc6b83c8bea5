import { LEVEL_WORDS } from '@hive/shared-db/presence';
import { Argument, type Command } from 'commander';
import { examples } from '../examples.ts';
import { addProcessOptions, type ProcessOptions } from './process-options.ts';
import type { Run } from './verb.ts';

export function addLogLevel(program: Command, run: Run): void {
  const verb = program
    .command('log-level')
    .description('from which level on the services log, until the process ends; default: as their settings say')
    .addArgument(new Argument('<level>', 'the lowest that is logged').choices(LEVEL_WORDS));
  addProcessOptions(verb).action(async (level: (typeof LEVEL_WORDS)[number], { app, pid }: ProcessOptions) => {
    const wanted = { database: undefined, app, pid, everywhere: true };
    const tuning = { verb: 'log-level', level } as const;
    await run(async (invocation) => (await import('../commands/tune.ts')).tune(invocation, wanted, tuning));
  });
  examples(verb, [
    ['hive-db log-level debug --app importer', 'more, of one app'],
    ['hive-db log-level default', 'as the settings of each process say'],
  ]);
}

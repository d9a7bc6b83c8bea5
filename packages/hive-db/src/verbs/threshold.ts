import { WRITTEN_THRESHOLDS } from '@hive/shared-db/presence';
import { Argument, type Command } from 'commander';
import { examples } from '../examples.ts';
import { addDatabaseOptions, processesOf, type ProcessOptions } from './process-options.ts';
import type { Run } from './verb.ts';

export function addThreshold(program: Command, run: Run): void {
  // The names are there to be completed; what is none of them is told the nearest.
  const name = new Argument('<name>', 'which one, as below health in a settings file')
    .choices(WRITTEN_THRESHOLDS)
    .argParser((word: string) => word);
  const verb = program
    .command('threshold')
    .description('move a threshold of health, until the process ends; default: as its settings say')
    .addArgument(name)
    .argument('<value>', 'as a settings file has it: 128MiB, 2s, 0.9, true; or default')
    .argument('[database]', 'the name of a database, or its file (default: the process and every database)');
  addDatabaseOptions(verb).action(
    async (word: string, value: string, database: string | undefined, options: ProcessOptions) => {
      const { app, pid, everywhere } = processesOf(options);
      const wanted = { database, app, pid, everywhere: everywhere || database === undefined };
      await run(async (invocation) => {
        const { thresholdTuning, tune } = await import('../commands/tune.ts');
        return tune(invocation, wanted, thresholdTuning(word, value, database));
      });
    },
  );
  examples(verb, [
    ['hive-db threshold walSize 256MiB orders', 'a larger log of it is no warning'],
    ['hive-db threshold oldestWait 5s --app shop', 'in one app only'],
    ['hive-db threshold walSize default', 'as their settings say'],
  ]);
}

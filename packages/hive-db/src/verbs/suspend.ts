import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { addDatabaseOptions, processesOf, type ProcessOptions } from './process-options.ts';
import type { Run } from './verb.ts';

export function addSuspend(program: Command, run: Run): void {
  const suspend = program
    .command('suspend')
    .description('let whoever wants to use a database wait, until resume; what is in use goes on')
    .argument('<database>', 'the name of a database, or its file');
  addDatabaseOptions(suspend).action(async (database: string, options: ProcessOptions) => {
    const wanted = { database, ...processesOf(options) };
    const task = { verb: 'suspend' } as const;
    await run(async (invocation) => (await import('../commands/control.ts')).control(invocation, wanted, task));
  });
  examples(suspend, [
    ['hive-db suspend orders', 'callers wait, until their time is up'],
    ['hive-db suspend orders --pid 4711', 'in one process only'],
  ]);
}

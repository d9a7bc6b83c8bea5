import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { addDatabaseOptions, processesOf, type ProcessOptions } from './process-options.ts';
import type { Run } from './verb.ts';

export function addResume(program: Command, run: Run): void {
  const resume = program
    .command('resume')
    .description('let a suspended database go on, beginning with who waits')
    .argument('<database>', 'the name of a database, or its file');
  addDatabaseOptions(resume).action(async (database: string, options: ProcessOptions) => {
    const wanted = { database, ...processesOf(options) };
    const task = { verb: 'resume' } as const;
    await run(async (invocation) => (await import('../commands/control.ts')).control(invocation, wanted, task));
  });
  examples(resume, [['hive-db resume orders', 'in every process that has it open']]);
}

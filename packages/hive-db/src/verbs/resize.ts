import { MOST_CONNECTIONS } from '@hive/shared-db/presence';
import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { number } from '../option.ts';
import { WrongUse } from '../wrong-use.ts';
import { addDatabaseOptions, processesOf, type ProcessOptions } from './process-options.ts';
import type { Run } from './verb.ts';

interface ResizeOptions extends ProcessOptions {
  readonly size?: number;
  readonly maxOverflow?: number;
}

export function addResize(program: Command, run: Run): void {
  const resize = program
    .command('resize')
    .description('change how many connections a database may have, until the process ends; nobody is interrupted')
    .argument('<database>', 'the name of a database, or its file')
    .addOption(number('--size <number>', 'connections that are kept', 1, MOST_CONNECTIONS))
    .addOption(number('--max-overflow <number>', 'more of them while there is demand', 0, MOST_CONNECTIONS));
  addDatabaseOptions(resize).action(async (database: string, options: ResizeOptions) => {
    const { size, maxOverflow } = options;
    if (size === undefined && maxOverflow === undefined)
      throw new WrongUse('resize needs --size or --max-overflow, or both');
    const wanted = { database, ...processesOf(options) };
    const task = { verb: 'resize', size, maxOverflow } as const;
    await run(async (invocation) => (await import('../commands/control.ts')).control(invocation, wanted, task));
  });
  examples(resize, [
    ['hive-db resize orders --size 8', 'in every process that has it open'],
    ['hive-db resize orders --size 2 --app shop', 'in one app only'],
  ]);
}

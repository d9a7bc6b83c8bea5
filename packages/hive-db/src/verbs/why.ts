import type { Command } from 'commander';
import { examples } from '../examples.ts';
import type { Run } from './verb.ts';

export function addWhy(program: Command, run: Run): void {
  const why = program
    .command('why')
    .description('why somebody waits for a database now: one sentence, and the next command to type')
    .argument('<database>', 'the name of a database, or a SQLite file')
    .action(async (database: string) => {
      await run(async (invocation) => (await import('../commands/why.ts')).why(invocation, database));
    });
  examples(why, [
    ['hive-db why orders', 'who is in the way of the others'],
    ['hive-db why data/orders.db --json', 'the same as hive-db/why/v1'],
  ]);
}

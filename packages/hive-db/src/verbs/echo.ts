import { ECHO_SUBJECTS } from '@hive/shared-db/presence';
import { Argument, Option, type Command } from 'commander';
import { examples } from '../examples.ts';
import { addDatabaseOptions, processesOf, type ProcessOptions } from './process-options.ts';
import type { Run } from './verb.ts';

interface EchoOptions extends ProcessOptions {
  readonly of: (typeof ECHO_SUBJECTS)[number];
}

const WORDS = { on: true, off: false, debug: 'debug' } as const;

export function addEcho(program: Command, run: Run): void {
  const verb = program
    .command('echo')
    .description('have statements logged, without any value, until the process ends; debug: at that level')
    .addArgument(new Argument('<echo>', 'whether they are').choices(Object.keys(WORDS)))
    .argument('[database]', 'the name of a database, or its file (default: every database)')
    .addOption(
      new Option('--of <what>', 'statements, or what the pool lends and gets back')
        .choices(ECHO_SUBJECTS)
        .default('statements'),
    );
  addDatabaseOptions(verb).action(
    async (word: keyof typeof WORDS, database: string | undefined, { of, ...options }: EchoOptions) => {
      const { app, pid, everywhere } = processesOf(options);
      const wanted = { database, app, pid, everywhere: everywhere || database === undefined };
      const tuning = { verb: 'echo', of, echo: WORDS[word] } as const;
      await run(async (invocation) => (await import('../commands/tune.ts')).tune(invocation, wanted, tuning));
    },
  );
  examples(verb, [
    ['hive-db echo on orders', 'its statements, in every process that has it'],
    ['hive-db echo on orders --of pool', 'who borrows a connection, and for how long'],
    ['hive-db echo off', 'no statements any more, of any database'],
  ]);
}

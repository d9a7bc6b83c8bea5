import { FLUSH_MODES } from '@hive/shared-db/presence';
import { Option, type Command } from 'commander';
import { examples } from '../examples.ts';
import { WrongUse } from '../wrong-use.ts';
import { addProcessOptions, type ProcessOptions } from './process-options.ts';
import type { Run } from './verb.ts';

type FlushMode = (typeof FLUSH_MODES)[number];

interface FlushOptions extends ProcessOptions {
  readonly mode?: FlushMode;
}

export function addFlush(program: Command, run: Run): void {
  const flush = program
    .command('flush')
    .description('close the connections of a database; with --all in an emergency: also those in use, of all databases')
    .argument('[database]', 'the name of a database, or its file')
    .option('--all', 'every database')
    .addOption(
      new Option(
        '--mode <mode>',
        'what to close: idle connections, all, those held for too long, or each as it comes back (default: idle; with --all: all)',
      ).choices(FLUSH_MODES),
    );
  addProcessOptions(flush).action(
    async (database: string | undefined, { all = false, mode, app, pid }: FlushOptions) => {
      if (all === (database !== undefined)) throw new WrongUse('flush needs the name of a database, or --all');
      const wanted = { database, app, pid, everywhere: all };
      const task = { verb: 'flush', mode: mode ?? (all ? 'all' : 'idle') } as const;
      await run(async (invocation) => (await import('../commands/control.ts')).control(invocation, wanted, task));
    },
  );
  examples(flush, [
    ['hive-db flush --all', 'in an emergency: nobody keeps one'],
    ['hive-db flush orders --mode leaked', 'what is held too long'],
    ['hive-db flush orders --mode graceful', 'each when it comes back'],
  ]);
}

import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { WrongUse } from '../wrong-use.ts';
import type { Run } from './verb.ts';

interface StatusOptions {
  readonly input?: string;
}

export function addStatus(program: Command, run: Run): void {
  const status = program
    .command('status')
    .description('where processes and their databases stand, or what the named SQLite files are')
    .argument('[file...]', 'SQLite files; they are looked at, not opened')
    .option('-i, --input <file>', 'an earlier export, to be shown instead of what is so now')
    .action(async (files: readonly string[], { input }: StatusOptions) => {
      if (input !== undefined && files.length > 0)
        throw new WrongUse('--input shows an export, and no files beside it');
      await run(async (invocation) =>
        input === undefined
          ? (await import('../commands/status.ts')).status(invocation, files)
          : (await import('../commands/status-input.ts')).statusOfInput(invocation, input),
      );
    });
  examples(status, [
    ['hive-db status', 'every process of this user'],
    ['hive-db status data/*.db', 'pages, journal, versions, who has locks'],
    ['hive-db status --json', 'the same as hive-db/status/v1'],
    ['hive-db status -i state.json', 'as it was at an earlier hive-db export'],
  ]);
}

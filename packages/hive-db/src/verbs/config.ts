import type { Command } from 'commander';
import { complaint } from '../complaint.ts';
import { examples } from '../examples.ts';
import type { Run } from './verb.ts';

const PROFILE = 'a profile of the settings file (default: HIVE_PROFILE, else none)';

export function addConfig(program: Command, run: Run): void {
  const config = program
    .command('config')
    .description('the settings that a process started here would get')
    .helpCommand(false)
    .configureOutput({
      outputError: (text, write) => {
        write(`hive-db: ${complaint(text, config)}\n`);
      },
    });
  examples(config, [
    ['hive-db config print --origin', 'every value and what decided it'],
    ['hive-db config print --profile test', 'what a profile comes to'],
    ['hive-db config validate', 'check settings.yaml and the environment'],
  ]);
  addPrint(config, run);
  addValidate(config, run);
}

interface PrintOptions {
  readonly origin?: boolean;
  readonly settings?: string;
  readonly database?: readonly string[];
  readonly profile?: string;
}

function addPrint(config: Command, run: Run): void {
  config
    .command('print')
    .description('every effective value of the settings file, the environment and the defaults')
    .option('--origin', 'say where each value comes from')
    .option('--settings <file>', 'the settings file (default: settings.yaml, if it is there)')
    .option(
      '--database <name...>',
      'databases whose own settings to show, beside those that the file or a variable names',
    )
    .option('--profile <name>', PROFILE)
    .action(async ({ origin = false, settings: file, database: databases = [], profile }: PrintOptions) => {
      const request = { origin, file, databases, profile };
      await run(async (invocation) => (await import('../commands/config-print.ts')).configPrint(invocation, request));
    });
}

function addValidate(config: Command, run: Run): void {
  config
    .command('validate')
    .description('whether the settings file and the environment would be accepted: exit code 2 when not')
    .argument('[file]', 'the settings file (default: settings.yaml, if it is there)')
    .option('--profile <name>', PROFILE)
    .action(async (file: string | undefined, { profile }: Pick<PrintOptions, 'profile'>) => {
      const request = { file, databases: [], profile };
      await run(async (invocation) =>
        (await import('../commands/config-validate.ts')).configValidate(invocation, request),
      );
    });
}

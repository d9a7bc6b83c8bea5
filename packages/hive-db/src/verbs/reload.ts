import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { addProcessOptions, type ProcessOptions } from './process-options.ts';
import type { Run } from './verb.ts';

export function addReload(program: Command, run: Run): void {
  const reload = program
    .command('reload')
    .description('have processes read their settings again: what is safe applies at once, the rest is listed');
  addProcessOptions(reload).action(async ({ app, pid }: ProcessOptions) => {
    await run(async (invocation) => (await import('../commands/reload.ts')).reload(invocation, { app, pid }));
  });
  examples(reload, [
    ['hive-db config validate && hive-db reload', 'after settings.yaml was changed'],
    ['hive-db reload --app importer --json', 'key, origin, old and new'],
  ]);
}

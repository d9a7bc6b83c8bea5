import type { Command } from 'commander';
import { examples } from '../examples.ts';
import { repeated } from '../option.ts';
import { WrongUse } from '../wrong-use.ts';
import type { Run } from './verb.ts';

interface HealthCheckOptions {
  readonly fix?: boolean;
  readonly dryRun?: boolean;
  readonly confirm?: readonly string[];
}

export function addHealthCheck(program: Command, run: Run): void {
  const healthCheck = program
    .command('health-check')
    .description(
      'a verdict on every process, or on the named SQLite files: exit code 1 when one fails, 3 when one does not answer or none is there',
    )
    .argument('[file...]', 'SQLite files instead of processes; only --fix opens them')
    .option('--fix', 'mend what can be mended: exit code 1 where something is left that could be')
    .option('--dry-run', 'show what --fix would do, and change nothing')
    .option('--confirm <name>', 'with --fix: take risky steps on this file or database (may be repeated)', repeated)
    .action(async (files: readonly string[], { fix = false, dryRun = false, confirm = [] }: HealthCheckOptions) => {
      if (fix || dryRun) {
        const request = { files, dryRun, confirmed: confirm };
        await run(async (invocation) => (await import('../commands/health-fix.ts')).healthFix(invocation, request));
        return;
      }
      if (confirm.length > 0) throw new WrongUse('--confirm belongs to --fix');
      await run(async (invocation) =>
        files.length > 0
          ? (await import('../commands/health-files.ts')).healthOfNamed(invocation, files)
          : (await import('../commands/health-check.ts')).healthCheck(invocation),
      );
    });
  examples(healthCheck, [
    ['hive-db health-check || echo "look at it"', 'in a script'],
    ['hive-db health-check data/orders.db', 'a file, unopened'],
    ['hive-db health-check --dry-run data/orders.db', 'what could be mended, and how'],
    ['hive-db health-check --fix', 'mend what processes share'],
  ]);
}

import { Option, type Command } from 'commander';
import type { ActivityKind, PsSort } from '../documents/ps.ts';
import { examples } from '../examples.ts';
import { duration } from '../option.ts';
import type { Run } from './verb.ts';

const KINDS: readonly ActivityKind[] = ['session', 'read', 'write', 'any', 'waiting', 'running', 'offload', 'stuck'];
const SORTS: readonly PsSort[] = ['age', 'app', 'database', 'label', 'kind', 'pid'];

interface PsOptions {
  readonly app?: string;
  readonly database?: string;
  readonly kind?: string;
  readonly label?: string;
  readonly longer: number;
  readonly leaked?: boolean;
  readonly sort: PsSort;
}

export function addPs(program: Command, run: Run): void {
  const ps = program
    .command('ps')
    .description('who holds a connection, who waits for one, and what a process is stuck in: oldest first')
    .option('--app <name>', 'of this app only')
    .option('--database <name>', 'of this database only')
    .option('--label <text>', 'with this in its label')
    .addOption(new Option('--kind <kind>', 'of this kind only').choices(KINDS))
    .addOption(duration('--longer <duration>', 'that has lasted for so long', 0, 86_400_000, 0, '0s'))
    .option('--leaked', 'that looks like a leak: held and not used for long')
    .addOption(new Option('--sort <key>', 'what to order by').choices(SORTS).default('age'))
    .action(async ({ app, database, kind, label, longer, leaked = false, sort }: PsOptions) => {
      const filter = { app, database, kind, label, atLeastMs: longer, leaked };
      await run(async (invocation) => (await import('../commands/ps.ts')).ps(invocation, filter, sort));
    });
  examples(ps, [
    ['hive-db ps', 'everybody, oldest first'],
    ['hive-db ps --leaked', 'what may have been forgotten, and where it was borrowed'],
    ['hive-db ps --kind session --longer 30s', 'sessions that last'],
    ['hive-db ps --database orders --kind waiting', 'who waits for one database'],
  ]);
}

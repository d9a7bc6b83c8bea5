import { Command } from 'commander';
import { serve } from './commands/serve.ts';
import { readRequest, submit } from './commands/submit.ts';
import { tasks } from './commands/tasks.ts';
import { work } from './commands/work.ts';
import { commonConfig, serveConfig, workerConfig, type ConfigSources, type Flags } from './config.ts';
import type { Io } from './io.ts';
import { parseTaskQuery } from './tasks/task-query.ts';

/** The command line. Whoever parses it hears through `ended` with which code a command ended. */
export function createProgram(io: Io, ended: (exitCode: number) => void): Command {
  const { env, cwd } = io;
  const sources = (flags: Flags): ConfigSources => ({ flags, env, cwd });
  const program = new Command('hive-orchestrator')
    .description('A queue of tasks that several processes share.')
    .exitOverride()
    // Errors are told by whoever catches them, once.
    .configureOutput({ writeOut: io.stdout, writeErr: () => undefined });

  common(program.command('serve'))
    .description('serve tasks and health over HTTP, and hand studies over to the bus')
    .option('--host <host>', 'name of the loopback interface (default: 127.0.0.1)')
    .option('--port <number>', 'port to listen on; 0 takes any (default: 8787)')
    .action(async (flags: Flags) => {
      ended(await serve(serveConfig(sources(flags)), io));
    });

  common(program.command('worker'))
    .description('run tasks')
    .option('--kinds <list>', 'kinds of tasks to run, with commas (default: all)')
    .option('--name <name>', 'who it is in the history (default: worker-PID)')
    .option('--concurrency <number>', 'tasks at once (default: 4)')
    .option('--lease-ms <number>', 'after how long its tasks are given to others when it falls silent (default: 30000)')
    .action(async (flags: Flags) => {
      ended(await work(workerConfig(sources(flags), io.pid), io));
    });

  common(program.command('submit'))
    .description('put a task into the queue and print its id')
    .argument('<kind>', 'what kind of task')
    .argument('[payload]', 'JSON')
    .option('--key <key>', 'submitting again with the same key finds the same task')
    .option('--priority <number>', 'higher goes first (default: 0)')
    .option('--max-attempts <number>', 'how often it is tried (default: 5)')
    .option('--delay-ms <number>', 'not before so long from now (default: 0)')
    .action(async (kind: string, payload: string | undefined, flags: Record<string, string | undefined>) => {
      const { key, priority, maxAttempts, delayMs } = flags;
      const request = readRequest({ kind, payload, key, priority, maxAttempts, delayMs });
      ended(await submit(request, commonConfig(sources(flags), 'silent'), io));
    });

  common(program.command('tasks'))
    .description('list tasks, newest first')
    .option('--state <state>', 'only those in this state')
    .option('--kind <kind>', 'only those of this kind')
    .option('--limit <number>', 'how many (default: 100)')
    .option('--json', 'one JSON document')
    .action(async (flags: Record<string, string | boolean | undefined>) => {
      const { state, kind, limit, json = false } = flags;
      const filter = parseTaskQuery({ state, kind, limit }, 'tasks');
      ended(await tasks(filter, json === true, commonConfig(sources(flags), 'silent'), io));
    });

  return program;
}

function common(command: Command): Command {
  return command
    .option('--data-dir <directory>', 'where the databases are (default: .hive)')
    .option('--log-level <level>', 'debug, info, warn, error or silent');
}

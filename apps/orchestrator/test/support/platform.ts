import { temporaryDirectory } from '@hive/shared-db/testing';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { startEnvironment } from './start-environment.ts';
import { until } from './until.ts';

const BIN = join(import.meta.dirname, '../../bin/hive-orchestrator.js');

/** How a process ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One real process of the compiled command. */
export interface Process {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly ended: Promise<End>;
  /** Resolves with what the pattern captured when stdout first matches. */
  says(pattern: RegExp): Promise<string>;
}

/** A directory with databases in it and the processes that a test starts on them; whatever is still alive is killed at the end. */
export interface Platform extends AsyncDisposable {
  readonly directory: string;
  readonly dataDirectory: string;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Process;
  /** `serve` on a port of its own; resolves when it listens and its databases are open. */
  serve(): Promise<Process & { readonly url: string }>;
  /** `worker`; resolves when it works. */
  worker(...args: readonly string[]): Promise<Process>;
  /** A command that ends by itself. */
  run(...args: readonly string[]): Promise<End & { readonly stdout: string; readonly stderr: string }>;
}

export function platform(): Platform {
  const directory = temporaryDirectory();
  const dataDirectory = directory.file('data');
  const processes: Process[] = [];

  const start: Platform['start'] = (args, env = {}) => {
    const started = startProcess([...args, '--data-dir', dataDirectory], directory.path, env);
    processes.push(started);
    return started;
  };
  return {
    directory: directory.path,
    dataDirectory,
    start,
    serve: async () => {
      const server = start(['serve', '--port', '0']);
      const url = await server.says(/(http:\/\/\S+:\d+)/);
      return { ...server, url };
    },
    worker: async (...args) => {
      const worker = start(['worker', ...args]);
      await worker.says(/ (runs) /);
      return worker;
    },
    run: async (...args) => {
      const command = start(args);
      return { ...(await command.ended), stdout: command.stdout(), stderr: command.stderr() };
    },
    [Symbol.asyncDispose]: async () => {
      for (const { child } of processes) child.kill('SIGKILL');
      await Promise.all(processes.map(({ ended }) => ended));
      directory[Symbol.dispose]();
    },
  };
}

function startProcess(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Process {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    // Nothing of the environment of the test run but what makes a start cheap, and a place of their own for processes to meet.
    env: { ...startEnvironment(), HIVE_RUNTIME_DIR: join(cwd, 'run'), ...env },
    // With a channel, as whoever starts several processes has one: its end is also theirs.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = endOf(child);
  return {
    pid: child.pid ?? 0,
    child,
    stdout: () => out,
    stderr: () => err,
    ended,
    says: (pattern) =>
      until(`it says ${String(pattern)}; it said ${out}${err}`, () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${err}`);
        return pattern.exec(out)?.[1];
      }),
  };
}

/** Resolves when it has exited and everything it said has arrived. (`close` never comes after a `disconnect` of our own.) */
async function endOf(child: ChildProcess): Promise<End> {
  const closed = [child.stdout, child.stderr].map(
    (stream) => new Promise<void>((resolve) => stream?.once('close', resolve)),
  );
  const [code, signal] = (await once(child, 'exit')) as [End['code'], End['signal']];
  await Promise.all(closed);
  return { code, signal };
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { listProcesses } from '@hive/shared-db/presence';

/** Another process that talks in lines. Killed when the scope ends. */
export interface Program extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly pid: number;
  /** The next line that it prints. Rejects when it ends without one. */
  line(): Promise<string>;
  /** Tells it something, and resolves when it has answered with the same word. */
  tell(word: string): Promise<void>;
  kill(): Promise<void>;
}

/** Any program. */
export interface CommandLine {
  readonly command: string;
  readonly argv: readonly string[];
}

/** Starts a program of this folder. */
export function startProgram(file: string, ...args: readonly string[]): Program {
  return startCommand({ command: process.execPath, argv: [join(import.meta.dirname, file), ...args] });
}

/** Starts any program. */
export function startCommand({ command, argv }: CommandLine): Program {
  const child = spawn(command, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ${argv.join(' ')} ended without another line`);
    return value;
  };
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return {
    process: child,
    pid: child.pid!,
    line,
    tell: async (word) => {
      child.stdin.write(`${word}\n`);
      const answer = await line();
      if (answer !== word) throw new Error(`expected ${word}, heard ${answer}`);
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

/** Starts a process with a database service named `shop`, and its databases `orders` and `stock` in the directory. */
export async function startShop(directory: string): Promise<Program & { readonly runtimeDirectory: string }> {
  const runtimeDirectory = join(directory, 'run');
  const shop = startProgram('service.mjs', directory, runtimeDirectory);
  if ((await shop.line()) !== 'ready') throw new Error('the shop did not open');
  await seen(runtimeDirectory, shop.pid);
  const tell = async (word: string): Promise<void> => {
    await shop.tell(word);
    if (!AFTER_WHICH_IT_IS_SILENT.has(word)) await seen(runtimeDirectory, shop.pid);
  };
  return { ...shop, runtimeDirectory, tell };
}

const AFTER_WHICH_IT_IS_SILENT: ReadonlySet<string> = new Set(['count', 'fill', 'freeze', 'close']);

/**
 * Waits until the process itself has said how it is. On a busy machine its sentinel may lose patience and tell what was so a second
 * ago; from then on it tells at least what is so now.
 */
async function seen(directory: string, pid: number): Promise<void> {
  for (;;) {
    const report = (await listProcesses({ directory, timeoutMs: 20_000 })).find((one) => one.pid === pid);
    if (report?.state === 'answered' && report.snapshot.eventLoop.blockedMs === 0) return;
  }
}

/** Another SQLite that has the file open. */
export async function startWriter(path: string, ...statements: readonly string[]): Promise<Program> {
  const writer = startProgram('writer.mjs', path);
  await writer.line();
  for (const statement of statements) await writer.tell(statement);
  return writer;
}

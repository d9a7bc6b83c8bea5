import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Ends a process whose test run has gone; does not keep it alive. */
const LEASH = 'process.stdin.on("end", () => process.exit(1)).resume().unref();';

const packageRoot = join(import.meta.dirname, '../..');

/** Another process that runs a few lines of JavaScript and says something when it is ready. Killed when the scope ends. */
export interface Neighbour extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly pid: number;
  /** The next line that it prints. */
  line(): Promise<string>;
  /** Ends it as the kernel would, without a chance to clean up. */
  kill(): Promise<void>;
  /** Its exit code, when it ends by itself. */
  exit(): Promise<number | null>;
}

/** Starts one. `program` is an ES module; `process.argv` from 2 on holds the arguments. */
export function startNeighbour(program: string, ...args: readonly string[]): Neighbour {
  const child = spawn(process.execPath, ['--input-type=module', '-e', LEASH + program, '--', ...args], {
    cwd: packageRoot,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  return {
    process: child,
    pid: child.pid!,
    line: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error('the process ended without another line');
      return value;
    },
    kill,
    exit: async () => (await exited)[0],
    [Symbol.asyncDispose]: kill,
  };
}

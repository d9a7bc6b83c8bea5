import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const packageRoot = join(import.meta.dirname, '../..');

/** What a companion's program may use: `say` a line, `hear` the next one, and its arguments `args`. */
const PRELUDE = `
  import { createInterface } from 'node:readline';
  const args = process.argv.slice(1);
  const say = (line) => process.stdout.write(line + '\\n');
  let ears;
  const hear = async () => {
    ears ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    return (await ears.next()).value;
  };
  const goDeaf = () => process.stdin.destroy();
`;

/** How a process ended. */
export interface Ending {
  /** Undefined when it was killed. */
  readonly code: number | undefined;
  readonly stderr: string;
}

/** Another process to talk with, line by line. Killed when the scope ends. */
export interface Companion extends AsyncDisposable {
  readonly pid: number;
  /** Tells it a line. */
  readonly say: (line: string) => void;
  /** The next line that it says. Rejects, with what it complained of, when it has ended instead. */
  readonly hear: () => Promise<string>;
  /** Ends it as the kernel would, without a chance to clean up. */
  readonly kill: () => Promise<void>;
  /** Sends a signal, such as SIGSTOP. */
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Waits until it ends by itself. */
  readonly end: () => Promise<Ending>;
}

/** Starts one. `program` is an ES module in which `say`, `hear`, `goDeaf` and `args` are defined. */
export function companion(program: string, ...args: readonly string[]): Companion {
  return companionWith({}, program, ...args);
}

/** The same, with more in its environment. */
export function companionWith(
  environment: Readonly<Record<string, string>>,
  program: string,
  ...args: readonly string[]
): Companion {
  const child = spawn(process.execPath, ['--input-type=module', '-e', `${PRELUDE}\n${program}`, '--', ...args], {
    cwd: packageRoot,
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined);
  const closed = once(child, 'close') as Promise<[number | null]>;
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
  };
  return {
    pid: child.pid!,
    say: (line) => {
      child.stdin.write(`${line}\n`);
    },
    hear: async () => {
      const { value, done } = await lines.next();
      if (done !== true) return value;
      await closed;
      throw new Error(`the companion has ended: ${stderr}`);
    },
    kill,
    signal: (signal) => {
      child.kill(signal);
    },
    end: async () => {
      child.stdin.end();
      const [code] = await closed;
      return { code: code ?? undefined, stderr };
    },
    [Symbol.asyncDispose]: kill,
  };
}

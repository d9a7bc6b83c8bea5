import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startEnvironment } from './start-environment.ts';

const bin = join(import.meta.dirname, '../../bin/hive-ecosystemiser.js');

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a command said and how it ended. */
export interface Finished extends Ended {
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Its working directory; other processes are met in it too, so that nobody outside is. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it has a channel to this process. */
  readonly ipc?: boolean;
}

/** Runs a command to its end, in a process of its own. */
export async function run(args: readonly string[], options: CommandOptions): Promise<Finished> {
  const child = launch(args, options);
  const said = { stdout: '', stderr: '' };
  child.stdout?.on('data', (text: Buffer) => (said.stdout += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (said.stderr += text.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { ...said, code, signal };
}

/** A line of its log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** `serve` in a process of its own. It is killed when its scope ends, if it has not ended before. */
export class ServeProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: LogLine[] = [];
  readonly #waiting = new Set<() => void>();
  readonly ended: Promise<Ended>;
  #over = false;

  constructor(dataDirectory: string, options: CommandOptions) {
    this.#child = launch(['serve', '--data-dir', dataDirectory], options);
    this.#child.stdout?.resume();
    const log = createInterface({ input: this.#child.stderr! });
    log.on('line', (line) => {
      this.#lines.push(line.startsWith('{') ? (JSON.parse(line) as LogLine) : { msg: line });
      this.#wake();
    });
    log.on('close', () => {
      this.#over = true;
      this.#wake();
    });
    // Not 'close', which never comes once the channel was disconnected from here.
    this.ended = once(this.#child, 'exit').then(([code, signal]: unknown[]) => ({ code, signal }) as Ended);
  }

  /** The first line of its log, from the beginning, that says this and has these fields. Rejects when it ends without it. */
  said(msg: string, fields: Readonly<Record<string, unknown>> = {}): Promise<LogLine> {
    return this.#line(
      msg,
      (line) => line.msg === msg && Object.entries(fields).every(([name, value]) => line[name] === value),
    );
  }

  /** The first that begins so. */
  saidLike(beginning: string): Promise<LogLine> {
    return this.#line(beginning, ({ msg }) => msg.startsWith(beginning));
  }

  async #line(what: string, isMeant: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const found = this.#lines.find(isMeant);
      if (found !== undefined) return found;
      if (this.#over)
        throw new Error(`it ended without saying "${what}": ${this.#lines.map((line) => line.msg).join('; ')}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** What happens when the process at the other end of the channel dies. */
  disconnect(): void {
    this.#child.disconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

function launch(args: readonly string[], { cwd, env = {}, ipc = false }: CommandOptions): ChildProcess {
  return spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...startEnvironment(), HIVE_RUNTIME_DIR: join(cwd, 'run'), ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  });
}

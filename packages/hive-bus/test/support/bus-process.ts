import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** One thing that a process did. */
export interface Report {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly did: 'ready' | 'published' | 'begin' | 'end';
  readonly topic?: string;
  readonly payload?: unknown;
  readonly attempt?: number;
  readonly first?: boolean;
}

export interface Task {
  readonly role: 'publisher' | 'consumer' | 'passer-by';
  readonly name: string;
  readonly directory: string;
  readonly [option: string]: unknown;
}

/** A real process that publishes or consumes. Killed when its scope ends. */
export class BusProcess implements AsyncDisposable {
  readonly reports: Report[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #running = true;
  #errors = '';
  #waiting: (() => void)[] = [];

  constructor(task: Task) {
    this.#child = spawn(process.execPath, [join(import.meta.dirname, 'bus-process.mjs'), JSON.stringify(task)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#child, 'close').then(([code]) => {
      this.#running = false;
      this.#wake();
      return code as number | null;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.reports.push(JSON.parse(line) as Report);
      this.#wake();
    });
  }

  /** Starts one and waits until it says that it is ready. */
  static async start(task: Task): Promise<BusProcess> {
    const started = new BusProcess(task);
    await started.until(({ did }) => did === 'ready');
    return started;
  }

  /** The first report that fits, as soon as it is there. Rejects when the process ends before. */
  async until(fits: (report: Report) => boolean): Promise<Report> {
    for (;;) {
      const report = this.reports.find(fits);
      if (report !== undefined) return report;
      if (!this.running) throw new Error(`the process ended before: ${this.#errors}`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  publish(topic: string, payload: unknown): void {
    this.#child.stdin?.write(`${JSON.stringify({ topic, payload })}\n`);
  }

  /** Tells a publisher that nothing more comes. Resolves with its exit code. */
  async finish(): Promise<number | null> {
    this.#child.stdin?.end();
    return this.#ended;
  }

  /** Resolves with the exit code when it ends by itself; null when a signal ended it. */
  async end(): Promise<number | null> {
    return this.#ended;
  }

  /** SIGKILL: no handler runs, nothing is tidied up. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  get running(): boolean {
    return this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

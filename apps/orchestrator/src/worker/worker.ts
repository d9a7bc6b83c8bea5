import { Loop } from '../loop.ts';
import { pause } from '../pause.ts';
import type { TaskQueue } from '../tasks/queue.ts';
import { Attempt, type AttemptContext } from './attempt.ts';
import type { TaskHandlers } from './task-handler.ts';

/** How soon a worker with nothing to do looks again: less than a person notices, for two small reads each time. */
const IDLE_MS = 50;

export interface WorkerOptions extends AttemptContext {
  readonly queue: TaskQueue;
  readonly name: string;
  readonly handlers: TaskHandlers;
  /** How many tasks at once. */
  readonly concurrency: number;
}

/** How long stopping waits. */
export interface StopPatience {
  /** For handlers to finish by themselves. Default 2 s: short work is not done twice. */
  readonly finishMs?: number;
  /** For handlers that were told to end. Default 1 s. */
  readonly endMs?: number;
}

/** Claims tasks of the kinds it has handlers for, and runs them. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #attempts = new Set<Attempt>();
  readonly #loops: readonly Loop[];

  /** Starts at once. */
  constructor(options: WorkerOptions) {
    this.#options = options;
    const { name, clock, logger, concurrency } = options;
    const loop = { name: `worker ${name}`, everyMs: IDLE_MS, run: () => this.#runNext(), clock, logger };
    this.#loops = Array.from({ length: concurrency }, () => new Loop(loop));
  }

  /** How many tasks it is running. */
  get running(): number {
    return this.#attempts.size;
  }

  /** Claims nothing more, lets handlers finish, then ends them and gives their tasks back. Never rejects. */
  async stop({ finishMs = 2_000, endMs = 1_000 }: StopPatience = {}): Promise<void> {
    const ended = Promise.all(this.#loops.map((loop) => loop.stop()));
    if (await this.#isOver(ended, finishMs)) return;
    for (const attempt of this.#attempts) attempt.stop();
    if (await this.#isOver(ended, endMs)) return;
    for (const attempt of this.#attempts) attempt.abandon();
    await ended;
  }

  /** Resolves with whether there was a task. */
  async #runNext(): Promise<boolean> {
    const { queue, name, handlers, leaseMs } = this.#options;
    const task = await queue.claim(name, Object.keys(handlers), leaseMs);
    if (task === undefined) return false;
    const handler = handlers[task.kind];
    if (handler === undefined) throw new Error(`BUG: a task of kind ${task.kind} was claimed and nobody can run it`);
    const attempt = new Attempt(task, this.#options);
    this.#attempts.add(attempt);
    await attempt.run(handler);
    this.#attempts.delete(attempt);
    return true;
  }

  async #isOver(ended: Promise<unknown>, withinMs: number): Promise<boolean> {
    const over = new AbortController();
    void ended.then(() => {
      over.abort();
    });
    await pause(this.#options.clock, withinMs, over.signal);
    return over.signal.aborted;
  }
}

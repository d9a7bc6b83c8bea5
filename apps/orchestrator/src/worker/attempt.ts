import type { Clock, Logger, Timer } from '@hive/shared-db';
import { claimOn, type Claim } from '../tasks/claim.ts';
import type { Ending, TaskQueue } from '../tasks/queue.ts';
import type { Task } from '../tasks/task.ts';
import type { TaskHandler } from './task-handler.ts';

/** What an attempt needs beside its task. */
export interface AttemptContext {
  readonly queue: Pick<TaskQueue, 'heartbeat' | 'finish' | 'giveBack'>;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Why a handler was told to end. */
type Interruption = 'cancelled' | 'lost' | 'stopped';

/** A lease is renewed this often while it lasts, so that two beats may fail. */
const BEATS = 3;

/** One attempt at one task: runs the handler, keeps the lease, and tells the queue how it ended. */
export class Attempt {
  readonly #task: Task;
  readonly #claim: Claim;
  readonly #context: AttemptContext;
  readonly #controller = new AbortController();
  readonly #abandoned = Promise.withResolvers<undefined>();
  #interruption: Interruption | undefined;
  #heldUntil: number;
  #timer: Timer | undefined;

  constructor(task: Task, context: AttemptContext) {
    this.#task = task;
    this.#claim = claimOn(task);
    this.#context = context;
    this.#heldUntil = context.clock.now() + context.leaseMs;
  }

  /** Resolves when the queue knows the end, or cannot be told; then the lease runs out and the task is run again. Never rejects. */
  async run(handler: TaskHandler): Promise<void> {
    const { queue, logger } = this.#context;
    this.#beatLater();
    try {
      const ending = await Promise.race([this.#endingOf(handler), this.#abandoned.promise]);
      if (ending !== undefined) await queue.finish(this.#claim, ending);
      else if (this.#interruption === 'stopped') await queue.giveBack(this.#claim);
      logger.debug({ ...this.#claim, ending: ending?.state ?? this.#interruption }, 'attempt ended');
    } catch (error) {
      logger.error(
        { ...this.#claim, err: error },
        'the end of an attempt could not be stored; the task will be run again',
      );
    } finally {
      this.#timer?.cancel();
    }
  }

  /** Tells the handler to end; the task is given back unless it is finished by then. */
  stop(): void {
    this.#interrupt('stopped');
  }

  /** Does not wait for the handler any longer. */
  abandon(): void {
    this.#abandoned.resolve(undefined);
  }

  /** Undefined when it was interrupted before it came to an end. */
  async #endingOf(handler: TaskHandler): Promise<Ending | undefined> {
    try {
      return { state: 'done', result: await handler(this.#task, this.#controller.signal) };
    } catch (error) {
      if (this.#interruption !== undefined) return undefined;
      return { state: 'failed', error: error instanceof Error ? error.message : String(error) };
    }
  }

  #interrupt(why: Interruption): void {
    this.#interruption ??= why;
    this.#controller.abort(new Error(`the attempt was interrupted: ${this.#interruption}`));
  }

  #beatLater(): void {
    const { clock, leaseMs } = this.#context;
    this.#timer = clock.after(leaseMs / BEATS, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    const { queue, clock, leaseMs, logger } = this.#context;
    const askedAt = clock.now();
    try {
      const standing = await queue.heartbeat(this.#claim, leaseMs);
      if (standing !== 'held') {
        this.#interrupt(standing);
        return;
      }
      this.#heldUntil = askedAt + leaseMs;
    } catch (error) {
      logger.warn({ ...this.#claim, err: error }, 'a lease could not be renewed');
      // Somebody else may have the task by now.
      if (clock.now() >= this.#heldUntil) this.#interrupt('lost');
    }
    if (!this.#controller.signal.aborted || this.#interruption === 'stopped') this.#beatLater();
  }
}

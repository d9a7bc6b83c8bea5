import type { Clock, Logger } from '@hive/shared-db';
import { pause } from './pause.ts';

/** Pauses after failures in a row double from the first to the longest: a lock goes unnoticed, a broken disk is left alone. */
const FIRST_TROUBLE_MS = 250;
const LONGEST_TROUBLE_MS = 30_000;

export interface LoopOptions {
  /** What it does, for the log. */
  readonly name: string;
  /** How long it rests when there was nothing (more) to do. */
  readonly everyMs: number;
  /** Resolves with whether there may be more to do right now. */
  readonly run: () => Promise<boolean>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Does something again and again until it is stopped, never twice at once. A failure is logged and tried again after a pause. */
export class Loop {
  readonly #options: LoopOptions;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;

  /** Starts at once. */
  constructor(options: LoopOptions) {
    this.#options = options;
    this.#ended = this.#turn();
  }

  /** Begins no further run and resolves when the one in hand has ended. Never rejects. */
  stop(): Promise<void> {
    this.#stopping.abort();
    return this.#ended;
  }

  async #turn(): Promise<void> {
    const { name, everyMs, run, clock, logger } = this.#options;
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted)
      try {
        const isMore = await run();
        failures = 0;
        if (!isMore) await pause(clock, everyMs, signal);
      } catch (error) {
        const pauseMs = Math.min(LONGEST_TROUBLE_MS, FIRST_TROUBLE_MS * 2 ** failures++);
        logger.error({ loop: name, err: error, failures, pauseMs }, `${name}: failed, trying again`);
        await pause(clock, pauseMs, signal);
      }
  }
}

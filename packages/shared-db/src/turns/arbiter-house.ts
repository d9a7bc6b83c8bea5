import type { Clock } from '@hive/pool';
import type { Logger } from '../logger.ts';
import { startArbiter, type ArbiterServer } from './arbiter-server.ts';
import { TurnSockets } from './turn-sockets.ts';

/** The arbiters that this process has made, of the database files that somebody writes to. */
export class ArbiterHouse {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** By the file, as `device:inode`: of one file only the newest counts. */
  readonly #arbiters = new Map<string, ArbiterServer>();
  #isClosed = false;

  constructor(runtimeDirectory: string, clock: Clock, logger: Logger) {
    this.#directory = runtimeDirectory;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Makes the arbiter of an epoch, unless somebody has. Rejects where no socket can be made. */
  async host(file: string, epoch: number): Promise<void> {
    const ended = (): void => {
      // It may have been followed by another.
      if (this.#arbiters.get(file) === arbiter) this.#arbiters.delete(file);
    };
    const sockets = new TurnSockets(this.#directory, file);
    const arbiter = await startArbiter({ sockets, epoch, clock: this.#clock, logger: this.#logger, ended });
    if (arbiter === undefined) return;
    this.#arbiters.get(file)?.close();
    this.#arbiters.set(file, arbiter);
    // It may have been told to end meanwhile.
    if (this.#isClosed) arbiter.close();
  }

  close(): void {
    this.#isClosed = true;
    for (const arbiter of this.#arbiters.values()) arbiter.close();
  }
}

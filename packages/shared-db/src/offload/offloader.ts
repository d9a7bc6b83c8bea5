import { availableParallelism } from 'node:os';
import type { Clock } from '@hive/pool';
import type { OffloadSnapshot } from '../snapshot.ts';
import { Crew, type StuckStatement } from './crew.ts';
import type { Job, OffloadedDatabase } from './job.ts';
import { WINDOW } from './message.ts';
import { startProcess, startThread } from './transport.ts';

/** Where a statement runs: in a thread, which nothing stops, or in a process, which can be killed. */
export type Isolation = 'thread' | 'process';

/** One processor is left to the main thread. */
function defaultOffloadWorkers(): number {
  return Math.max(1, availableParallelism() - 1);
}

/** What reads beside the main thread, for all databases of a service. Starts nothing before there is something to read. */
export class Offloader {
  readonly #threads: Crew;
  readonly #processes: Crew;

  /** @param size how many statements run at once, in threads and in processes each. */
  constructor(clock: Clock, size = defaultOffloadWorkers()) {
    this.#threads = new Crew({ isolation: 'thread', size, window: WINDOW, start: startThread, clock });
    // What is killed takes nobody else's request with it.
    this.#processes = new Crew({ isolation: 'process', size, window: 1, start: startProcess, clock });
  }

  submit(job: Job, isolation: Isolation): void {
    (isolation === 'process' ? this.#processes : this.#threads).submit(job);
  }

  /** See `Crew.closeDatabase`. */
  async closeDatabase(database: OffloadedDatabase, graceMs: number): Promise<void> {
    const crews = [this.#threads, this.#processes];
    await Promise.all(crews.map((crew) => crew.closeDatabase(database, graceMs)));
  }

  /** See `Crew.renewConnections`. */
  async renewConnections(database: OffloadedDatabase, graceMs: number): Promise<void> {
    const crews = [this.#threads, this.#processes];
    await Promise.all(crews.map((crew) => crew.renewConnections(database, graceMs)));
  }

  /** Ends all readers. Resolves with what is still being read: nothing can end a thread in the middle of a statement. */
  async close(): Promise<readonly StuckStatement[]> {
    const [stuck] = await Promise.all([this.#threads.close(), this.#processes.close()]);
    return stuck;
  }

  snapshot(): OffloadSnapshot {
    return Object.freeze({ threads: this.#threads.snapshot(), processes: this.#processes.snapshot() });
  }
}

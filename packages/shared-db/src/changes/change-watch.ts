import { Alarm, type Clock } from '@hive/pool';
import type { Logger } from '../logger.ts';
import type { ChangeListener, ChangeOptions, DatabaseChange, StopListening } from './database-change.ts';
import { Listener } from './listener.ts';

/**
 * How often somebody looks. A third of the 300 ms that a commit of another process may take to be told. At the same moments for all
 * databases: waking up costs more than looking.
 */
const LOOK_EVERY_MS = 100;
/** At least so long lies between two calls of a listener: what is committed meanwhile is told with one. */
const PACE_MS = 20;

/**
 * What a look has found: nothing new since the last one, a commit, that it was the first look for a while, or nothing, because it could
 * not be had.
 */
export type Sight = 'same' | DatabaseChange['cause'] | 'none';

/** The database that is watched. */
export interface ChangeWatchHost {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Takes microseconds and never throws. Every commit before it is in what it finds, unless it finds nothing. */
  look(): Sight;
  /** Nobody listens any more: lets go of what looking needs. */
  rest(): void;
}

/**
 * Tells listeners that something has been committed: looks ten times a second, and soon after a commit of this process. Listeners are called
 * from a timer only, so never inside a commit, and one look is for all of them. While nobody listens there is no timer.
 */
export class ChangeWatch {
  readonly #host: ChangeWatchHost;
  readonly #listeners = new Set<Listener>();
  /** There while somebody listens. It keeps no process alive. */
  #alarm: Alarm | undefined;
  #rangAt = -Infinity;

  constructor(host: ChangeWatchHost) {
    this.#host = host;
  }

  /** Every commit after this is told. */
  listen(fn: ChangeListener, { signal, initially = false }: ChangeOptions): StopListening {
    const { name: database, logger } = this.#host;
    const listener = new Listener(fn, {
      database,
      failed: (error) => {
        logger.error({ database, err: error }, 'a listener to changes failed');
      },
    });
    const stop = (): void => {
      signal?.removeEventListener('abort', stop);
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#rest();
    };
    if (signal?.aborted !== true) {
      signal?.addEventListener('abort', stop, { once: true });
      this.#add(listener, initially);
    }
    return Object.assign(stop, { [Symbol.dispose]: stop });
  }

  #add(listener: Listener, initially: boolean): void {
    this.#alarm ??= new Alarm(this.#host.clock, () => {
      this.#ring();
    });
    // What was committed before is the others' alone.
    this.#look();
    this.#listeners.add(listener);
    if (initially) listener.owe('unseen');
    this.#ringSoon();
  }

  /** This process has committed something, perhaps. */
  committed(): void {
    if (this.#alarm !== undefined) this.#ringSoon();
  }

  /** Nobody is called any more. */
  close(): void {
    this.#listeners.clear();
    this.#rest();
  }

  #rest(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    this.#host.rest();
  }

  #ringSoon(): void {
    const now = this.#host.clock.now();
    this.#alarm?.by(Math.max(now, this.#rangAt + PACE_MS), now);
  }

  #ring(): void {
    const now = this.#host.clock.now();
    this.#rangAt = now;
    // Nobody is told to read what cannot be read.
    if (this.#look()) for (const listener of this.#listeners) listener.tell();
    this.#alarm?.by(Math.ceil((now + PACE_MS) / LOOK_EVERY_MS) * LOOK_EVERY_MS, now);
  }

  /** Whether anything could be seen. */
  #look(): boolean {
    const sight = this.#host.look();
    if (sight === 'none') return false;
    if (sight !== 'same') for (const listener of this.#listeners) listener.owe(sight);
    return true;
  }
}

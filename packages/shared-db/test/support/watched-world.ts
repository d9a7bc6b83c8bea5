import type { SqliteHandle } from '../../dist/sqlite/engine.js';
import { ChangeWatch } from '../../dist/changes/change-watch.js';
import { DataVersion } from '../../dist/sqlite/data-version.js';
import { recordingLogger } from './recording-logger.ts';
import { WatchedClock } from './watched-clock.ts';

/** How a look at the database ends, other than well. */
export type Obstacle = 'not ready' | 'refused' | 'busy' | 'failing';

/** A database that others commit to, in a time that the test moves, with the real watch over it. */
export class WatchedWorld {
  readonly clock: WatchedClock;
  readonly logger = recordingLogger();
  readonly watch: ChangeWatch;
  readonly #version: DataVersion;
  commits = 0;
  obstacle: Obstacle | undefined;
  looks = 0;
  /** Connections that are open. */
  open = 0;
  /** What was said when looking failed. */
  failures = 0;

  constructor(clock: WatchedClock = new WatchedClock()) {
    this.clock = clock;
    this.#version = new DataVersion({
      isReady: () => this.obstacle !== 'not ready',
      open: () => this.#connect(),
      isBusy: (error) => error === 'busy',
      failed: () => {
        this.failures++;
      },
    });
    this.watch = new ChangeWatch({
      name: 'world',
      clock: this.clock,
      logger: this.logger,
      look: () => {
        this.looks++;
        return this.#version.look();
      },
      rest: () => {
        this.#version.close();
      },
    });
  }

  /** Its connection is closed, as a repair does; what it had seen means nothing to the next one. */
  reconnect(): void {
    this.#version.close();
  }

  /** As SQLite does it: each connection counts for itself, from 2, once whatever has happened since it looked last. */
  #connect(): SqliteHandle {
    if (this.obstacle === 'refused') throw new Error('no descriptors');
    let seen = this.commits;
    let version = 2;
    this.open++;
    const get = (): number => {
      if (this.obstacle === 'busy') throw 'busy';
      if (this.obstacle === 'failing') throw new Error('the disk does not answer');
      if (seen !== this.commits) version++;
      seen = this.commits;
      return version;
    };
    const handle = {
      prepare: () => ({ pluck: () => ({ get }) }),
      close: () => {
        this.open--;
      },
    };
    return handle as unknown as SqliteHandle;
  }
}

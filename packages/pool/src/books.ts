import type { Chronicle } from './chronicle.ts';
import type { Queue } from './queue.ts';
import type { Roster } from './roster.ts';
import type { PoolSettings } from './settings.ts';
import type { Timekeeper } from './timekeeper.ts';

/** What the parts of a pool have in common: they read it and write in it, and it does nothing by itself. */
export interface Books<R> {
  readonly settings: PoolSettings<R>;
  readonly time: Timekeeper;
  readonly roster: Roster<R>;
  readonly queue: Queue<R>;
  readonly chronicle: Chronicle;
}

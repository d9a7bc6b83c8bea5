import type { Turn } from '../turns/turns.ts';

/** A turn has room for as many writes: of those that take milliseconds, two would fit, and handing over costs the time of a third. */
const LEAST_WRITES = 7;
/** But it lasts no longer than this many times what it was given for. */
const MOST_QUANTA = 4;
/** How often a process tries for the lock before its turn, between two turns. */
const MOST_BARGES = 32;

/** How much a process may do in its turn, and before it. Knows no clock: it is told what time it is. */
export class TurnBounds {
  /** In this turn. */
  #written = 0;
  /** Since the last turn. */
  #barged = 0;

  /** The process gets in line for its next turn. */
  asked(): void {
    this.#written = 0;
    this.#barged = 0;
  }

  /** So many writes were committed. */
  wrote(count: number): void {
    this.#written += count;
  }

  /** Whether the lock may be tried for before its turn; counts that it is. */
  barge(): boolean {
    return this.#barged++ < MOST_BARGES;
  }

  /** Whether a turn has lasted long enough, where others want theirs; or will have at that time, when so many more are written. */
  isOver({ since, endsAt }: Pick<Turn, 'since' | 'endsAt'>, now: number, coming = 0): boolean {
    const written = this.#written + coming;
    return now >= endsAt && (written >= LEAST_WRITES || now - since >= MOST_QUANTA * (endsAt - since));
  }
}

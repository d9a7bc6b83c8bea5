import { Alarm } from './alarm.ts';
import type { Clock } from './clock.ts';

/** How long a round is. */
export const HOUSEKEEPING_MS = 1_000;

/** Asks for a round of housekeeping once a second, while it is told to go on. It does not keep the process alive. */
export class Housekeeping {
  readonly #alarm: Alarm;

  constructor(clock: Clock, round: () => void) {
    this.#alarm = new Alarm(clock, round);
  }

  /** There is something to look after. */
  begin(now: number): void {
    this.#alarm.by(now + HOUSEKEEPING_MS, now);
  }

  /** Another round. All pools of a process have it at the same moment: thirty that wake it one after the other cost ten times as much. */
  goOn(now: number): void {
    this.#alarm.by((Math.floor(now / HOUSEKEEPING_MS) + 1) * HOUSEKEEPING_MS, now);
  }

  /** No more rounds, whatever it is told. */
  end(): void {
    this.#alarm.cancel();
  }
}

import type { Clock } from '@hive/pool';
import type { Turn, Turns } from '../turns/turns.ts';

/**
 * The turn of this process to write to one file, while it has one. Who writes asks `mustAsk` first and gets in line where it must, or
 * where the lock turned out to be taken. Before the file is known there is nobody to ask.
 */
export class TurnKeeper {
  readonly #clock: Clock;
  #turns: Turns | undefined;
  #turn: Turn | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whose turns they are from now on; those of another file are given up. */
  use(turns: Turns): void {
    this.close();
    this.#turns = turns;
  }

  get state(): Turns['state'] | undefined {
    return this.#turns?.state;
  }

  /** Whether it is this process's turn. */
  get held(): boolean {
    return this.#turn !== undefined;
  }

  /** Whether the lock may not be tried for without a turn. A field or two. */
  get mustAsk(): boolean {
    return this.#turn === undefined && this.#turns?.mayTry === false;
  }

  /** Resolves when it is this process's turn. Rejects with the reason of the signal. */
  async take(signal: AbortSignal): Promise<void> {
    if (this.#turn === undefined) this.#turn = await this.#turns?.take({ signal });
  }

  /** Something has been written: the turn is given on when it has lasted long enough and somebody wants it. */
  passOn(): void {
    if (this.#turn !== undefined && this.#turns?.wanted === true && this.#clock.now() >= this.#turn.endsAt) this.end();
  }

  end(): void {
    this.#turn?.end();
    this.#turn = undefined;
  }

  close(): void {
    this.end();
    this.#turns?.close();
    this.#turns = undefined;
  }
}

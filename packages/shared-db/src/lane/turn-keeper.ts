import type { Clock } from '@hive/pool';
import type { Turn, Turns } from '../turns/turns.ts';
import { TurnBounds } from './turn-bounds.ts';

/** Shorter than handing over takes, and who is next would try for the lock too early. */
const LEAST_AHEAD_MS = 1;

/**
 * The turn of this process to write to one file, while it has one. Who writes asks `mustAsk` first and gets in line where it must, or
 * where the lock turned out to be taken. Before the file is known there is nobody to ask.
 */
export class TurnKeeper {
  readonly #clock: Clock;
  readonly #bounds = new TurnBounds();
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

  /** See `Turns.holder`. */
  get holder(): number | undefined {
    return this.#turns?.holder;
  }

  /** Whether it is this process's turn. */
  get held(): boolean {
    return this.#turn !== undefined;
  }

  /** Whether it is, and nobody else tries for the lock: it is free as soon as who has it has done. */
  get isNext(): boolean {
    return this.#turn?.isGiven === true;
  }

  /** Whether the lock may not be tried for without a turn. A field or two. */
  get mustAsk(): boolean {
    return this.#turn === undefined && this.#turns?.mayTry === false;
  }

  /**
   * Whether the lock may be tried for all the same. For those who have it for a moment and are then busy for much longer: it is free
   * most of the time, and somebody whose turn it is finds it so. There is a limit, so that he does.
   */
  barge(): boolean {
    return this.#bounds.barge();
  }

  /** Resolves when it is this process's turn. Rejects with the reason of the signal. */
  async take(signal: AbortSignal): Promise<void> {
    if (this.#turn !== undefined) return;
    this.#bounds.asked();
    this.#turn = await this.#turns?.take({ signal });
  }

  /** Whether it came before a moment on the clock. Rejects with the reason of the signal. */
  async takeBefore(deadline: number, signal: AbortSignal | undefined): Promise<boolean> {
    const late = new AbortController();
    const limit = this.#clock.after(Math.max(0, deadline - this.#clock.now()), () => {
      late.abort();
    });
    try {
      await this.take(signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]));
      return true;
    } catch (reason) {
      if (late.signal.aborted) return false;
      throw reason;
    } finally {
      limit.cancel();
    }
  }

  /** So many writes were committed. */
  wrote(count: number): void {
    this.#bounds.wrote(count);
  }

  /** Something has been written: the turn is given on when it has lasted long enough and somebody wants it. */
  passOn(): void {
    if (this.#turn === undefined || this.#turns?.wanted !== true) return;
    if (this.#bounds.isOver(this.#turn, this.#clock.now())) this.end();
  }

  /**
   * The lock is had for the next of them, for about so long. Where that is the last of a turn, the turn is given on meanwhile: while it is handed
   * over, which takes half a millisecond, nobody else would write.
   */
  begun(expectedMs: number): void {
    if (expectedMs < LEAST_AHEAD_MS || this.#turn === undefined || this.#turns?.wanted !== true) return;
    if (this.#bounds.isOver(this.#turn, this.#clock.now() + expectedMs, 1)) this.end();
  }

  /** There is nothing to write for now: the turn is given on when somebody wants it. */
  yield(): void {
    if (this.#turn !== undefined && this.#turns?.wanted === true) this.end();
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

import type { Clock } from '@hive/pool';
import type { Turn, Turns } from '../turns/turns.ts';

/** A turn has room for as many writes: of those that take milliseconds, two would fit, and handing over costs the time of a third. */
const LEAST_WRITES = 7;
/** But it lasts no longer than this many times what it was given for. */
const MOST_QUANTA = 4;
/** How often a process tries for the lock before its turn, between two turns. */
const MOST_BARGES = 8;

/**
 * The turn of this process to write to one file, while it has one. Who writes asks `mustAsk` first and gets in line where it must, or
 * where the lock turned out to be taken. Before the file is known there is nobody to ask.
 */
export class TurnKeeper {
  readonly #clock: Clock;
  #turns: Turns | undefined;
  #turn: Turn | undefined;
  /** In this turn. */
  #written = 0;
  /** Since the last turn. */
  #barged = 0;

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

  /** Whether the lock may not be tried for without a turn. A field or two. */
  get mustAsk(): boolean {
    return this.#turn === undefined && this.#turns?.mayTry === false;
  }

  /**
   * Whether the lock may be tried for all the same. For those who have it for a moment and are then busy for much longer: it is free
   * most of the time, and somebody whose turn it is finds it so. There is a limit, so that he does.
   */
  barge(): boolean {
    return this.#barged++ < MOST_BARGES;
  }

  /** Resolves when it is this process's turn. Rejects with the reason of the signal. */
  async take(signal: AbortSignal): Promise<void> {
    if (this.#turn !== undefined) return;
    this.#barged = 0;
    this.#written = 0;
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
    this.#written += count;
  }

  /** Something has been written: the turn is given on when it has lasted long enough and somebody wants it. */
  passOn(): void {
    if (this.#turn !== undefined && this.#turns?.wanted === true && this.#isOver(this.#turn)) this.end();
  }

  /** There is nothing to write for now: the turn is given on when somebody wants it. */
  yield(): void {
    if (this.#turn !== undefined && this.#turns?.wanted === true) this.end();
  }

  #isOver({ since, endsAt }: Turn): boolean {
    const now = this.#clock.now();
    return now >= endsAt && (this.#written >= LEAST_WRITES || now - since >= MOST_QUANTA * (endsAt - since));
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

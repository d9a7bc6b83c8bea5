import type { CheckpointMode } from '../snapshot.ts';

/** Where in the shared memory things lie: whole numbers first, then figures. */
const COMMITS = 0;
const ASLEEP = 1;
const NUMBERS = 2;
const FIGURES_AT = NUMBERS * Int32Array.BYTES_PER_ELEMENT;

/** What a thread says of one log, in the order in which it lies in memory. Moments are on the monotonic clock, NaN where there was none. */
const FIGURES = [
  'lookedAt',
  'frames',
  'backfilled',
  'lastAt',
  'lastMs',
  'lastMode',
  'passive',
  'restart',
  'elsewhere',
  'blocked',
  'pauses',
  'failures',
  'pinnedSince',
] as const;
type Figure = (typeof FIGURES)[number];

/** What a thread has last said of a log. */
export type SeenBoard = Readonly<Record<Figure, number>>;

/** In the order of their numbers. */
export const MODES = ['passive', 'restart'] as const satisfies readonly CheckpointMode[];

/**
 * Memory that a database and the thread that checkpoints it share. The one side counts commits, which costs a nanosecond or two; the
 * other writes what it sees and does. Nobody sends a message for either.
 */
export class Board {
  readonly memory: SharedArrayBuffer;
  readonly #numbers: Int32Array;
  readonly #figures: Float64Array;

  /** @param memory that of another board, which this one then is too. */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(FIGURES_AT + FIGURES.length * Float64Array.BYTES_PER_ELEMENT);
    this.#numbers = new Int32Array(this.memory, 0, NUMBERS);
    this.#figures = new Float64Array(this.memory, FIGURES_AT);
    if (memory !== undefined) return;
    // Nobody has looked yet, and whoever commits first has somebody to wake.
    for (const moment of ['lookedAt', 'lastAt', 'pinnedSince'] as const) this.say(moment, Number.NaN);
    Atomics.store(this.#numbers, ASLEEP, 1);
  }

  /** Counts a commit. Returns whether somebody sleeps who wants to know. */
  commit(): boolean {
    const numbers = this.#numbers;
    numbers[COMMITS] = (numbers[COMMITS] ?? 0) + 1;
    return numbers[ASLEEP] === 1;
  }

  /** Whether a commit would wake somebody. */
  get isAsleep(): boolean {
    return Atomics.load(this.#numbers, ASLEEP) === 1;
  }

  /** How many commits there have been. Only whether two answers differ means something. */
  get commits(): number {
    return Atomics.load(this.#numbers, COMMITS);
  }

  /** Wakes who sleeps. */
  wake(): void {
    Atomics.store(this.#numbers, ASLEEP, 0);
    Atomics.notify(this.#numbers, ASLEEP);
  }

  /**
   * Sleeps until somebody commits, or wakes it for another reason, or for `timeoutMs`. Not at all where somebody has committed since
   * `commits` was read.
   */
  async sleep(commits: number, timeoutMs: number): Promise<void> {
    Atomics.store(this.#numbers, ASLEEP, 1);
    if (this.commits === commits) {
      const { value } = Atomics.waitAsync(this.#numbers, ASLEEP, 1, timeoutMs);
      await value;
    }
    Atomics.store(this.#numbers, ASLEEP, 0);
  }

  say(figure: Figure, value: number): void {
    this.#figures[FIGURES.indexOf(figure)] = value;
  }

  /** One more. */
  count(figure: Figure): void {
    const at = FIGURES.indexOf(figure);
    this.#figures[at] = (this.#figures[at] ?? 0) + 1;
  }

  seen(): SeenBoard {
    return Object.fromEntries(FIGURES.map((figure, at) => [figure, this.#figures[at] ?? 0])) as SeenBoard;
  }
}

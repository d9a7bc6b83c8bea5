import type { DatabaseSnapshot, ServiceSnapshot } from '../snapshot.ts';
import { FIGURES, type DatabaseRecording, type Figure, type Recording } from './recording.ts';

/** A quarter of an hour: whoever is called finds what they were called for still there. */
const STEPS = 900;
/** Far more than a process has; the next one is counted and not recorded. */
const MOST_DATABASES = 32;

/** How often a step is recorded. */
export const STEP_MS = 1_000;

/** What a step knows of the process itself. */
export interface Step {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly blockedMs: number;
  readonly memoryBytes: number;
}

/**
 * The last 900 steps of a process, in memory that does not grow: 8 bytes a value, so 72 kB a database and 21.6 kB beside them, 2.4 MB with
 * 32 databases, which are the most. Pure: it knows no clock and no thread. With 18 databases it takes its thread about a millisecond a
 * second, and whoever asks for everything waits for some ten.
 */
export class FlightRecorder {
  readonly #at = column();
  readonly #blockedMs = column();
  readonly #memoryBytes = column();
  readonly #databases = new Map<string, Readonly<Record<Figure, Float64Array>>>();
  /** How many steps there have ever been: the next one's place is what remains of it. */
  #steps = 0;

  /** Keeps a step, and forgets the one of a quarter of an hour ago. */
  record({ at, blockedMs, memoryBytes }: Step, { databases }: ServiceSnapshot): void {
    const place = this.#steps % STEPS;
    this.#at[place] = at;
    this.#blockedMs[place] = blockedMs;
    this.#memoryBytes[place] = memoryBytes;
    for (const figures of this.#databases.values()) for (const key of FIGURES) figures[key][place] = Number.NaN;
    for (const database of databases) {
      const figures = this.#figuresOf(database.name);
      if (figures === undefined) continue;
      for (const key of FIGURES) figures[key][place] = FIGURE_OF[key](database);
    }
    this.#steps++;
  }

  /** Everything that is kept, as plain data. */
  recording({ app, pid, startedAt, databases }: ServiceSnapshot): Recording {
    const { length } = databases.filter(({ name }) => !this.#databases.has(name));
    return {
      app,
      pid,
      startedAt,
      stepMs: STEP_MS,
      at: this.#inOrder(this.#at),
      blockedMs: this.#inOrder(this.#blockedMs),
      memoryBytes: this.#inOrder(this.#memoryBytes),
      databases: Array.from(this.#databases, ([name, figures]) => this.#recordingOf(name, figures)),
      unrecorded: length,
    };
  }

  #figuresOf(name: string): Readonly<Record<Figure, Float64Array>> | undefined {
    const known = this.#databases.get(name);
    if (known !== undefined || this.#databases.size >= MOST_DATABASES) return known;
    const figures = Object.fromEntries(FIGURES.map((key) => [key, column()])) as Record<Figure, Float64Array>;
    this.#databases.set(name, figures);
    return figures;
  }

  #recordingOf(name: string, figures: Readonly<Record<Figure, Float64Array>>): DatabaseRecording {
    const columns = FIGURES.map((key) => [
      key,
      this.#inOrder(figures[key]).map((value) => (Number.isNaN(value) ? null : value)),
    ]);
    return { name, figures: Object.fromEntries(columns) as DatabaseRecording['figures'] };
  }

  /** The oldest value first. */
  #inOrder(values: Float64Array): readonly number[] {
    const ordered: number[] = [];
    // A loop, because spreading a typed array costs ten times as much, and whoever asks waits for some hundred columns.
    for (let step = Math.max(0, this.#steps - STEPS); step < this.#steps; step++)
      ordered.push(values[step % STEPS] ?? Number.NaN);
    return ordered;
  }
}

const FIGURE_OF: Readonly<Record<Figure, (database: DatabaseSnapshot) => number>> = {
  poolInUse: ({ pool }) => pool.leased,
  poolIdle: ({ pool }) => pool.idle,
  poolWaiting: ({ pool }) => pool.waiting,
  laneWaiting: ({ lane }) => lane.waiting,
  laneRunning: ({ lane }) => lane.running,
  oldestWaitMs: ({ pool, lane }) => Math.round(Math.max(pool.oldestWaitMs, lane.oldestWaitMs)),
  calls: ({ counters: { reads, synchronousReads, writes, transactions, sessions } }) =>
    reads + synchronousReads + writes + transactions + sessions,
  errors: ({ counters }) => Object.values(counters.errors).reduce((sum, one) => sum + one, 0),
  busy: ({ counters }) => counters.busy,
  walBytes: ({ walBytes = Number.NaN }) => walBytes,
};

function column(): Float64Array {
  return new Float64Array(STEPS).fill(Number.NaN);
}

/** What is kept of a database at each step. Gauges are as they were at that moment; `calls`, `errors` and `busy` count from its opening. */
export const FIGURES = [
  'poolInUse',
  'poolIdle',
  'poolWaiting',
  'laneWaiting',
  'laneRunning',
  'oldestWaitMs',
  'calls',
  'errors',
  'busy',
  'walBytes',
] as const;
/** One of them. */
export type Figure = (typeof FIGURES)[number];

/** One database, a column of values for each figure: null where it was not known at that step. */
export interface DatabaseRecording {
  readonly name: string;
  readonly figures: Readonly<Record<Figure, readonly (number | null)[]>>;
}

/** What a process was like over the last minutes, in steps, the oldest first. Every column has as many values as `at`. */
export interface Recording {
  readonly app: string;
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly stepMs: number;
  /** When each step was, milliseconds since 1970. The time of a machine may jump. */
  readonly at: readonly number[];
  /**
   * The longest time for which the event loop was seen not to have turned before a step; 0 below half a second. The figures of such a
   * step are those of before.
   */
  readonly blockedMs: readonly number[];
  /** What the process had in memory (resident). */
  readonly memoryBytes: readonly number[];
  readonly databases: readonly DatabaseRecording[];
  /** How many databases there are beyond those that are recorded. */
  readonly unrecorded: number;
}

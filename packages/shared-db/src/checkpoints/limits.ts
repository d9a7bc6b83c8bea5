/** At how many frames something is done about a log. A frame is a page of the database and 24 bytes. */
export interface LogLimits {
  /** Frames that are not in the database file yet, from which on they are brought there while others write. */
  readonly passiveFrames: number;
  /** Frames in the log, from which on it is begun anew: that takes the write lock for a moment. */
  readonly restartFrames: number;
  /** Frames in the log, from which on it is begun anew in a turn at once, and left to another process that is at it for shorter only. */
  readonly turnFrames: number;
  /** Frames in the log, from which on the writers of each process are asked to wait before anything is done, whoever is at it. */
  readonly pauseFrames: number;
  /** Frames in the log, from which on SQLite checkpoints at every COMMIT, as it would if nobody else did. */
  readonly hardFrames: number;
}

/** The page size that the figures below are meant for. */
const USUAL_PAGE_BYTES = 4_096;

/**
 * 1,000 frames are SQLite's own measure. From 2,000 on beginning anew costs less than what it delays (docs/decisions/0014). 12,000 are
 * 47 MiB: even where nobody else checkpoints, the log stays below the 64 MiB at which health warns. From 8,000 on, which are 31 MiB, it has
 * room for what is written until the last process has been asked to wait: four that never pause write 14,000 frames in a second.
 */
const USUAL: LogLimits = Object.freeze({
  passiveFrames: 1_000,
  restartFrames: 2_000,
  turnFrames: 6_000,
  pauseFrames: 8_000,
  hardFrames: 12_000,
});

/** What SQLite does by itself where nobody tells it otherwise: a passive checkpoint at each COMMIT, from this many frames on. */
export const SQLITES_OWN_FRAMES = 1_000;

/** Pages larger than usual count for more: a limit of frames stands for one of bytes. */
export function limitsFor(pageBytes: number): LogLimits {
  const weight = Math.max(1, pageBytes / USUAL_PAGE_BYTES);
  const weighed = (frames: number): number => Math.ceil(frames / weight);
  return {
    passiveFrames: weighed(USUAL.passiveFrames),
    restartFrames: weighed(USUAL.restartFrames),
    turnFrames: weighed(USUAL.turnFrames),
    pauseFrames: weighed(USUAL.pauseFrames),
    hardFrames: weighed(USUAL.hardFrames),
  };
}

import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';

/** What precedes the frames of a log, and each page in its frame (sqlite.org/fileformat2.html, section 4.1). */
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** Where they are, of either header. A frame counts when its salt is that of the log. */
const PAGE_SIZE_AT = 8;
const LOG_SALT_AT = 16;
const FRAME_SALT_AT = 8;
const SALT_BYTES = 8;

/** Bytes that are added at least and at most: a few commits in a mebibyte make the file longer themselves. */
const LEAST_BYTES = 64 * 1024;
const MOST_BYTES = 1024 * 1024;
/** Looking at every commit would cost a lone write a fiftieth of its time; this many fill half of the least. */
const LOOK_EVERY = 8;

/**
 * Makes a log longer before it is needed. A sync after which the file is longer has to bring to the disk where its new blocks are, and
 * takes twice as long as one that finds them in place; so they are written ahead, as zeros, doubling what is there by up to a mebibyte.
 * Nobody reads them: a log ends at the first frame without its salt.
 *
 * The log has to be opened so that reading it leaves no time of access behind; and its times are not asked for without need, since what
 * was asked for is then kept exactly. Either has the next sync write one block more.
 */
export class LogRoom {
  /** Where the salt of the last frame is that fits; none does yet. */
  #lastAt = 0;
  /** What was there when it was looked at last. */
  readonly #last = Buffer.alloc(SALT_BYTES);
  #commits = 0;
  readonly #found = Buffer.alloc(SALT_BYTES);
  readonly #header = Buffer.alloc(HEADER_BYTES);

  /**
   * Call it before each COMMIT, with the write lock held: under it nobody else writes to the log or cuts it. Costs one read of eight
   * bytes now and then, and some more calls when the end was reached. What goes wrong is left to the commit to find out.
   */
  make(log: number): void {
    if (this.#commits++ % LOOK_EVERY !== 0) return;
    try {
      if (readSync(log, this.#found, 0, SALT_BYTES, this.#lastAt) < SALT_BYTES || !this.#found.equals(this.#last))
        this.#look(log);
    } catch {
      // A disk that is full or broken is met again at once, by who has something to lose.
    }
  }

  #look(log: number): void {
    const { size } = fstatSync(log);
    if (readSync(log, this.#header, 0, HEADER_BYTES, 0) < HEADER_BYTES) return;
    this.#watch(log, size);
    const isFull = this.#last.compare(this.#header, LOG_SALT_AT, LOG_SALT_AT + SALT_BYTES) === 0;
    if (isFull) this.#watch(log, grown(log, size));
  }

  #watch(log: number, size: number): void {
    const frameBytes = FRAME_HEADER_BYTES + this.#header.readUInt32BE(PAGE_SIZE_AT);
    const frames = Math.max(1, Math.floor((size - HEADER_BYTES) / frameBytes));
    this.#lastAt = HEADER_BYTES + (frames - 1) * frameBytes + FRAME_SALT_AT;
    readSync(log, this.#last, 0, SALT_BYTES, this.#lastAt);
  }
}

/** Returns how long it is then. The last that a disk has left is not taken. */
function grown(log: number, size: number): number {
  const zeros = Buffer.alloc(Math.min(MOST_BYTES, Math.max(LEAST_BYTES, size)));
  let written = 0;
  try {
    written = writeSync(log, zeros, 0, zeros.length, size);
  } finally {
    if (written < zeros.length) ftruncateSync(log, size);
  }
  return written < zeros.length ? size : size + written;
}

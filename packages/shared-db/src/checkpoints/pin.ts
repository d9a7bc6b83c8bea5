import type { PinnedLog, PinningReader } from '../snapshot.ts';
import { commandOf } from '../sqlite/lock-holder.ts';
import { logReaders, type LogReader } from '../sqlite/log-readers.ts';
import type { LogSight } from './checkpointed-log.ts';

/** How long a reader must have been in the way, and of how many frames is told with it, before it is told. */
const TOLD_AFTER_MS = 2_000;
/** How often it is told again. */
const TOLD_EVERY_MS = 60_000;

/**
 * Whether a reader keeps the log of a database from getting shorter, since when, and who it may be: every process that was seen reading
 * on the same mark each time. Which of them keeps how much only a process can tell that has the database not open (`hive-db wal`).
 */
export class Pin {
  readonly #path: string;
  readonly #tell: (pinned: PinnedLog) => void;
  #since: number | undefined;
  /** The last frame when a reader was first in the way: when that is in the file, he has gone. */
  #last = 0;
  #triedAt = 0;
  #readers: readonly LogReader[] | undefined;
  #toldAt: number | undefined;

  /** @param tell told of a reader who is in the way, once a minute, and with no frames when none is any more. */
  constructor(path: string, tell: (pinned: PinnedLog) => void) {
    this.#path = path;
    this.#tell = tell;
  }

  get since(): number | undefined {
    return this.#since;
  }

  /** How long ago a reader was seen in the way for at least the second time; undefined while none is, or only for a moment. */
  triedAgo(now: number): number | undefined {
    return this.#readers === undefined ? undefined : now - this.#triedAt;
  }

  /**
   * Told what a passive checkpoint came to, which goes as far as readers let it.
   *
   * @param many how many frames must be kept before that is told
   */
  see({ frames, backfilled }: LogSight, many: number, now: number): void {
    const isPinned = backfilled < frames;
    if (this.#since === undefined ? isPinned : !isPinned || backfilled >= this.#last || frames < this.#last)
      this.#begin(isPinned ? now : undefined, frames);
    else if (isPinned) this.#stay();
    this.#triedAt = now;
    const forMs = now - (this.#since ?? now);
    const isDue = this.#toldAt === undefined || now - this.#toldAt >= TOLD_EVERY_MS;
    if (isPinned && forMs >= TOLD_AFTER_MS && frames - backfilled >= many && isDue) {
      this.#toldAt = now;
      this.#tell({ frames: frames - backfilled, forMs, readers: this.#culprits() });
    }
  }

  /** Another reader, or none. */
  #begin(since: number | undefined, frames: number): void {
    if (this.#toldAt !== undefined) this.#tell({ frames: 0, forMs: 0, readers: [] });
    this.#since = since;
    this.#last = frames;
    this.#readers = undefined;
    this.#toldAt = undefined;
  }

  /** The table of locks is read only now: most readers, and every writer, have gone by the second time. */
  #stay(): void {
    const reading = logReaders(this.#path);
    this.#readers =
      this.#readers?.filter((one) => reading.some(({ pid, mark }) => pid === one.pid && mark === one.mark)) ?? reading;
  }

  #culprits(): readonly PinningReader[] {
    const pids = new Set(this.#readers?.map(({ pid }) => pid));
    return Array.from(pids, (pid) => ({ pid, command: commandOf(pid) }));
  }
}

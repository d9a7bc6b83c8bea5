import type { Sight } from '../changes/change-watch.ts';
import type { SqliteHandle, SqliteStatement } from './engine.ts';

/** The database that is looked at. */
export interface DataVersionHost {
  /** Whether it can be read now; where it cannot, something is done about that. */
  isReady(): boolean;
  /** A connection that reads and waits for nothing. */
  open(): SqliteHandle;
  isBusy(error: unknown): boolean;
  /** Nobody can look from now on, for another reason than that somebody holds a lock. Told once, until it can be looked again. */
  failed(error: unknown): void;
}

interface Eye {
  readonly handle: SqliteHandle;
  readonly version: SqliteStatement;
}

/**
 * The number by which SQLite tells a connection that others have committed (sqlite.org/pragma.html, data_version). It means nothing to
 * another connection, so this one has its own, which nobody writes with: for it everybody else is another. It costs two descriptors.
 * Where a log is cut to nothing the number moves as well, without a commit.
 */
export class DataVersion {
  readonly #host: DataVersionHost;
  #eye: Eye | undefined;
  #seen: unknown;
  #isBlind = false;

  constructor(host: DataVersionHost) {
    this.#host = host;
  }

  look(): Sight {
    try {
      if (this.#eye === undefined && !this.#host.isReady()) return 'none';
      this.#eye ??= this.#open();
      const seen = this.#seen;
      this.#seen = this.#eye.version.get();
      this.#isBlind = false;
      if (seen === undefined) return 'unseen';
      return seen === this.#seen ? 'same' : 'commit';
    } catch (error) {
      // The connection is as good as before, and will see what it could not see now.
      if (this.#host.isBusy(error)) return 'none';
      this.close();
      if (!this.#isBlind) this.#host.failed(error);
      this.#isBlind = true;
      return 'none';
    }
  }

  #open(): Eye {
    const handle = this.#host.open();
    try {
      return { handle, version: handle.prepare('PRAGMA data_version').pluck() };
    } catch (error) {
      handle.close();
      throw error;
    }
  }

  /** The next look opens it again, and cannot tell what has happened in between. */
  close(): void {
    this.#eye?.handle.close();
    this.#eye = undefined;
    this.#seen = undefined;
  }
}

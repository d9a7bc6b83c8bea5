import type { DatabaseContext } from '../database.ts';
import type { Lifecycle } from '../driver/lifecycle.ts';
import { DatabaseError } from '../errors.ts';
import type { Label } from '../labels.ts';
import { Claim } from '../repair/claim.ts';
import { Fences } from '../repair/fences.ts';
import { Repair } from '../repair/repair.ts';
import type { RepairSnapshot } from '../snapshot.ts';
import { verifyDeadlineMs, verifyFile } from './verify-file.ts';
import type { WatchedFile } from './watched-file.ts';

/** How often, at most, a fence is looked for, and the file itself when durability is `normal`; at `full` it is after every commit. */
const WATCH_EVERY_MS = 100;

/** The database whose file is guarded. */
export interface FileGuardHost {
  readonly context: DatabaseContext;
  readonly lifecycle: Lifecycle;
  readonly file: WatchedFile;
  /** Closes every connection that was open when it was called. Never rejects. */
  closeConnections(): Promise<void>;
}

/**
 * Sees to it that nothing is written to a file that is not to be trusted, or that is not the one that was opened: looks for the word of
 * other processes, leaves word for them, and has the file repaired.
 */
export class FileGuard {
  readonly #host: FileGuardHost;
  readonly #fences: Fences;
  readonly #repair: Repair;
  /** When a fence was last looked for, and the file, on the clock. */
  #fenceSeenAt = -Infinity;
  #fileSeenAt = -Infinity;

  constructor(host: FileGuardHost) {
    const { runtimeDirectory, random, fenceWords } = host.context;
    this.#host = host;
    this.#fences = new Fences(runtimeDirectory, random, fenceWords);
    this.#repair = this.#newRepair();
  }

  #newRepair(): Repair {
    const { context, lifecycle, file } = this.#host;
    const { clock, random, name: database, logger } = context;
    return new Repair(
      { clock, random, fences: this.#fences, claim: new Claim(context) },
      {
        inode: () => file.key,
        isInPlace: () => file.isInPlace,
        mark: () => file.mark,
        closeConnections: () => this.#host.closeConnections(),
        verify: (signal) => verifyFile(file.path, { clock, signal, keepsAlive: lifecycle.status !== 'fenced' }),
        verifyLimitMs: () => verifyDeadlineMs(file.path),
        resume: ({ fencedMs, attempts }) => {
          const who = attempts === 0 ? 'by another process' : `at attempt ${attempts}`;
          lifecycle.resume(`the file was verified ${who}, ${Math.round(fencedMs)} ms after they were stopped`);
        },
        failed: ({ found, attempts, nextAttemptMs }) => {
          logger.warn({ database, attempts, nextAttemptMs }, `writes stay stopped: ${found}`);
        },
      },
    );
  }

  /** Before opening: a process that met an I/O error has left word, and nothing is written before the file has been checked. */
  async assertVerified(timeoutMs: number): Promise<void> {
    const { name: database } = this.#host.context;
    const fault = await this.#repair.beforeOpening(
      timeoutMs,
      () => new DatabaseError('FENCED', 'another process is checking the file after an I/O error', { database }),
    );
    if (fault !== undefined)
      throw new DatabaseError(
        'CORRUPT',
        `${this.#host.file.path} did not pass its check after an I/O error: ${fault}`,
        {
          database,
          advice: 'restore a backup, or recover what can be read with the sqlite3 shell; the file was not touched',
        },
      );
  }

  /** Before a write. Looks ten times a second at most. Throws `FILE_REPLACED` where the log is not the one that was opened. */
  look(label: Label, now: number): void {
    const { lifecycle, file } = this.#host;
    if (lifecycle.status !== 'open' || now - this.#fenceSeenAt < WATCH_EVERY_MS) return;
    this.#fenceSeenAt = now;
    this.heed(label);
    file.assertSameLog(label);
  }

  /** Stops writes where another process has left word. */
  heed(label?: Label): void {
    const { context, lifecycle, file } = this.#host;
    if (lifecycle.status !== 'open' || !this.#fences.isUp(file.key)) return;
    const failure = new DatabaseError('IO', 'another process met an I/O error on this file', {
      database: context.name,
      label: label?.text,
    });
    lifecycle.fence(failure);
    this.#repair.learnt();
  }

  /** This process has met a failure that says that the file cannot be trusted, and writes are stopped where they had been possible. */
  met(failure: DatabaseError): void {
    const { context, lifecycle, file } = this.#host;
    if (lifecycle.status === 'fenced') this.#repair.met(failure);
    // While it is opened: what is no database is nobody's, and what the path names is found out by each process for itself.
    else if (failure.kind !== 'FILE_REPLACED' && failure.kind !== 'NOT_A_DATABASE')
      this.#fences.raise(file.key, { pid: process.pid, code: failure.code, at: context.clock.wallTime() });
  }

  /**
   * After a COMMIT: it went to the file that is open. If the path names another one now, nobody will ever see it again, and this throws
   * `FILE_REPLACED`.
   */
  committed(label: Label): void {
    const { settings, clock } = this.#host.context;
    if (settings.durability === 'normal') {
      const now = clock.now();
      if (now - this.#fileSeenAt < WATCH_EVERY_MS) return;
      this.#fileSeenAt = now;
    }
    this.#host.file.assertSame('the write is lost', label);
  }

  /** Undefined while there is no fence. */
  get repair(): RepairSnapshot | undefined {
    return this.#repair.snapshot;
  }

  /** Asks whether word is left about the file, which is there: it goes on to be so when this has been closed. */
  get fenceLeft(): () => boolean {
    const { file } = this.#host;
    const fences = this.#fences;
    return () => file.isInPlace && fences.isUp(file.key);
  }

  /** Ends whatever goes on. Words stay: the file is verified when it is opened next. */
  close(): void {
    this.#repair.close();
  }
}

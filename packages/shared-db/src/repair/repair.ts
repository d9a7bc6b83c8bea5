import type { Clock, Timer } from '@hive/pool';
import type { DatabaseError } from '../errors.ts';
import type { RepairSnapshot } from '../snapshot.ts';
import type { Claim } from './claim.ts';
import type { Fences } from './fences.ts';
import { longPauseMs, LONGEST_PAUSE_MS, pauseMs } from './pace.ts';

/** How often a fenced database looks around: for the word of another process, for a file that has changed or is back. */
const LOOK_EVERY_MS = 250;
/** How often one that is being opened does. */
const OPENING_LOOK_MS = 25;

const AGAIN = 'another error was met while it was checked';
const STUCK = 'nothing was found, but the word of it cannot be removed from the runtime directory';

/** What repairing asks and tells the database. */
export interface RepairHost {
  /** The file, as words are left about it. */
  readonly inode: () => string;
  /** Whether the paths of the database and its log still lead to what was opened. */
  readonly isInPlace: () => boolean;
  /** Changes when somebody changes the file. */
  readonly mark: () => string;
  /** Closes every connection that was open when it was called; lets reads finish for a moment first. Never rejects. */
  readonly closeConnections: () => Promise<void>;
  /** Resolves with what is wrong with the file, or undefined; rejects where it could not be checked. */
  readonly verify: (signal: AbortSignal) => Promise<string | undefined>;
  /** How long another process may verify before it is thought to hang. */
  readonly verifyLimitMs: () => number;
  /** Writes go on. */
  readonly resume: (report: RepairReport) => void;
  /** Told once about every new reason why they do not. */
  readonly failed: (attempt: RepairSnapshot) => void;
}

/** What it took. */
export interface RepairReport {
  readonly fencedMs: number;
  /** Of this process; 0 where another one has verified the file. */
  readonly attempts: number;
}

export interface RepairContext {
  readonly clock: Clock;
  readonly random: () => number;
  readonly fences: Fences;
  readonly claim: Claim;
}

/** One fence, from the first error to the moment when writes go on. */
interface Fenced {
  readonly since: number;
  /** How many errors this process has met. Connections and attempts that are older than the last one count for nothing. */
  errors: number;
  /** Up to which of them connections have been closed. */
  closed: number;
  /** Whether there is an error of this process of which others were not told: then nobody else's check counts. */
  unsaid: boolean;
  attempts: number;
  /** Attempts of a fence that was lowered a moment ago: one that comes again and again is not tried in haste. */
  readonly earlier: number;
  nextAt: number;
  phase: RepairSnapshot['phase'];
  /** What came of the last attempt. */
  found: Fault | undefined;
  /** What the file was like then. */
  mark: string | undefined;
}

/** Why a file cannot be written again. */
interface Fault {
  readonly text: string;
  /** Whether that is in the file. */
  readonly damaged: boolean;
}

/**
 * Opens a fenced database for writes again, by itself: closes its connections, has the file verified, at growing pauses, by one process
 * for all, and lowers the fence when nothing was found. A file that is not the one that was opened is left alone until that one is back.
 * Does nothing, and costs nothing, while there is no fence.
 */
export class Repair {
  readonly #context: RepairContext;
  readonly #host: RepairHost;
  readonly #closing = new AbortController();
  #fenced: Fenced | undefined;
  #timer: Timer | undefined;
  #resumed = { at: -Infinity, attempts: 0 };

  constructor(context: RepairContext, host: RepairHost) {
    this.#context = context;
    this.#host = host;
  }

  /** This process has met an error, be it fenced already or not: all who have the file open are told, but of a file that was replaced. */
  met(failure: DatabaseError): void {
    const { clock, fences } = this.#context;
    const fenced = this.#begin();
    fenced.errors++;
    const why = { pid: process.pid, code: failure.code, at: clock.wallTime() };
    // That a file was replaced each process finds out for itself.
    if (failure.kind === 'FILE_REPLACED') {
      fenced.unsaid = true;
      return;
    }
    if (!fences.raise(this.#host.inode(), why)) fenced.unsaid = true;
  }

  /** Another process has left word. */
  learnt(): void {
    this.#begin();
  }

  /**
   * Before a file is opened: has it verified where there is word of it, by this process or by one that already does. Resolves with what
   * is wrong with it; rejects where it could not be checked within the time.
   */
  async beforeOpening(timeoutMs: number, tooLate: () => Error): Promise<string | undefined> {
    const { clock, fences, claim } = this.#context;
    const inode = this.#host.inode();
    const deadline = clock.now() + timeoutMs;
    while (fences.isUp(inode)) {
      if (claim.take(inode, this.#host.verifyLimitMs()))
        try {
          const words = fences.words(inode);
          const fault = await this.#host.verify(this.#closing.signal);
          if (fault !== undefined) return fault;
          fences.lower(words);
        } finally {
          claim.release(inode);
        }
      else await pause(clock, OPENING_LOOK_MS);
      if (clock.now() >= deadline && fences.isUp(inode)) throw tooLate();
    }
    return undefined;
  }

  /** Ends whatever goes on. Words stay: the file is verified when it is opened next. */
  close(): void {
    this.#closing.abort();
    this.#timer?.cancel();
    this.#fenced = undefined;
  }

  /** Undefined while there is no fence. */
  get snapshot(): RepairSnapshot | undefined {
    return this.#fenced && this.#describe(this.#fenced);
  }

  #describe({ since, attempts, phase, nextAt, found }: Fenced): RepairSnapshot {
    const now = this.#context.clock.now();
    return Object.freeze({
      sinceMs: now - since,
      attempts,
      phase,
      nextAttemptMs: phase === 'waiting' ? Math.max(0, nextAt - now) : undefined,
      found: found?.text,
      damaged: found?.damaged ?? false,
    });
  }

  #begin(): Fenced {
    if (this.#fenced !== undefined) return this.#fenced;
    const { clock, random } = this.#context;
    const since = clock.now();
    const earlier = since - this.#resumed.at < LONGEST_PAUSE_MS ? this.#resumed.attempts : 0;
    const lookMs = pauseMs(0, random);
    const nextAt = since + (earlier === 0 ? lookMs : pauseMs(earlier, random));
    this.#fenced = {
      since,
      errors: 0,
      // Connections are closed once also where only others have met an error.
      closed: -1,
      unsaid: false,
      attempts: 0,
      earlier,
      nextAt,
      phase: 'waiting',
      found: undefined,
      mark: undefined,
    };
    if (!this.#closing.signal.aborted) this.#lookAfter(lookMs);
    return this.#fenced;
  }

  #lookAfter(delayMs: number): void {
    this.#timer = this.#context.clock.after(delayMs, () => {
      void this.#goOn();
    });
    this.#timer.unref();
  }

  async #goOn(): Promise<void> {
    try {
      await this.#look();
    } catch (error) {
      // Such as a directory that may not even be looked into any more.
      if (this.#fenced !== undefined) this.#failed(this.#fenced, { text: textOf(error), damaged: false });
    }
    if (this.#fenced !== undefined) this.#lookAfter(LOOK_EVERY_MS * (0.5 + 0.5 * this.#context.random()));
  }

  async #look(): Promise<void> {
    const fenced = this.#fenced;
    if (fenced === undefined) return;
    if (!this.#host.isInPlace()) {
      fenced.phase = 'displaced';
      return;
    }
    fenced.phase = 'waiting';
    await this.#closeConnections(fenced);
    if (this.#fenced !== fenced) return;
    if (this.#isVerified(fenced)) this.#resume(fenced);
    else if (this.#isDue(fenced)) await this.#claimed(fenced);
  }

  async #closeConnections(fenced: Fenced): Promise<void> {
    const { errors } = fenced;
    if (fenced.closed === errors) return;
    await this.#host.closeConnections();
    fenced.closed = errors;
  }

  /** Whether another process has lowered the fence, and no error of this one is newer than the connections that it has closed. */
  #isVerified({ errors, closed, unsaid }: Fenced): boolean {
    const { fences } = this.#context;
    return errors === closed && !unsaid && fences.arePlaced && !fences.isUp(this.#host.inode());
  }

  #isDue({ nextAt, found, mark }: Fenced): boolean {
    return this.#context.clock.now() >= nextAt || (found?.damaged === true && mark !== this.#host.mark());
  }

  /** Verifies, unless another process does: then its word is waited for. */
  async #claimed(fenced: Fenced): Promise<void> {
    const { claim } = this.#context;
    const inode = this.#host.inode();
    if (!claim.take(inode, this.#host.verifyLimitMs())) {
      fenced.phase = 'elsewhere';
      return;
    }
    try {
      await this.#attempt(fenced);
    } finally {
      claim.release(inode);
    }
  }

  async #attempt(fenced: Fenced): Promise<void> {
    const { fences } = this.#context;
    const host = this.#host;
    const inode = host.inode();
    const words = fences.words(inode);
    const { errors } = fenced;
    fenced.mark = host.mark();
    fenced.phase = 'verifying';
    fenced.attempts++;
    const found = await this.#verified();
    if (this.#fenced !== fenced) return;
    if (found === undefined) {
      fences.lower(words);
      if (fenced.errors === errors && fenced.closed === errors && !fences.isUp(inode) && host.isInPlace()) {
        this.#resume(fenced);
        return;
      }
    }
    const isStuck = found === undefined && fences.words(inode).some((word) => words.includes(word));
    this.#failed(fenced, found ?? { text: isStuck ? STUCK : AGAIN, damaged: false });
  }

  #failed(fenced: Fenced, { text, damaged }: Fault): void {
    const { clock, random } = this.#context;
    const isNews = fenced.found?.text !== text;
    fenced.phase = 'waiting';
    fenced.found = { text, damaged };
    const pause = damaged ? longPauseMs(random) : pauseMs(fenced.earlier + fenced.attempts, random);
    fenced.nextAt = clock.now() + pause;
    if (isNews) this.#host.failed(this.#describe(fenced));
  }

  /** What speaks against writing the file; undefined where nothing does. */
  async #verified(): Promise<Fault | undefined> {
    try {
      const fault = await this.#host.verify(this.#closing.signal);
      return fault === undefined ? undefined : { text: fault, damaged: true };
    } catch (error) {
      return { text: textOf(error), damaged: false };
    }
  }

  #resume({ since, attempts, earlier }: Fenced): void {
    const now = this.#context.clock.now();
    this.#fenced = undefined;
    this.#resumed = { at: now, attempts: earlier + attempts };
    this.#host.resume({ fencedMs: now - since, attempts });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}

import type { Clock } from '@hive/pool';
import { saysBusy } from '../sqlite/classify.ts';
import { SqliteError } from '../sqlite/engine.ts';
import { Analyses } from './analyses.ts';
import { Board, MODES } from './board.ts';
import { CheckpointedLog, type CheckpointResult, type LogSight } from './checkpointed-log.ts';
import { limitsFor, type LogLimits } from './limits.ts';
import type { CheckpointMode } from '../snapshot.ts';
import type { FromCheckpointer, LogOrder } from './message.ts';
import { Pin } from './pin.ts';
import {
  askAgainMs,
  deferMs,
  IDLE_MS,
  LITTLE_FRAMES,
  lockTriedMs,
  lookAfterMs,
  nextStep,
  PINNED_RETRY_MS,
  RESTART_RETRY_MS,
  TRIES_BEFORE_ASKING,
} from './plan.ts';

/** What failed is tried again after this, then after twice as long each time, up to the second. */
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
/** How long the answer of the writers is waited for who were asked to wait. */
const ANSWER_MS = 1_000;
/** How much longer the write lock is tried for then: another process may have it, and a group of writes takes eight milliseconds at most. */
const LONGER_IN_PAUSE_MS = 20;
/** How long another process that is at it is waited for while writers wait: shorter than they do (`LogCare`). */
const OTHERS_MS = 150;
/** How often frames are brought into the file before the write lock is taken, each time those that came meanwhile. */
const CATCH_UP_ROUNDS = 3;
/** How long analysing may take when a database is closed: whoever closes it waits. */
const LAST_ANALYSES_MS = 100;

/** What a keeper tells, and the clock that it goes by. */
export interface KeeperHost {
  readonly clock: Clock;
  readonly random: () => number;
  tell(message: FromCheckpointer): void;
}

/** What follows a look: another one after so long, or at the next commit. */
interface Rest {
  readonly ms: number;
  readonly untilCommit: boolean;
}

/**
 * Keeps the log of one database short, from a thread of its own: brings frames into the file beside those who write, begins the log
 * anew when it is too long, and looks after the statistics of the planner while nobody writes. Ends with `leave`.
 */
export class LogKeeper {
  readonly #order: LogOrder;
  readonly #host: KeeperHost;
  readonly #board: Board;
  readonly #pin: Pin;
  readonly #analyses: Analyses;
  #log: CheckpointedLog | undefined;
  #limits: LogLimits = limitsFor(0);
  #leaving: { readonly tidy: boolean } | undefined;
  #wake: (() => void) | undefined;
  /** As last seen, or left. */
  #frames = 0;
  #backfilled = 0;
  #deferUntil = -Infinity;
  #commits = -1;
  #quietSince = 0;
  #quietLooks = 0;
  #restartsInVain = 0;
  #pausesInVain = 0;
  #noPauseBefore = -Infinity;
  #answer: ((paused: boolean) => void) | undefined;
  #failures = 0;

  constructor(order: LogOrder, host: KeeperHost) {
    const { id, path, memory } = order;
    this.#order = order;
    this.#host = host;
    this.#board = new Board(memory);
    this.#pin = new Pin(path, (pinned) => {
      host.tell({ kind: 'pinned', id, pinned });
    });
    this.#analyses = new Analyses((message) => {
      host.tell({ ...message, id });
    });
  }

  /** Resolves when it has been told to leave and its connection is closed. Never rejects. */
  async keep(): Promise<void> {
    while (this.#leaving === undefined) await this.#rest(await this.#round());
    this.#leave(this.#leaving.tidy);
  }

  /** @param tidy brings all that can be into the file first. */
  leave(tidy: boolean): void {
    this.#leaving = { tidy };
    this.#answer?.(false);
    this.#wake?.();
  }

  /** Told that writers wait, or could not be made to. */
  paused(paused: boolean): void {
    this.#answer?.(paused);
  }

  async #round(): Promise<Rest> {
    try {
      const rest = await this.#look(this.#opened());
      if (this.#failures > 0) this.#host.tell({ kind: 'mended', id: this.#order.id });
      this.#failures = 0;
      return rest;
    } catch (error) {
      return this.#failed(error);
    }
  }

  #opened(): CheckpointedLog {
    if (this.#log !== undefined) return this.#log;
    const log = new CheckpointedLog(this.#order, this.#host.clock);
    this.#log = log;
    this.#limits = limitsFor(log.pageBytes);
    this.#host.tell({ kind: 'kept', id: this.#order.id, pageBytes: log.pageBytes });
    return log;
  }

  /** Nothing is lost by what fails here: what is in the log stays there until it has been synced in the file. */
  #failed(error: unknown): Rest {
    const isEngines = error instanceof SqliteError;
    const code = isEngines ? error.code : '';
    const ms = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10), LAST_RETRY_MS);
    // Opening meets locks of those who recover or close it; they go by themselves.
    if (saysBusy(error)) return { ms, untilCommit: false };
    this.#failures++;
    this.#board.count('failures');
    const message = error instanceof Error ? error.message : String(error);
    this.#host.tell({ kind: 'failed', id: this.#order.id, during: 'checkpoint', failure: { code, message } });
    return { ms, untilCommit: false };
  }

  async #look(log: CheckpointedLog): Promise<Rest> {
    const now = this.#host.clock.now();
    const { commits } = this.#board;
    const sight = log.look();
    if (this.#isKeptElsewhere(sight)) this.#defer(now);
    const hasCommitted = commits !== this.#commits;
    const isGrowing = hasCommitted || sight.frames !== this.#frames;
    this.#commits = commits;
    this.#frames = sight.frames;
    this.#backfilled = sight.backfilled;
    if (hasCommitted) this.#quietSince = now;
    this.#quietLooks = isGrowing ? 0 : this.#quietLooks + 1;
    this.#board.say('lookedAt', now);
    this.#say(sight);
    // Somebody else may have brought there what a reader was in the way of.
    if (sight.backfilled === sight.frames) this.#see(sight, 0);
    const quietMs = now - this.#quietSince;
    const state = { ...sight, isGrowing, quietMs, pinnedMs: this.#pin.triedAgo(now) };
    const limits = this.#limits;
    if (sight.frames <= limits.restartFrames) this.#restartsInVain = 0;
    // That process may not get the write lock either.
    if (now < this.#deferUntil && sight.frames <= limits.pauseFrames) return this.#again();
    const step = nextStep(state, limits);
    if (step === 'none') return this.#idle(log, sight, quietMs);
    const { passiveFrames } = limits;
    if (step === 'passive') this.#passive(log, passiveFrames);
    else if (step !== 'passive-restart' || this.#catchUp(log, passiveFrames)) return this.#restart(log, limits);
    return this.#again();
  }

  /** Whether somebody in another process has brought frames into the file since the last look. */
  #isKeptElsewhere({ frames, backfilled }: LogSight): boolean {
    if (frames >= this.#frames) return backfilled > this.#backfilled;
    return backfilled > 0 || this.#backfilled < this.#frames;
  }

  /** Who is at it goes on with it. Half as long or half as long again, so that two do not take turns at that. */
  #defer(now: number): void {
    this.#deferUntil = now + deferMs(this.#frames, this.#limits) * (0.5 + this.#host.random());
  }

  /** Brings so much into the file that little is left, though others write meanwhile. Returns whether that can be had. */
  #catchUp(log: CheckpointedLog, manyFrames: number): boolean {
    for (let round = 0; round < CATCH_UP_ROUNDS; round++) {
      if (this.#passive(log, manyFrames) > LITTLE_FRAMES) return false;
      const { frames, backfilled } = log.look();
      if (frames - backfilled <= LITTLE_FRAMES) return true;
    }
    // A slow disk: it is not going to be less.
    return true;
  }

  /** Nothing is to be done about the log now. */
  #idle(log: CheckpointedLog, { frames, backfilled }: LogSight, quietMs: number): Rest {
    const now = this.#host.clock.now();
    const isQuiet = quietMs >= IDLE_MS;
    if (isQuiet && backfilled === frames)
      return { ms: this.#analyses.next(log, this.#commits, now), untilCommit: true };
    this.#analyses.nextAmongWrites(log, this.#commits, now);
    return isQuiet ? { ms: PINNED_RETRY_MS, untilCommit: true } : this.#again();
  }

  #again(): Rest {
    return { ms: lookAfterMs(this.#quietLooks), untilCommit: false };
  }

  /** Returns how many frames it has left in the log, as far as is known. */
  #passive(log: CheckpointedLog, manyFrames: number): number {
    return this.#done('passive', manyFrames, () => log.passive());
  }

  async #restart(log: CheckpointedLog, { passiveFrames: manyFrames, turnFrames }: LogLimits): Promise<Rest> {
    if (this.#frames > turnFrames && this.#mayAsk) {
      await this.#restartAlone(log, manyFrames);
      return this.#again();
    }
    const left = this.#done('restart', manyFrames, () => log.restart(lockTriedMs(this.#frames), 0));
    if (left < Infinity) this.#restartsInVain = 0;
    if (left < Infinity || this.#host.clock.now() < this.#deferUntil) return this.#again();
    this.#restartsInVain++;
    if (this.#restartsInVain < TRIES_BEFORE_ASKING) return { ms: RESTART_RETRY_MS, untilCommit: false };
    this.#restartsInVain = 0;
    if (this.#mayAsk) await this.#restartAlone(log, manyFrames);
    return this.#again();
  }

  /** Whether writers may be asked to wait: not so soon after that has been in vain. */
  get #mayAsk(): boolean {
    return this.#host.clock.now() >= this.#noPauseBefore;
  }

  /** At saturation somebody always has the write lock: the writers of this process are asked to leave a gap. */
  async #restartAlone(log: CheckpointedLog, manyFrames: number): Promise<void> {
    this.#board.count('pauses');
    let left = Infinity;
    try {
      if (await this.#askToPause()) {
        const triedMs = LONGER_IN_PAUSE_MS + lockTriedMs(this.#frames);
        left = this.#done('restart', manyFrames, () => log.restart(triedMs, OTHERS_MS));
      }
    } finally {
      this.#host.tell({ kind: 'resume', id: this.#order.id });
    }
    this.#pausesInVain = left < Infinity ? 0 : this.#pausesInVain + 1;
    const backOffMs = askAgainMs(this.#pausesInVain, this.#frames, this.#limits);
    this.#noPauseBefore = left < Infinity ? -Infinity : this.#host.clock.now() + backOffMs;
  }

  #askToPause(): Promise<boolean> {
    return new Promise((resolve) => {
      const answered = (paused: boolean): void => {
        this.#answer = undefined;
        limit.cancel();
        resolve(paused);
      };
      const limit = this.#host.clock.after(ANSWER_MS, () => {
        answered(false);
      });
      this.#answer = answered;
      this.#host.tell({ kind: 'pause', id: this.#order.id });
    });
  }

  /** Does a checkpoint and says so on the board. Returns how many frames it has left in the log, as far as is known. */
  #done(mode: CheckpointMode, manyFrames: number, checkpoint: () => CheckpointResult): number {
    const { clock } = this.#host;
    const startedAt = clock.now();
    const result = checkpoint();
    const endedAt = clock.now();
    if (result.kind === 'elsewhere') {
      this.#board.count('elsewhere');
      this.#defer(endedAt);
    }
    if (result.kind !== 'done') return Infinity;
    this.#frames = result.frames;
    this.#backfilled = result.backfilled;
    this.#board.say('lastAt', endedAt);
    this.#board.say('lastMs', endedAt - startedAt);
    this.#board.say('lastMode', MODES.indexOf(mode));
    this.#board.count(mode);
    this.#say(result);
    const left = result.frames - result.backfilled;
    if (left > 0) this.#board.count('blocked');
    this.#see(result, manyFrames);
    return left;
  }

  #see(sight: LogSight, manyFrames: number): void {
    this.#pin.see(sight, manyFrames, this.#host.clock.now());
    this.#board.say('pinnedSince', this.#pin.since ?? Number.NaN);
  }

  #say({ frames, backfilled }: LogSight): void {
    this.#board.say('frames', frames);
    this.#board.say('backfilled', backfilled);
  }

  #leave(tidy: boolean): void {
    const log = this.#log;
    this.#log = undefined;
    if (log === undefined) return;
    try {
      if (tidy) this.#tidyUp(log);
    } catch (error) {
      this.#failed(error);
    } finally {
      log[Symbol.dispose]();
    }
  }

  /** What the last connection would else do when it closes, while its event loop stands still. */
  #tidyUp(log: CheckpointedLog): void {
    const { clock } = this.#host;
    const deadline = clock.now() + LAST_ANALYSES_MS;
    this.#analyses.last(log, this.#board.commits, () => clock.now() < deadline);
    log.passive();
  }

  #rest({ ms, untilCommit }: Rest): Promise<void> {
    if (!untilCommit || ms === 0) return this.#wait(ms);
    this.#wake = () => {
      this.#board.wake();
    };
    return this.#leaving === undefined ? this.#board.sleep(this.#commits, ms) : Promise.resolve();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#host.clock.after(ms, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
      if (this.#leaving !== undefined) this.#wake();
    });
  }
}

import { systemClock, type Timer } from '@hive/pool/clock';
import { Worker } from 'node:worker_threads';
import type { Activity } from '../activity.ts';
import { bareEnvironment } from '../bare-environment.ts';
import type { ControlReport } from '../control/report.ts';
import type { ControlRequest } from '../control/verb.ts';
import type { HealthServerState } from '../http/health-server.ts';
import type { Logger } from '../logger.ts';
import type { ServiceSnapshot } from '../snapshot.ts';
import { thisProcess } from './process-identity.ts';
import type { FromSentinel, SentinelData, SentinelHttp, ToSentinel } from './sentinel-message.ts';

/** How often the event loop says that it turns: how exactly a sentinel knows since when it does not. */
const BEAT_MS = 250;
/** How many beats there are between two snapshots that nobody has asked for: they are what a stuck process is known by. */
const BEATS_PER_SNAPSHOT = 4;
/** How long a thread may take to start. */
const START_LIMIT_MS = 10_000;
/** How long it may take to end when asked to: it has sockets to close. Then it is ended, which takes a moment. */
const CLOSE_LIMIT_MS = 1_000;
const END_LIMIT_MS = 200;
/** Far more than answering takes: it holds one snapshot and the names of labels and statements. */
const MOST_MEGABYTES = 64;

export interface SentinelOptions {
  /** What `runtimeDirectory` returned; undefined where the process shall not be found. */
  readonly directory: string | undefined;
  /** How health is served over HTTP; undefined where it shall not be. */
  readonly http: SentinelHttp | undefined;
  /** Takes a snapshot. Called for every question and once a second; must not wait. */
  readonly describe: () => ServiceSnapshot;
  /** Carries out what another process of this user asks for. */
  readonly obey: (request: ControlRequest) => Promise<ControlReport>;
  readonly activity: Activity;
  readonly logger: Logger;
  /** Told, with a sentence of ours, that nobody finds this process from now on. */
  readonly unseen: (reason: string) => void;
  /** Told where health is served, or why it is not, each time that this changes. */
  readonly served: (state: HealthServerState) => void;
}

/** A worker thread that answers for this process, also while its main thread is stuck. */
export interface Sentinel {
  /** Remembers how the process is now. Done once a second anyway: for changes that a process should not be known without if it gets stuck. */
  look(): void;
  /**
   * Makes the arbiter of a database file, as `device:inode`, and an epoch of it, unless there is one. Rejects with why that cannot be, in a
   * sentence of ours.
   */
  hostArbiter(file: string, epoch: number): Promise<void>;
  /** Removes the socket and ends the thread. Never rejects, and takes little more than a second at most. */
  close(): Promise<void>;
}

/**
 * Starts the thread that makes this process findable and serves its health. Never keeps the process alive. Rejects where there is no
 * thread to be had; a socket or a port that cannot be opened is told instead. Its time is the system's: the thread that reads the beats knows no other. Costs some megabytes of memory, and four wake-ups a second.
 */
export async function startSentinel(options: SentinelOptions): Promise<Sentinel> {
  const sentinel = new WorkerSentinel(options);
  try {
    await sentinel.started();
  } catch (error) {
    await sentinel.close();
    throw error;
  }
  return sentinel;
}

class WorkerSentinel implements Sentinel {
  readonly #options: SentinelOptions;
  readonly #worker: Worker;
  readonly #starting = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #isStarted = false;
  #beats = 0;
  /** Who waits for an arbiter, by its file and epoch. */
  readonly #arbiters = new Map<string, PromiseWithResolvers<void>>();
  #timer: Timer | undefined;

  constructor(options: SentinelOptions) {
    this.#options = options;
    const { directory, http, describe, activity } = options;
    // Who has just begun has not been silent since the process was started.
    activity.beat(systemClock.now());
    const workerData: SentinelData = {
      directory,
      http,
      identity: thisProcess(),
      memory: activity.memory,
      snapshot: describe(),
    };
    this.#worker = new Worker(new URL('sentinel-thread.js', import.meta.url), {
      workerData,
      name: 'database sentinel',
      // What this process was started with is none of its business: loaders, inspectors, and flags that would end it.
      execArgv: [],
      env: bareEnvironment(),
      resourceLimits: { maxOldGenerationSizeMb: MOST_MEGABYTES },
    });
    this.#worker.on('message', (message: FromSentinel) => {
      this.#hear(message);
    });
    this.#worker.on('error', (error) => {
      this.#starting.reject(error);
      if (this.#isStarted) this.#fail(`its sentinel has failed: ${error.message}`);
    });
    this.#worker.on('exit', () => {
      this.#timer?.cancel();
      this.#starting.reject(new Error('the sentinel ended before it had begun'));
      this.#ended.resolve();
    });
    // After the listeners: whoever listens to a worker keeps the process alive from then on.
    this.#worker.unref();
    this.#starting.promise.catch(() => undefined);
  }

  async started(): Promise<void> {
    // The wait for the thread is the only thing here that keeps the process alive.
    const limit = systemClock.after(START_LIMIT_MS, () => {
      this.#starting.reject(new Error(`the sentinel did not start within ${START_LIMIT_MS} ms`));
    });
    try {
      await this.#starting.promise;
    } finally {
      limit.cancel();
    }
    this.#isStarted = true;
    this.#options.activity.listen((name) => {
      this.#tell({ kind: 'name', name });
    });
    this.#beat();
  }

  look(): void {
    this.#describe();
  }

  hostArbiter(file: string, epoch: number): Promise<void> {
    const made = Promise.withResolvers<void>();
    this.#arbiters.set(`${file} ${epoch}`, made);
    this.#tell({ kind: 'host-arbiter', file, epoch });
    return made.promise;
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#tell({ kind: 'close' });
    this.#worker.ref();
    let limit = systemClock.after(CLOSE_LIMIT_MS, () => {
      this.#options.logger.warn({}, 'presence: the sentinel did not end by itself and is ended');
      void this.#worker.terminate();
      // A call of the system that it is in, such as for the address of a name, cannot be ended: it goes when that comes back.
      limit = systemClock.after(END_LIMIT_MS, this.#ended.resolve);
    });
    await this.#ended.promise;
    limit.cancel();
    this.#worker.unref();
  }

  #beat(): void {
    this.#options.activity.beat(systemClock.now());
    if (this.#beats++ % BEATS_PER_SNAPSHOT === 0) this.#describe();
    this.#timer = systemClock.after(BEAT_MS, () => {
      this.#beat();
    });
    this.#timer.unref();
  }

  #hear(message: FromSentinel): void {
    switch (message.kind) {
      case 'listening':
        this.#starting.resolve();
        return;
      case 'unseen':
        this.#options.unseen(message.reason);
        return;
      case 'http':
        this.#options.served(message.state);
        return;
      case 'question':
        this.#describe();
        return;
      case 'order':
        void this.#obey(message);
        return;
      case 'arbiter':
        this.#answerArbiter(message);
        return;
      case 'log':
        this.#options.logger[message.level](message.fields, message.message);
    }
  }

  async #obey({ id, request }: Extract<FromSentinel, { kind: 'order' }>): Promise<void> {
    const { obey, logger } = this.#options;
    this.#tell({ kind: 'order-begun', id });
    let report: ControlReport | undefined;
    try {
      report = await obey(request);
    } catch (error) {
      logger.error({ err: error, verb: request.order.verb }, 'control: an order could not be carried out');
    }
    this.#tell({ kind: 'order-ended', id, report });
  }

  #answerArbiter({ file, epoch, failure }: Extract<FromSentinel, { kind: 'arbiter' }>): void {
    const key = `${file} ${epoch}`;
    const made = this.#arbiters.get(key);
    this.#arbiters.delete(key);
    if (failure === undefined) made?.resolve();
    else made?.reject(new Error(failure));
  }

  #fail(reason: string): void {
    const { directory, http, unseen, served } = this.#options;
    if (directory !== undefined) unseen(reason);
    if (http !== undefined) served({ failure: `health is not served over HTTP: ${reason}` });
  }

  #describe(): void {
    const { describe, logger } = this.#options;
    try {
      this.#tell({ kind: 'snapshot', snapshot: describe() });
    } catch (error) {
      logger.error({ err: error }, 'presence: no snapshot could be taken');
      this.#tell({ kind: 'no-snapshot' });
    }
  }

  #tell(message: ToSentinel): void {
    this.#worker.postMessage(message);
  }
}

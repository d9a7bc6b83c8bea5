import { randomUUID } from 'node:crypto';
import { systemClock, type Clock, type Logger } from '@hive/shared-db';
import { checkDatabase, type BusDatabase } from './bus-database.ts';
import { Errand, neverFails } from './errand.ts';
import { checkName, checkTopic } from './name.ts';
import { checkClock, checkFunction, checkKeys, checkLogger, checkWhole } from './options.ts';
import { FARTHEST_MS, Position } from './position.ts';
import { Subscription, type Handle } from './subscription.ts';
import { shown, wrongUse } from './wrong-use.ts';

const GRACE_MS = 5_000;
const LONGEST_MS = 2_147_483_647;
const DEFAULTS = {
  clock: systemClock,
  logger: undefined,
  pollMs: 100,
  maxAttempts: 10,
  firstRetryMs: 200,
  longestRetryMs: 60_000,
  leaseMs: 5_000,
  keepAlive: true,
};
const OPTION_NAMES = ['bus', 'consumer', 'topics', 'handle', ...Object.keys(DEFAULTS)];

/** Everything that `createConsumer` takes. `bus`, `consumer`, `topics` and `handle` are required. */
export interface ConsumerOptions {
  readonly bus: BusDatabase;
  /** What its place in each topic is stored under. Processes that use one name share the work. */
  readonly consumer: string;
  readonly topics: readonly string[];
  readonly handle: Handle;
  readonly clock?: Clock;
  /** Default: silent. */
  readonly logger?: Logger;
  /** How often it asks whether the bus has changed. Default 100 ms: a third of what an event may take to arrive, for microseconds. */
  readonly pollMs?: number;
  /**
   * After so many failed attempts an event is put aside (`deadEvents`) and its topic goes on; Infinity: never. An attempt that
   * ended with its process counts. Default 10, with the pauses below about 100 s: what is down longer is repaired by people.
   */
  readonly maxAttempts?: number;
  /** The pause after the first failure; it doubles. Default 200 ms: most of what fails once is a lock or a restart. */
  readonly firstRetryMs?: number;
  /** What the pause grows to. Default 60 s, at most 10 min. */
  readonly longestRetryMs?: number;
  /**
   * How long a process may be silent in the middle of an event before another of the same name takes over. Default 5 s: what a
   * crash costs, and longer than an event loop should ever stand still. At most 10 min.
   */
  readonly leaseMs?: number;
  /** Whether the process stays for it. Default true: waiting is its work. */
  readonly keepAlive?: boolean;
}

/** What `stop` could not wait for. */
export interface ConsumerStopReport {
  readonly unfinished: readonly { readonly topic: string; readonly seq: number }[];
}

/** Handles events until it is stopped. */
export interface Consumer extends AsyncDisposable {
  /** Begins. Calling it again does nothing. */
  start(): void;
  /**
   * Begins no further event and waits for those in hand, for at most `graceMs` (default 5 s); then it aborts their signals and
   * reports them: they will be handled again. The same promise on every call; never rejects.
   */
  stop(options?: { readonly graceMs?: number }): Promise<ConsumerStopReport>;
}

/**
 * Makes a consumer. Of each topic it handles every event at least once, in order and one at a time; topics do not wait for each
 * other. A new one begins with the oldest event that is kept. Its place is stored after each event, so a crash repeats at most
 * the event in hand: make handlers idempotent, or use `handledOnce`. A handler that rejects is called again after a growing
 * pause; meanwhile its topic waits.
 *
 * Two processes may run one consumer: whoever is first handles what there is in a topic, and the other one takes over when it is
 * done, stopped, or silent for `leaseMs`. Only a process that was silent and comes back can find that an event it was
 * handling, and later ones, were handled by another meanwhile; its handler's signal is aborted.
 *
 * Costs: one look of microseconds every `pollMs`, no writes while there is nothing to do, two small transactions for a single
 * event, one for each event of many. While the bus is out of reach it tries again after 100 ms to 30 s; when the bus is closed
 * it ends, but stop it before that, so that handlers may finish.
 */
export function createConsumer(options: ConsumerOptions): Consumer {
  checkKeys('createConsumer', options, OPTION_NAMES);
  const settings = { ...DEFAULTS, ...withoutUndefined(options) };
  check(settings);
  return new PollingConsumer(settings);
}

type Settings = Omit<Required<ConsumerOptions>, 'logger'> & { readonly logger: Logger | undefined };

class PollingConsumer implements Consumer {
  readonly #settings: Settings;
  readonly #watch: Errand;
  readonly #subscriptions: readonly Subscription[];
  #connection: symbol | undefined;
  #version: unknown;
  #stopped: Promise<ConsumerStopReport> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    const { bus, consumer, topics, clock, leaseMs, keepAlive, pollMs } = settings;
    const holder = randomUUID();
    this.#subscriptions = topics.map((topic) => {
      const position = new Position({ bus, consumer, topic, holder, clock, leaseMs });
      const busClosed = (): void => void this.stop({ graceMs: 0 });
      return new Subscription({ ...settings, topic, position, busClosed });
    });
    this.#watch = new Errand({
      clock,
      keepAlive,
      run: () => {
        if (this.#hasChanged()) for (const subscription of this.#subscriptions) subscription.wake();
        return pollMs;
      },
      failed: neverFails,
    });
  }

  start(): void {
    if (this.#stopped !== undefined) throw wrongUse('this consumer was stopped', 'create another one');
    this.#watch.wake();
  }

  stop(options: { readonly graceMs?: number } = {}): Promise<ConsumerStopReport> {
    checkKeys('stop', options, ['graceMs']);
    const { graceMs = GRACE_MS } = options;
    checkWhole('graceMs of stop', graceMs, 0, LONGEST_MS);
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(graceMs: number): Promise<ConsumerStopReport> {
    await this.#watch.stop();
    const ended = Promise.all(this.#subscriptions.map((subscription) => subscription.stop()));
    const inTime = await this.#within(graceMs, ended);
    if (inTime) return { unfinished: [] };
    const unfinished = this.#subscriptions.flatMap(({ topic, inHand }) =>
      inHand === undefined ? [] : [{ topic, seq: inHand }],
    );
    const { consumer, logger } = this.#settings;
    if (unfinished.length > 0)
      logger?.warn({ consumer, unfinished }, 'stopped in the middle of events; they will be handled again');
    await Promise.all(this.#subscriptions.map((subscription) => subscription.abandon()));
    return { unfinished };
  }

  #within(graceMs: number, ended: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#settings.clock.after(graceMs, () => {
        resolve(false);
      });
      void ended.then(() => {
        timer.cancel();
        resolve(true);
      });
    });
  }

  /** The counter moves with every commit of any other connection, in this process and in others. It means nothing to another connection. */
  #hasChanged(): boolean {
    try {
      const { connection, version } = this.#settings.bus.readSync('bus: has it changed', (c) => ({
        connection: c.connectionKey,
        version: c.get('PRAGMA data_version')?.['data_version'],
      }));
      if (connection === this.#connection && version === this.#version) return false;
      this.#connection = connection;
      this.#version = version;
      return true;
    } catch {
      // A subscription waits for a database that is not open, and says what is wrong with it.
      return true;
    }
  }
}

/** What is passed on as undefined is as good as absent. */
function withoutUndefined(options: ConsumerOptions): ConsumerOptions {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as unknown as ConsumerOptions;
}

function check(settings: Settings): void {
  const where = 'createConsumer';
  checkDatabase(`bus of ${where}`, settings.bus);
  checkName(`consumer of ${where}`, settings.consumer);
  const { topics, keepAlive } = settings;
  if (!Array.isArray(topics) || topics.length === 0)
    throw wrongUse(`topics of ${where} is ${shown(topics)}; expected a list with at least one topic`);
  for (const topic of topics) checkTopic(`a topic of ${where}`, topic);
  const twice = topics.find((topic, index) => topics.indexOf(topic) !== index);
  if (twice !== undefined) throw wrongUse(`topics of ${where} has ${shown(twice)} twice; expected each topic once`);
  checkFunction(`handle of ${where}`, settings.handle);
  checkClock(`clock of ${where}`, settings.clock);
  checkLogger(`logger of ${where}`, settings.logger);
  checkWhole(`pollMs of ${where}`, settings.pollMs, 1, LONGEST_MS);
  checkWhole(`maxAttempts of ${where}`, settings.maxAttempts, 1, Infinity);
  checkWhole(`firstRetryMs of ${where}`, settings.firstRetryMs, 1, FARTHEST_MS);
  checkWhole(`longestRetryMs of ${where}`, settings.longestRetryMs, 1, FARTHEST_MS);
  checkWhole(`leaseMs of ${where}`, settings.leaseMs, 100, FARTHEST_MS);
  if (typeof keepAlive !== 'boolean')
    throw wrongUse(`keepAlive of ${where} is ${shown(keepAlive)}; expected true or false`);
}

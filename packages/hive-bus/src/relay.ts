import { systemClock, type Clock, type Logger, type SyncTransaction } from '@hive/shared-db';
import { onPublished } from './bell.ts';
import { checkDatabase, type BusDatabase } from './bus-database.ts';
import { Errand, neverFails } from './errand.ts';
import { checkName } from './name.ts';
import { checkClock, checkKeys, checkLogger, checkWhole } from './options.ts';
import { ANY_IN_OUTBOX, CLEAR_OUTBOX, OLDEST_OF_OUTBOX, type OutboxRow } from './outbox.ts';
import { wrongUse } from './wrong-use.ts';

/** A fraction of the 300 ms in which a consumer should hear of an event; a look costs microseconds. */
const POLL_MS = 100;
/** What a service gives its databases, too. */
const GRACE_MS = 5_000;
const LONGEST_MS = 2_147_483_647;

/** Everything that `createRelay` takes. `outbox`, `bus` and `source` are required. */
export interface RelayOptions {
  /** The database whose migrations include `outboxMigrations`. */
  readonly outbox: BusDatabase;
  readonly bus: BusDatabase;
  /** Who publishes here: one name for one outbox, for ever. */
  readonly source: string;
  readonly clock?: Clock;
  /** Default: silent. */
  readonly logger?: Logger;
  /** How often it looks for what other processes published. Default 100 ms; what this process publishes is moved at once. */
  readonly pollMs?: number;
}

/** Moves what was published from one outbox to the bus. */
export interface Relay extends AsyncDisposable {
  /** Begins. Calling it again does nothing. */
  start(): void;
  /**
   * Moves what has been published, for at most `graceMs` (default 5 s) and to the end of the batch in hand, and ends. What could
   * not be moved waits in the outbox. The same promise on every call; never rejects.
   */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}

/**
 * Makes a relay. Events keep the order in which their transactions committed. A crash at any point neither loses nor doubles one:
 * a batch is written to the bus, where known keys are skipped, before it is cleared from the outbox. Several relays may run on
 * one outbox; every process that publishes should have one. It does not keep the process alive: what was published is safe in
 * the outbox. While a database is out of reach it tries again after 100 ms to 30 s.
 */
export function createRelay(options: RelayOptions): Relay {
  checkKeys('createRelay', options, ['outbox', 'bus', 'source', 'clock', 'logger', 'pollMs']);
  checkDatabase('outbox of createRelay', options.outbox);
  checkDatabase('bus of createRelay', options.bus);
  checkName('source of createRelay', options.source);
  checkClock('clock of createRelay', options.clock);
  checkLogger('logger of createRelay', options.logger);
  checkWhole('pollMs of createRelay', options.pollMs ?? POLL_MS, 1, LONGEST_MS);
  return new OutboxRelay(options);
}

class OutboxRelay implements Relay {
  readonly #outbox: BusDatabase;
  readonly #bus: BusDatabase;
  readonly #source: string;
  readonly #clock: Clock;
  readonly #logger: Logger | undefined;
  readonly #moving: Errand;
  readonly #polling: Errand;
  #unlisten: (() => void) | undefined;
  #rung = false;
  #deadline = Infinity;
  #stopped: Promise<void> | undefined;

  constructor({ outbox, bus, source, clock = systemClock, logger, pollMs = POLL_MS }: RelayOptions) {
    this.#outbox = outbox;
    this.#bus = bus;
    this.#source = source;
    this.#clock = clock;
    this.#logger = logger;
    this.#moving = new Errand({
      clock,
      keepAlive: false,
      run: () => this.#moveAll(),
      failed: (error, failures, pauseMs) => {
        logger?.warn({ source, err: error, failures, pauseMs }, 'events cannot be relayed; they wait in the outbox');
      },
    });
    this.#polling = new Errand({
      clock,
      keepAlive: false,
      run: () => {
        if (this.#mayHaveWork()) this.#moving.wake();
        return pollMs;
      },
      failed: neverFails,
    });
  }

  start(): void {
    if (this.#stopped !== undefined) throw wrongUse('this relay was stopped', 'create another one');
    this.#unlisten ??= onPublished(() => {
      this.#hear();
    });
    this.#polling.wake();
  }

  stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    checkKeys('stop', options, ['graceMs']);
    const { graceMs = GRACE_MS } = options;
    checkWhole('graceMs of stop', graceMs, 0, LONGEST_MS);
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(graceMs: number): Promise<void> {
    this.#deadline = this.#clock.now() + graceMs;
    const started = this.#unlisten !== undefined;
    this.#unlisten?.();
    await this.#polling.stop();
    if (started) this.#moving.wake();
    await this.#moving.stop();
  }

  /** In the next turn: the publisher gets its answer first, and many events published in one turn make one batch. */
  #hear(): void {
    if (this.#rung) return;
    this.#rung = true;
    this.#clock.nextTurn(() => {
      this.#rung = false;
      this.#moving.wake();
    });
  }

  #mayHaveWork(): boolean {
    try {
      return this.#outbox.readSync('bus: is the outbox empty', (c) => c.get(ANY_IN_OUTBOX)) !== undefined;
    } catch {
      // Moving waits for a database that is not open, and says what is wrong with it.
      return true;
    }
  }

  async #moveAll(): Promise<undefined> {
    while (this.#clock.now() <= this.#deadline) {
      const batch = await this.#outbox.read('bus: read outbox', (c) => c.all<OutboxRow>(OLDEST_OF_OUTBOX));
      const last = batch.at(-1);
      if (last === undefined) return;
      // Between these two a crash leaves the batch in both places: the next relay writes nothing and clears.
      await this.#toBus(batch);
      await this.#outbox.write('bus: clear outbox', (tx) => tx.run(CLEAR_OUTBOX, last.id));
    }
  }

  async #toBus(batch: readonly OutboxRow[]): Promise<void> {
    const overruled = await this.#bus.write('bus: relay events', (tx) =>
      batch.filter((row) => !this.#insert(tx, row) && !this.#isThere(tx, row)),
    );
    for (const { topic, key } of overruled)
      this.#logger?.warn(
        { source: this.#source, topic, key },
        'a key was used again for another payload; the first event counts and this one was dropped',
      );
  }

  #insert(tx: SyncTransaction, { topic, key, payload, published_at: at }: OutboxRow): boolean {
    const { changes } = tx.run(
      `INSERT INTO events (topic, source, key, payload, published_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (source, topic, key) DO NOTHING`,
      topic,
      this.#source,
      key,
      payload,
      at,
    );
    return changes > 0;
  }

  #isThere(tx: SyncTransaction, { topic, key, payload }: OutboxRow): boolean {
    const sql = 'SELECT 1 FROM events WHERE source = ? AND topic = ? AND key = ? AND payload = ?';
    return tx.get(sql, this.#source, topic, key, payload) !== undefined;
  }
}

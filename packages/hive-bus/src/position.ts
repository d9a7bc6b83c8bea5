import type { Clock, SyncTransaction } from '@hive/shared-db';
import type { BusDatabase } from './bus-database.ts';
import { EVENT_COLUMNS, type EventRow } from './event.ts';
import { wallTime } from './wall-time.ts';

/** No turn and no pause is longer: whatever says more was written before the machine's clock was set back. */
export const FARTHEST_MS = 600_000;
/** Giving up a turn happens on the way out; a lock that is not free by then is not worth waiting for. */
const STEP_DOWN_TIMEOUT_MS = 1_000;

/** What is known after a step: the next event is ours to handle, nothing more is to be done, or the turn is another process's. */
export type Step =
  | { readonly status: 'next'; readonly row: EventRow; readonly attempts: number }
  | { readonly status: 'done'; readonly pauseMs?: number }
  | { readonly status: 'lost' };

/** Who asks for which row, and how long a turn lasts unless it is renewed. */
export interface PositionSettings {
  readonly bus: BusDatabase;
  readonly consumer: string;
  readonly topic: string;
  /** Tells this consumer from others of its name. */
  readonly holder: string;
  readonly clock: Clock;
  readonly leaseMs: number;
}

/**
 * Where a consumer is in a topic: one row of the bus, which survives restarts and which all processes that run the consumer
 * share. Handling takes a turn: it is claimed, renewed while a handler runs, and given back when nothing is left; an idle topic
 * is nobody's and costs no writes. Every step checks that the turn is still ours, so a process that lost it changes nothing.
 * Failed attempts are counted in the row, also those that ended with the process. Times in the row are wall times, which processes
 * share; when somebody sets the clock a turn may end early, and an event be handled twice, or end late.
 */
export class Position {
  readonly #bus: BusDatabase;
  readonly #holder: string;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #id: readonly [consumer: string, topic: string];

  constructor({ bus, consumer, topic, holder, clock, leaseMs }: PositionSettings) {
    this.#bus = bus;
    this.#holder = holder;
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#id = [consumer, topic];
  }

  /** Milliseconds until a claim may succeed; undefined when there is no event to handle. Makes the row when it is not there. */
  async waitMs(): Promise<number | undefined> {
    const row = (await this.#look()) ?? (await this.#register());
    if (row === undefined || Number(row.behind) === 0) return undefined;
    const waitMs = Number(row.freeAt) - wallTime(this.#clock);
    return row.holder === this.#holder || waitMs <= 0 || waitMs > FARTHEST_MS ? 0 : waitMs;
  }

  #look(): Promise<StandingRow | undefined> {
    return this.#bus.read('bus: look at position', (c) => c.get<StandingRow>(LOOK, ...this.#id));
  }

  /** A consumer begins with the oldest event that is kept. */
  async #register(): Promise<StandingRow | undefined> {
    const sql = 'INSERT INTO consumers (consumer, topic, updated_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
    await this.#bus.write('bus: register consumer', (tx) => tx.run(sql, ...this.#id, wallTime(this.#clock)));
    return this.#look();
  }

  /** Takes the turn and says which event is next. `lost` when somebody else was quicker. */
  claim(): Promise<Step> {
    return this.#bus.write('bus: claim topic', (tx) => {
      const now = wallTime(this.#clock);
      const claimed = tx.get<{ seq: number | bigint; attempts: number | bigint }>(
        CLAIM,
        this.#holder,
        now + this.#leaseMs,
        this.#holder,
        now,
        ...this.#id,
        this.#holder,
        now,
        now + FARTHEST_MS,
      );
      if (claimed === undefined) return LOST;
      return this.#goOn(tx, claimed.seq, Number(claimed.attempts));
    });
  }

  /** Keeps the turn for another lease. False when it is not ours any more. */
  async renew(): Promise<boolean> {
    const { changes } = await this.#bus.write('bus: renew turn', (tx) =>
      tx.run(RENEW, wallTime(this.#clock) + this.#leaseMs, ...this.#id, this.#holder),
    );
    return changes > 0;
  }

  /** The event has been handled. */
  advance(row: EventRow): Promise<Step> {
    return this.#bus.write('bus: advance', (tx) => this.#goOn(tx, row.seq, 0));
  }

  /** The event is put aside with what was wrong with it. */
  bury(row: EventRow, error: string, attempts: number): Promise<Step> {
    return this.#bus.write('bus: bury event', (tx) => {
      const step = this.#goOn(tx, row.seq, 0);
      if (step.status !== 'lost') tx.run(BURY, this.#id[0], error, attempts, wallTime(this.#clock), row.seq);
      return step;
    });
  }

  /** Counts a failed attempt and gives the turn back; nobody of this name tries again before the pause is over. */
  retryAfter(pauseMs: number): Promise<Step> {
    return this.#bus.write('bus: retry later', (tx) => {
      const now = wallTime(this.#clock);
      const { changes } = tx.run(RETRY_LATER, now + pauseMs, now, ...this.#id, this.#holder);
      return changes === 0 ? LOST : { status: 'done', pauseMs };
    });
  }

  /**
   * Gives the turn back in the middle of an event without counting an attempt. Nobody else begins within `restMs`: a handler that
   * could not be waited for may still be at it.
   */
  async stepDown(restMs: number): Promise<void> {
    await this.#bus.write(
      'bus: step down',
      (tx) => {
        const now = wallTime(this.#clock);
        tx.run(STEP_DOWN, now + restMs, now, ...this.#id, this.#holder);
      },
      { timeoutMs: STEP_DOWN_TIMEOUT_MS },
    );
  }

  /** Moves behind `seq`; goes on to the next event, or gives the turn back. */
  #goOn(tx: SyncTransaction, seq: number | bigint, attempts: number): Step {
    const row = tx.get<EventRow>(NEXT, this.#id[1], seq);
    const now = wallTime(this.#clock);
    const holder = row === undefined ? null : this.#holder;
    const freeAt = row === undefined ? 0 : now + this.#leaseMs;
    const { changes } = tx.run(GO_ON, seq, attempts, holder, freeAt, now, ...this.#id, this.#holder);
    if (changes === 0) return LOST;
    return row === undefined ? { status: 'done' } : { status: 'next', row, attempts };
  }
}

interface StandingRow {
  readonly holder: string | null;
  readonly freeAt: number | bigint;
  readonly behind: number | bigint;
}

const LOST: Step = Object.freeze({ status: 'lost' });

const LOOK = `
  SELECT holder, free_at AS freeAt,
    EXISTS (SELECT 1 FROM events WHERE topic = consumers.topic AND seq > consumers.seq) AS behind
  FROM consumers WHERE consumer = ? AND topic = ?`;

// A turn of somebody else that has run out ended with its process, or with an event loop that stood still: a failed attempt.
const CLAIM = `
  UPDATE consumers
  SET holder = ?, free_at = ?, attempts = attempts + (holder IS NOT NULL AND holder <> ?), updated_at = ?
  WHERE consumer = ? AND topic = ? AND (holder = ? OR free_at <= ? OR free_at > ?)
  RETURNING seq, attempts`;

const NEXT = `SELECT ${EVENT_COLUMNS} FROM events WHERE topic = ? AND seq > ? ORDER BY seq LIMIT 1`;

const MINE = 'WHERE consumer = ? AND topic = ? AND holder = ?';
const RENEW = `UPDATE consumers SET free_at = ? ${MINE}`;
const GO_ON = `UPDATE consumers SET seq = ?, attempts = ?, holder = ?, free_at = ?, updated_at = ? ${MINE}`;
const RETRY_LATER = `
  UPDATE consumers SET attempts = attempts + 1, holder = NULL, free_at = ?, updated_at = ? ${MINE}`;
const STEP_DOWN = `UPDATE consumers SET holder = NULL, free_at = ?, updated_at = ? ${MINE}`;

const BURY = `
  INSERT INTO dead_events (consumer, error, attempts, died_at, ${EVENT_COLUMNS})
  SELECT ?, ?, ?, ?, ${EVENT_COLUMNS} FROM events WHERE seq = ?`;

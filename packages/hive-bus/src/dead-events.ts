import { checkDatabase, type BusDatabase } from './bus-database.ts';
import { EVENT_COLUMNS, eventOf, type BusEvent, type EventRow } from './event.ts';
import { checkName } from './name.ts';
import { checkFunction, checkKeys, checkWhole } from './options.ts';
import { textOf } from './subscription.ts';

/** As many as a person looks at. */
const LIMIT = 100;
const MOST = 10_000;

/** An event that a consumer gave up. */
export interface DeadEvent {
  readonly consumer: string;
  readonly event: BusEvent;
  /** What the last attempt said. */
  readonly error: string;
  readonly attempts: number;
  /** Milliseconds since 1970. */
  readonly diedAt: number;
}

/** The events that a consumer gave up, oldest first, at most `limit` (default 100). They stay until `retryDeadEvents` succeeds. */
export async function deadEvents(
  bus: BusDatabase,
  consumer: string,
  options: { readonly limit?: number } = {},
): Promise<readonly DeadEvent[]> {
  checkDatabase('bus of deadEvents', bus);
  checkKeys('deadEvents', options, ['limit']);
  const { limit = LIMIT } = options;
  checkName('consumer of deadEvents', consumer);
  checkWhole('limit of deadEvents', limit, 1, MOST);
  const rows = await bus.read('bus: dead events', (c) => c.all<DeadRow>(LIST, consumer, limit));
  return rows.map((row) => ({
    consumer: row.consumer,
    event: eventOf(row),
    error: row.error,
    attempts: Number(row.attempts),
    diedAt: Number(row.died_at),
  }));
}

/** Whom to give which dead events. */
export interface RetryOptions {
  readonly bus: BusDatabase;
  readonly consumer: string;
  readonly handle: (event: BusEvent) => Promise<void>;
  /** Default 100. */
  readonly limit?: number;
}

/**
 * Gives a consumer's dead events to a handler once more, one after the other, oldest first; for use after what killed them was
 * repaired. One that is handled is forgotten; one that fails stays, with its newest error. Later events of their topics have been
 * handled long since: order is what their death has cost. At least once: a crash repeats the one in hand.
 */
export async function retryDeadEvents(
  options: RetryOptions,
): Promise<{ readonly handled: number; readonly failed: number }> {
  checkKeys('retryDeadEvents', options, ['bus', 'consumer', 'handle', 'limit']);
  const { bus, consumer, handle, limit = LIMIT } = options;
  checkDatabase('bus of retryDeadEvents', bus);
  checkFunction('handle of retryDeadEvents', handle);
  const dead = await deadEvents(bus, consumer, { limit });
  let handled = 0;
  for (const { event } of dead) {
    const error = await failureOf(() => handle(event));
    if (error === undefined) handled++;
    await bus.write('bus: retry dead event', (tx) =>
      error === undefined
        ? tx.run('DELETE FROM dead_events WHERE consumer = ? AND seq = ?', consumer, event.seq)
        : tx.run(STILL_DEAD, error, consumer, event.seq),
    );
  }
  return { handled, failed: dead.length - handled };
}

async function failureOf(attempt: () => Promise<void>): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return textOf(error);
  }
}

interface DeadRow extends EventRow {
  readonly consumer: string;
  readonly error: string;
  readonly attempts: number | bigint;
  readonly died_at: number | bigint;
}

const LIST = `
  SELECT consumer, error, attempts, died_at, ${EVENT_COLUMNS} FROM dead_events WHERE consumer = ? ORDER BY seq LIMIT ?`;

const STILL_DEAD = 'UPDATE dead_events SET error = ?, attempts = attempts + 1 WHERE consumer = ? AND seq = ?';

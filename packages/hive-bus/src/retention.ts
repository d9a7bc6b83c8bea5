import { systemClock, type Clock, type SyncTransaction } from '@hive/shared-db';
import { checkDatabase, type BusDatabase } from './bus-database.ts';
import { checkName } from './name.ts';
import { checkClock, checkKeys, checkWhole } from './options.ts';
import { wallTime } from './wall-time.ts';

/** How many rows are deleted in one transaction: a few milliseconds, then others may write. */
const BATCH_ROWS = 500;

/** What is old enough to go. */
export interface TrimOptions {
  /**
   * Older than this by the publisher's clock. Required: it is also how long a key protects against the same event being published
   * again, so it should be longer than any process is down.
   */
  readonly olderThanMs: number;
  readonly clock?: Clock;
}

/**
 * Deletes old events that all consumers of their topic are done with; returns how many. What no consumer has ever asked for is
 * kept: its consumer may not have been started yet.
 */
export async function trim(bus: BusDatabase, options: TrimOptions): Promise<number> {
  checkDatabase('bus of trim', bus);
  const before = cutOff('trim', options);
  const topics = await bus.read('bus: topics with consumers', (c) =>
    c.all<{ topic: string }>('SELECT DISTINCT topic FROM consumers'),
  );
  let deleted = 0;
  for (const { topic } of topics) deleted += await deleteInBatches(bus, TRIM, [topic, topic, before]);
  return deleted;
}

/**
 * Deletes what `handledOnce` remembers and is older than this; returns how many. An event that is delivered again after that
 * takes effect again, so it should be as long as `trim` keeps events, or longer.
 */
export async function trimHandled(app: BusDatabase, options: TrimOptions): Promise<number> {
  checkDatabase('database of trimHandled', app);
  return deleteInBatches(app, TRIM_HANDLED, [cutOff('trimHandled', options)]);
}

/**
 * Forgets where a consumer that is not run any more was, so that events need not be kept for it; returns from how many topics.
 * Should it be started again, it begins with the oldest event. Its dead events stay.
 */
export async function forgetConsumer(bus: BusDatabase, consumer: string): Promise<number> {
  checkDatabase('bus of forgetConsumer', bus);
  checkName('consumer of forgetConsumer', consumer);
  const { changes } = await bus.write('bus: forget consumer', (tx) =>
    tx.run('DELETE FROM consumers WHERE consumer = ?', consumer),
  );
  return changes;
}

function cutOff(where: string, options: TrimOptions): number {
  checkKeys(where, options, ['olderThanMs', 'clock']);
  const { olderThanMs, clock = systemClock } = options;
  checkClock(`clock of ${where}`, clock);
  checkWhole(`olderThanMs of ${where}`, olderThanMs, 0, Number.MAX_SAFE_INTEGER);
  return wallTime(clock) - olderThanMs;
}

async function deleteInBatches(
  database: BusDatabase,
  sql: string,
  params: Parameters<SyncTransaction['run']>[1][],
): Promise<number> {
  for (let deleted = 0; ;) {
    const { changes } = await database.write('bus: trim', (tx) => tx.run(sql, ...params));
    deleted += changes;
    if (changes < BATCH_ROWS) return deleted;
  }
}

const TRIM = `
  DELETE FROM events WHERE seq IN (
    SELECT seq FROM events
    WHERE topic = ? AND seq <= (SELECT min(seq) FROM consumers WHERE topic = ?) AND published_at < ?
    ORDER BY seq LIMIT ${BATCH_ROWS}
  )`;

const TRIM_HANDLED = `
  DELETE FROM _bus_handled WHERE (consumer, source, topic, key) IN (
    SELECT consumer, source, topic, key FROM _bus_handled WHERE handled_at < ? LIMIT ${BATCH_ROWS}
  )`;

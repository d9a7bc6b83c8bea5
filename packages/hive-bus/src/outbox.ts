import type { Migration } from '@hive/shared-db';
import { checkWhole } from './options.ts';

/** How many rows, and how many characters beyond the first row, are moved in one transaction: a few milliseconds of the bus. */
const BATCH_ROWS = 100;
const BATCH_CHARACTERS = 1_048_576;

/** What waits in an outbox. */
export interface OutboxRow {
  readonly id: number | bigint;
  readonly topic: string;
  readonly key: string;
  readonly payload: string;
  readonly published_at: number | bigint;
}

/**
 * What an app appends to the migrations of its own database, so that it can publish within its transactions. `startId` must be
 * free, larger than the ids before it in the list, and never change; later versions of the bus may use the ids up to
 * `startId + 9`. A number such as 9001 keeps out of the way of the app's own.
 */
export function outboxMigrations(startId: number): readonly Migration[] {
  checkWhole('startId of outboxMigrations', startId, 1, Number.MAX_SAFE_INTEGER - 9);
  return [
    {
      id: startId,
      name: 'outbox of the bus',
      // An id is never given twice: a relay that was slow to clear what another has moved must not hit what came since.
      sql: `
        CREATE TABLE _bus_outbox (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          topic TEXT NOT NULL,
          key TEXT NOT NULL,
          payload TEXT NOT NULL CHECK (json_valid(payload)),
          published_at INTEGER NOT NULL
        ) STRICT;`,
    },
  ];
}

export const ADD_TO_OUTBOX = 'INSERT INTO _bus_outbox (topic, key, payload, published_at) VALUES (?, ?, ?, ?)';

export const OLDEST_OF_OUTBOX = `
  SELECT id, topic, key, payload, published_at
  FROM (
    SELECT *, sum(length(payload)) OVER (ORDER BY id) - length(payload) AS before
    FROM (SELECT * FROM _bus_outbox ORDER BY id LIMIT ${BATCH_ROWS})
  )
  WHERE before < ${BATCH_CHARACTERS}
  ORDER BY id`;

export const ANY_IN_OUTBOX = 'SELECT 1 FROM _bus_outbox LIMIT 1';

export const CLEAR_OUTBOX = 'DELETE FROM _bus_outbox WHERE id <= ?';

import type { Migration, SqliteDatabase } from '@hive/shared-db';
import { shown, wrongUse } from './wrong-use.ts';

/** What this package uses of a database, be it the bus or one with an outbox. */
export type BusDatabase = Pick<SqliteDatabase, 'name' | 'read' | 'readSync' | 'write'>;

/**
 * The schema of the bus, for `sqlite({ path, migrations: busMigrations })`. The database is the bus's alone. Leave it at durability
 * `full`, the default: an outbox forgets what the bus has acknowledged, and a power failure must not take that back.
 */
export const busMigrations: readonly Migration[] = Object.freeze([
  Object.freeze({
    id: 1,
    name: 'events, consumers, dead events',
    // A sequence number is never given twice, also after the newest events were trimmed: an offset must stay in the past.
    sql: `
      CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        topic TEXT NOT NULL,
        source TEXT NOT NULL,
        key TEXT NOT NULL,
        payload TEXT NOT NULL CHECK (json_valid(payload)),
        published_at INTEGER NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX events_once ON events (source, topic, key);
      CREATE INDEX events_of_topic ON events (topic);

      CREATE TABLE consumers (
        consumer TEXT NOT NULL,
        topic TEXT NOT NULL,
        seq INTEGER NOT NULL DEFAULT 0,      -- the last event that it is done with
        attempts INTEGER NOT NULL DEFAULT 0, -- how often the next one has failed
        holder TEXT,                         -- whose turn it is
        free_at INTEGER NOT NULL DEFAULT 0,  -- when somebody else may take it, or when the next attempt is due
        updated_at INTEGER NOT NULL,
        PRIMARY KEY (consumer, topic)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE dead_events (
        consumer TEXT NOT NULL,
        seq INTEGER NOT NULL,
        topic TEXT NOT NULL,
        source TEXT NOT NULL,
        key TEXT NOT NULL,
        payload TEXT NOT NULL,
        published_at INTEGER NOT NULL,
        error TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        died_at INTEGER NOT NULL,
        PRIMARY KEY (consumer, seq)
      ) STRICT;`,
  }),
]);

/** Throws `WRONG_USE` unless it looks like a database of the service. */
export function checkDatabase(where: string, database: unknown): void {
  const { readSync } = (database ?? {}) as Partial<BusDatabase>;
  if (typeof readSync !== 'function')
    throw wrongUse(`${where} is ${shown(database)}; expected a SQLite database of the service`);
}

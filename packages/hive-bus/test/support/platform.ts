import { busMigrations, handledMigrations, outboxMigrations, publish, type NewEvent } from '@hive/hive-bus';
import { openDatabaseService, sqlite, systemClock, type Clock, type SqliteDatabase } from '@hive/shared-db';
import { temporaryDirectory, type TemporaryDirectory } from '@hive/shared-db/testing';

/** An app's database with an outbox, and the bus, in real files. Made for `await using`. */
export interface Platform extends AsyncDisposable {
  readonly app: SqliteDatabase;
  readonly bus: SqliteDatabase;
  readonly directory: TemporaryDirectory;
  /** Publishes in a transaction of its own. */
  publish(...events: readonly NewEvent[]): Promise<void>;
  /** The payloads on the bus, in order. */
  relayed(): Promise<readonly unknown[]>;
  /** The payloads that still wait in the outbox. */
  waiting(): Promise<readonly unknown[]>;
}

export async function platform({ clock = systemClock }: { readonly clock?: Clock } = {}): Promise<Platform> {
  const directory = temporaryDirectory();
  const service = await openDatabaseService({
    app: 'test',
    presence: false,
    clock,
    databases: {
      app: sqlite({
        path: directory.file('app.db'),
        durability: 'normal',
        required: true,
        migrations: [
          { id: 1, name: 'effects', sql: 'CREATE TABLE effects (id INTEGER PRIMARY KEY, what TEXT NOT NULL) STRICT' },
          ...outboxMigrations(9_001),
          ...handledMigrations(9_011),
        ],
      }),
      bus: sqlite({
        path: directory.file('bus.db'),
        durability: 'normal',
        required: true,
        migrations: busMigrations,
      }),
    },
  });
  const app = service.database('app');
  const bus = service.database('bus');
  return {
    app,
    bus,
    directory,
    publish: (...events) =>
      app.write('publish', (tx) => {
        for (const event of events) publish(tx, event, { clock });
      }),
    relayed: () => payloads(bus, 'SELECT payload FROM events ORDER BY seq'),
    waiting: () => payloads(app, 'SELECT payload FROM _bus_outbox ORDER BY id'),
    [Symbol.asyncDispose]: async () => {
      await service.close({ graceMs: 0 });
      directory[Symbol.dispose]();
    },
  };
}

async function payloads(database: SqliteDatabase, sql: string): Promise<readonly unknown[]> {
  const rows = await database.read('payloads', (c) => c.all<{ payload: string }>(sql));
  return rows.map(({ payload }) => JSON.parse(payload) as unknown);
}

/** Numbered events of one topic. */
export function numbered(topic: string, ...numbers: readonly number[]): readonly NewEvent[] {
  return numbers.map((payload) => ({ topic, payload }));
}

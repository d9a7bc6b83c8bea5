import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabaseService, sqlite, type DatabaseService, type SqliteDatabase } from '@hive/shared-db';
import Database from 'better-sqlite3';

/** Rows of the table that is read: more than a page, less than the cache. */
export const ROWS = 20_000;
const SCHEMA = `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, stock INTEGER, about TEXT, weight REAL);
                CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT NOT NULL, number INTEGER NOT NULL) STRICT;`;
const INSERT_ITEM = 'INSERT INTO item VALUES (?, ?, ?, ?, ?, ?)';

export type Durability = 'full' | 'normal';

/** The same file under the service, as it ships: statistics, labels, guards and all. */
export interface ServiceStage {
  readonly database: SqliteDatabase;
  end(): Promise<void>;
}

export async function openService(
  durability: Durability,
  presence = true,
  offloadWorkers?: number,
): Promise<ServiceStage> {
  const directory = temporaryDirectory();
  const service: DatabaseService<{ bench: ReturnType<typeof sqlite> }> = await openDatabaseService({
    app: 'bench',
    presence,
    ...(offloadWorkers === undefined ? {} : { offloadWorkers }),
    runtimeDirectory: join(directory, 'run'),
    dataDirectory: directory,
    databases: {
      bench: sqlite({ path: 'bench.db', durability, migrations: [{ id: 1, name: 'bench', sql: SCHEMA }] }),
    },
  });
  const database = service.database('bench');
  await database.write('fill', (tx) => {
    for (let id = 1; id <= ROWS; id++) tx.run(INSERT_ITEM, ...itemOf(id));
  });
  return {
    database,
    end: async () => {
      await service.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The peer: better-sqlite3 by itself, used as its documentation says, with the same durability. */
export interface BareStage {
  readonly writer: Database.Database;
  readonly reader: Database.Database;
  end(): Promise<void>;
}

export function openBare(durability: Durability): BareStage {
  const directory = temporaryDirectory();
  const path = join(directory, 'bench.db');
  const writer = new Database(path);
  writer.pragma('journal_mode = WAL');
  writer.pragma(`synchronous = ${durability === 'full' ? 2 : 1}`);
  writer.exec(SCHEMA);
  const insert = writer.prepare(INSERT_ITEM);
  writer.transaction(() => {
    for (let id = 1; id <= ROWS; id++) insert.run(...itemOf(id));
  })();
  const reader = new Database(path, { readonly: true });
  return {
    writer,
    reader,
    end: async () => {
      reader.close();
      writer.close();
      rmSync(directory, { recursive: true, force: true });
      await Promise.resolve();
    },
  };
}

function itemOf(id: number): readonly [number, string, number, number, string, number] {
  return [id, `name ${id}`, id * 1.5, id * 7, `what there is to say of ${id}`, id / 3];
}

function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'hive-bench-'));
}

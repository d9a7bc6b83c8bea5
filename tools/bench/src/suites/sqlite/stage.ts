import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabaseService, sqlite, type DatabaseService, type SqliteDatabase } from '@hive/shared-db';
import Database from 'better-sqlite3';

/** Rows of the table that is read: more than a page, less than the cache. */
export const ROWS = 20_000;
const SCHEMA = `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, stock INTEGER, about TEXT, weight REAL);
                CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT NOT NULL, number INTEGER NOT NULL) STRICT;
                CREATE TABLE reading (id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP, tank INTEGER, ph REAL, ec REAL, temperature REAL);
                CREATE INDEX reading_at ON reading (at);`;
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
  const file = createFile();
  const writer = new Database(file.path);
  writer.pragma(`synchronous = ${durability === 'full' ? 2 : 1}`);
  const reader = new Database(file.path, { readonly: true });
  return {
    writer,
    reader,
    end: () => {
      reader.close();
      writer.close();
      file.remove();
      return Promise.resolve();
    },
  };
}

/** The file by itself, closed: for whoever brings an engine of his own. */
export interface FileStage {
  readonly path: string;
  remove(): void;
}

export function createFile(): FileStage {
  const directory = temporaryDirectory();
  const path = join(directory, 'bench.db');
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.exec(SCHEMA);
  const insert = database.prepare(INSERT_ITEM);
  database.transaction(() => {
    for (let id = 1; id <= ROWS; id++) insert.run(...itemOf(id));
  })();
  database.close();
  return {
    path,
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function itemOf(id: number): readonly [number, string, number, number, string, number] {
  return [id, `name ${id}`, id * 1.5, id * 7, `what there is to say of ${id}`, id / 3];
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'hive-bench-'));
}

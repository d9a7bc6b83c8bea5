import type { Migration, SqliteDatabase } from '@hive/shared-db';
import { temporaryDatabase, type TemporaryDatabase, type TemporaryDatabaseOptions } from '@hive/shared-db/testing';

export const SHOP: Migration = {
  id: 1,
  name: 'shop',
  sql: `
  CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
  CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE guarded (n INTEGER);
  CREATE TRIGGER guard BEFORE INSERT ON guarded WHEN NEW.n < 0 BEGIN SELECT RAISE(ROLLBACK, 'negative'); END;
`,
};

/** A database with unique items, parts whose item is checked at COMMIT, and a table that ends the transaction of a negative number. */
export function shop(options: TemporaryDatabaseOptions = {}): Promise<TemporaryDatabase> {
  return temporaryDatabase({ migrations: [SHOP], ...options });
}

/** The items that everybody can see, oldest first. */
export function itemsOf(database: SqliteDatabase): readonly string[] {
  const rows = database.readSync('items', (c) => c.all<{ name: string }>('SELECT name FROM item ORDER BY id'));
  return rows.map(({ name }) => name);
}

import { describe, expect, it } from 'vitest';
import { rejectionOf } from '../support/outcome.ts';
import { itemsOf, shop } from '../support/shop.ts';
// By itself: what undoes a part only fails where the engine finds no memory, or cannot read what it has put aside.
import { SqliteConnection } from '../../dist/sqlite/connection.js';
import { SqliteError } from '../../dist/sqlite/engine.js';

/** Until the scope ends, the statement that undoes a part fails; `before` is done then. */
function failToUndo(before: (connection: SqliteConnection) => void): Disposable {
  const { prototype } = SqliteConnection;
  const original = Object.getOwnPropertyDescriptor(prototype, 'control') as PropertyDescriptor;
  const control = original.value as (this: SqliteConnection, sql: string) => void;
  Object.defineProperty(prototype, 'control', {
    ...original,
    value(this: SqliteConnection, sql: string): void {
      if (sql !== 'ROLLBACK TO hive_1') {
        control.call(this, sql);
        return;
      }
      before(this);
      throw new SqliteError('disk I/O error', 'SQLITE_IOERR_READ');
    },
  });
  return { [Symbol.dispose]: () => void Object.defineProperty(prototype, 'control', original) };
}

describe('a part of a write that cannot be undone', () => {
  it.for<readonly [string, (connection: SqliteConnection) => void]>([
    ['stands as it was', () => undefined],
    ['has been ended with it', (connection) => connection.control('ROLLBACK')],
  ])('takes all of it with it, though its error is swallowed, where the transaction %s', async ([, before]) => {
    await using temporary = await shop();
    const { database } = temporary;
    using _ = failToUndo(before);
    const write = database.write('swallow', (tx) => {
      tx.run("INSERT INTO item (name) VALUES ('before')");
      try {
        tx.transaction((part) => {
          part.run("INSERT INTO item (name) VALUES ('in the part')");
          throw new Error('mine');
        });
      } catch {
        // As if nothing had happened.
      }
      try {
        tx.run("INSERT INTO item (name) VALUES ('after')");
      } catch {
        // And again.
      }
    });
    expect(await rejectionOf(write)).toMatchObject({ database: 'test', label: 'swallow' });
    expect(itemsOf(database)).toEqual([]);
  });
});

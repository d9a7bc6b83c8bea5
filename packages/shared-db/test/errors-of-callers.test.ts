import { describe, expect, it } from 'vitest';
import { PoolError } from '@hive/pool';
import { DatabaseError } from '@hive/shared-db';
import type { SqliteHandle } from '../dist/sqlite/engine.js';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { itemsOf, shop } from './support/shop.ts';

/** What a handle of SQLite that is none of ours, on another file, may throw into a function of a caller. */
async function foreignErrors(): Promise<readonly Error[]> {
  await using other = await shop();
  await using session = await other.database.session('throw');
  const raw = session.connection.raw as SqliteHandle;
  const real = outcomeOf(() => raw.prepare('SELEKT')) as Error & {
    readonly constructor: new (...of: string[]) => Error;
  };
  const codes = ['SQLITE_BUSY', 'SQLITE_CORRUPT', 'SQLITE_IOERR_WRITE', 'SQLITE_FULL', 'SQLITE_NOTADB'];
  return [real, ...codes.map((code) => new real.constructor('of another file', code))];
}

describe('an error of another database that a function lets through', () => {
  it('comes out as it is, runs nothing again and says nothing about this database', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const pool = new PoolError('POOL_TIMEOUT', 'of another pool', { holders: [] });
    for (const error of [...(await foreignErrors()), pool]) {
      let runs = 0;
      const fail = (): Promise<never> => {
        runs++;
        return Promise.reject(error);
      };
      await using session = await database.session('hold');
      for (const use of [
        () => database.read('fail', fail),
        () => database.transaction('fail', fail),
        () => database.transaction('fail', (tx) => tx.transaction(fail)),
        () => session.transaction(fail),
      ])
        expect(await rejectionOf(use())).toBe(error);
      expect(runs).toBe(4);
    }
    expect(database.snapshot()).toMatchObject({ status: 'open', counters: { busy: 0, errors: {} } });
    await database.write('go on', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    expect(itemsOf(database)).toEqual(['a']);
  });

  it('is no less foreign when it is thrown into a synchronous function', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const busyElsewhere = new DatabaseError('BUSY_TIMEOUT', 'the lock of another', { database: 'other' });
    for (const error of [...(await foreignErrors()), busyElsewhere]) {
      let runs = 0;
      const fail = (): never => {
        runs++;
        throw error;
      };
      for (const use of [
        () => database.write('fail', fail),
        () => database.write('fail', (tx) => tx.transaction(fail)),
        async () => Promise.resolve(database.readSync('fail', fail)),
      ])
        expect(await rejectionOf(use())).toBe(error);
      expect(runs).toBe(3);
    }
    expect(database.snapshot()).toMatchObject({ status: 'open', counters: { busy: 0 } });
    await database.write('go on', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    expect(itemsOf(database)).toEqual(['a']);
  });

  it('gives the right to write back, however hard it is to look at', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const trap = new Error('nobody looks at me');
    const hidden = new Proxy(new Error('hidden'), {
      getPrototypeOf: () => {
        throw trap;
      },
    });
    const fail = (): never => {
      throw hidden;
    };
    expect(await outcomeOf(async () => database.write('fail', fail).catch(() => 'rejected'))).toBe('rejected');
    await database.write('go on', (tx) => tx.run("INSERT INTO item (name) VALUES ('a')"));
    expect(itemsOf(database)).toEqual(['a']);
  });
});

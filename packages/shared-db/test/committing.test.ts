import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import type { SqliteDatabase, SyncTransaction } from '@hive/shared-db';
import { companion } from './support/companion.ts';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { itemsOf, shop } from './support/shop.ts';

const add = (tx: SyncTransaction, name: string): unknown => tx.run('INSERT INTO item (name) VALUES (?)', name);

describe('a transaction', () => {
  it('whose COMMIT is refused by a constraint has written nothing, and keeps nobody from writing', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const told: string[] = [];
    const orphan = database.transaction('orphan', async (tx) => {
      tx.afterCommit(() => told.push('committed'));
      await tx.run("INSERT INTO item (name) VALUES ('undone')");
      return tx.run('INSERT INTO part (item) VALUES (42)');
    });
    const innocent = database.write('innocent', (tx) => add(tx, 'innocent'));
    expect(await rejectionOf(orphan)).toMatchObject({
      code: 'HIVEDB_E_CONSTRAINT',
      retryable: false,
      label: 'orphan',
      message: expect.stringContaining('FOREIGN KEY constraint failed') as string,
    });
    await innocent;
    expect(told).toEqual([]);
    expect(itemsOf(database)).toEqual(['innocent']);
    expect(database.snapshot()).toMatchObject({ lane: { running: 0, waiting: 0 }, counters: { rolledBack: 1 } });
  });

  it.each([
    ['a graceful flush', (database: SqliteDatabase) => database.flush('graceful')],
    ['closing', (_: SqliteDatabase, close: () => Promise<unknown>) => close()],
  ])('that is committed is told so where its connection goes with COMMIT, for %s', async (_, end) => {
    await using temporary = await shop({ durability: 'full' });
    const { database, service } = temporary;
    // Nobody else has the file open: with its last connection the log goes, too.
    let ended: Promise<unknown> = Promise.resolve();
    const moved = database.transaction('move', async (tx) => {
      await tx.run("INSERT INTO item (name) VALUES ('moved')");
      ended = end(database, () => service.close());
      return 'committed';
    });
    expect(await moved).toBe('committed');
    await ended;
    expect(database.snapshot().status).not.toBe('fenced');
  });

  it('closes the iterators that its function left open', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await database.write('fill', (tx) => ['a', 'b', 'c'].map((name) => add(tx, name)));
    const left = await database.transaction('leave one open', async (tx) => {
      const rows = tx.iterate('SELECT name FROM item ORDER BY id');
      expect(await rows.next()).toEqual({ done: false, value: { name: 'a' } });
      return [rows];
    });
    await database.transaction('go on', (tx) => tx.run("INSERT INTO item (name) VALUES ('d')"));
    expect(await rejectionOf(left[0]?.next() ?? Promise.resolve())).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    expect(itemsOf(database)).toHaveLength(4);
  });

  it('closes the iterators that its function left open when it is undone, too, and keeps its connection', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await database.write('fill', (tx) => ['a', 'b', 'c'].map((name) => add(tx, name)));
    // A temporary table lives as long as the connection that made it.
    await database.write('mark the connection', (tx) => {
      tx.exec('CREATE TEMP TABLE mark (n)');
    });
    const undone: readonly (() => Promise<unknown>)[] = [
      () =>
        database.write('undone', (tx) => {
          add(tx, 'd');
          tx.iterate('SELECT name FROM item').next();
          throw new Error('mine');
        }),
      () =>
        database.transaction('undone', async (tx) => {
          await tx.run("INSERT INTO item (name) VALUES ('d')");
          await tx.iterate('SELECT name FROM item').next();
          throw new Error('mine');
        }),
      () =>
        database.write('partly undone', (tx) => {
          outcomeOf(() =>
            tx.transaction((part) => {
              add(part, 'd');
              part.iterate('SELECT name FROM item').next();
              throw new Error('mine');
            }),
          );
          throw new Error('mine');
        }),
    ];
    for (const fail of undone) {
      expect(await rejectionOf(fail())).toEqual(new Error('mine'));
      // A table that somebody still reads cannot be changed like this.
      await database.write('change the schema', (tx) => {
        tx.exec('ALTER TABLE item ADD COLUMN extra; ALTER TABLE item DROP COLUMN extra');
        expect(tx.all('SELECT * FROM mark')).toEqual([]);
      });
      expect(itemsOf(database)).toEqual(['a', 'b', 'c']);
    }
  });

  it('runs and settles in the asynchronous context of its caller', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const context = new AsyncLocalStorage<string>();
    const seen: [caller: string, context: string | undefined][] = [];
    const gate = Promise.withResolvers<undefined>();
    const transactions = ['a', 'b', 'c'].map((name) =>
      context.run(name, async () => {
        await database.transaction('save', async (tx) => {
          seen.push([name, context.getStore()]);
          tx.afterCommit(() => seen.push([name, context.getStore()]));
          await gate.promise;
          await tx.get('SELECT 1');
          seen.push([name, context.getStore()]);
        });
        seen.push([name, context.getStore()]);
      }),
    );
    await context.run('another', () => {
      gate.resolve(undefined);
      return Promise.all(transactions);
    });
    expect(seen.filter(([caller, store]) => caller !== store)).toEqual([]);
    expect(seen).toHaveLength(12);
  });
});

describe('a write that waits for the lock of another process', () => {
  it('runs once when the lock is free, and settles in the asynchronous context of its caller', async () => {
    await using temporary = await shop();
    const { database, path } = temporary;
    await using holder = companion(
      `const { DatabaseSync } = await import('node:sqlite');
       const database = new DatabaseSync(args[0]);
       database.exec('BEGIN IMMEDIATE');
       say('holding');
       await hear();
       database.exec('COMMIT');`,
      path,
    );
    expect(await holder.hear()).toBe('holding');
    const context = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const save = (how: (target: SqliteDatabase) => Promise<unknown>, name: string): Promise<unknown> =>
      context.run(name, async () => {
        await how(database);
        seen.push([name, context.getStore()]);
      });
    const runs: unknown[] = [];
    const saves = [
      save((target) => target.write('save', (tx) => (runs.push(context.getStore()), add(tx, 'a'))), 'write'),
      save(
        (target) =>
          target.transaction('save', async (tx) => {
            runs.push(context.getStore());
            await tx.run("INSERT INTO item (name) VALUES ('b')");
          }),
        'transaction',
      ),
    ];
    await expect.poll(() => database.snapshot().counters.busy, { timeout: 10_000 }).toBe(1);
    holder.say('let go');
    await Promise.all(saves);
    expect(runs).toEqual(['write', 'transaction']);
    expect(seen).toEqual([
      ['write', 'write'],
      ['transaction', 'transaction'],
    ]);
    expect(itemsOf(database)).toEqual(['a', 'b']);
  });
});

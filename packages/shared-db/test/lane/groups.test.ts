import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import type { SqliteDatabase, SyncTransaction } from '@hive/shared-db';
import { VirtualClock } from '@hive/shared-db/testing';
import { outcomeOf, rejectionOf } from '../support/outcome.ts';
import { itemsOf, shop } from '../support/shop.ts';

const count = (tx: SyncTransaction): unknown => tx.get<{ n: number }>('SELECT count(*) AS n FROM item')?.n;
const insert = (tx: SyncTransaction, name: string): unknown => tx.run('INSERT INTO item (name) VALUES (?)', name);
const CONSTRAINT = { code: 'HIVEDB_E_CONSTRAINT' };

/** Some writes that are made in one breath. */
function together(database: SqliteDatabase, names: readonly string[]): Promise<unknown>[] {
  return names.map((name) => database.write(name, (tx) => insert(tx, name)));
}

/** How many commits there were for how many writes since the last time. */
function counter(database: SqliteDatabase): () => readonly [groups: number, members: number] {
  let before = database.snapshot().lane.work;
  return () => {
    const { groups, members } = database.snapshot().lane.work;
    const since = [groups - before.groups, members - before.members] as const;
    before = database.snapshot().lane.work;
    return since;
  };
}

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `item ${n}`);

describe('writes that wait together', () => {
  it.each(['full', 'normal'] as const)('share one commit, in the order in which they came (%s)', async (durability) => {
    await using temporary = await shop({ durability, clock: new VirtualClock() });
    const { database } = temporary;
    const since = counter(database);
    await Promise.all(together(database, names(20)));
    expect(since()).toEqual([1, 20]);
    expect(itemsOf(database)).toEqual(names(20));
    for (const name of ['one', 'by one']) await database.write('alone', (tx) => insert(tx, name));
    expect(since()).toEqual([2, 2]);
  });

  it('are 64 at most', async () => {
    await using temporary = await shop({ clock: new VirtualClock() });
    const { database } = temporary;
    const since = counter(database);
    await Promise.all(together(database, names(130)));
    expect(since()).toEqual([3, 130]);
    expect(itemsOf(database)).toEqual(names(130));
  });

  it('are so many as can begin within eight milliseconds, and the others get a turn of their own', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const since = counter(database);
    const slow = names(9).map((name) =>
      database.write(name, (tx) => {
        clock.block(3);
        return insert(tx, name);
      }),
    );
    await Promise.all(slow);
    // Begun at 0, 3 and 6.
    expect(since()).toEqual([3, 9]);
    expect(itemsOf(database)).toEqual(names(9));
  });

  it('see what those before them have written, and what each returns is its own', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const counts = names(10).map((name) => database.write(name, (tx) => (insert(tx, name), count(tx))));
    expect(await Promise.all(counts)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('run, are called back and settle in the asynchronous context of their own caller each', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const context = new AsyncLocalStorage<string>();
    const seen: [where: string, caller: string, context: string | undefined][] = [];
    const one = async (name: string): Promise<void> => {
      await database.write('save', (tx) => {
        seen.push(['inside', name, context.getStore()]);
        tx.afterCommit(() => seen.push(['committed', name, context.getStore()]));
        return insert(tx, name);
      });
      seen.push(['after', name, context.getStore()]);
    };
    await Promise.all(names(12).map((name) => context.run(name, () => one(name))));
    expect(seen.filter(([, caller, store]) => caller !== store)).toEqual([]);
    expect(seen).toHaveLength(36);
  });

  it('are called back in their own context also when they are told together with one that came before', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock, durability: 'normal' });
    const { database } = temporary;
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const save = (name: string): Promise<void> =>
      context.run(name, () =>
        database.write(name, (tx) => {
          // So long that the event loop gets a turn before anybody is told.
          clock.block(5);
          insert(tx, name);
          tx.transaction((part) => {
            part.afterCommit(() => seen.push(context.getStore()));
          });
        }),
      );
    const first = save('first');
    // It is committed, and nobody waits any more: who comes now finds an idle lane.
    for (let reactions = 0; reactions < 10; reactions++) await Promise.resolve();
    expect([itemsOf(database), seen]).toEqual([['first'], []]);
    await Promise.all([first, save('second')]);
    expect(seen).toEqual(['first', 'second']);
  });

  it('leave a transaction its place, however many of them come', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const done: string[] = [];
    const streaming = new AbortController();
    const stream = async (name: string): Promise<void> => {
      for (let n = 0; !streaming.signal.aborted; n++)
        await database.write('stream', (tx) => insert(tx, `${name} ${n}`));
    };
    const streams = names(8).map(stream);
    await database.write('first', (tx) => insert(tx, 'first'));
    for (let n = 0; n < 5; n++)
      await database
        .transaction('whole', async (tx) => tx.run('INSERT INTO item (name) VALUES (?)', `whole ${n}`))
        .then(() => done.push('whole'));
    streaming.abort();
    await Promise.all(streams);
    expect(done).toHaveLength(5);
  });
});

describe('a write that fails among others', () => {
  it('is undone alone, wherever it stands', async () => {
    for (const at of [0, 3, 7, 8, 15]) {
      await using temporary = await shop({ clock: new VirtualClock() });
      const { database } = temporary;
      const since = counter(database);
      const outcomes = await Promise.allSettled(
        names(16).map((name, index) =>
          database.write(name, (tx) => {
            insert(tx, name);
            if (index === at) insert(tx, name);
            return name;
          }),
        ),
      );
      expect(outcomes[at]).toMatchObject({ reason: { ...CONSTRAINT, label: `item ${at}` } });
      expect(itemsOf(database)).toEqual(names(16).filter((_, index) => index !== at));
      expect(since()).toEqual([1, 15]);
      expect(database.snapshot().counters.rolledBack).toBe(1);
    }
  });

  it('was seen by nobody: those behind it in its group do not find its rows', async () => {
    await using temporary = await shop({ clock: new VirtualClock() });
    const { database } = temporary;
    const failing = database.write('failing', (tx) => {
      insert(tx, 'undone');
      throw new Error('mine');
    });
    const behind = database.write('behind', (tx) => tx.all('SELECT name FROM item'));
    expect(await rejectionOf(failing)).toEqual(new Error('mine'));
    expect(await behind).toEqual([]);
  });

  it('and has ended the transaction is turned away, and each of the others is written once', async () => {
    for (const at of [0, 4, 9, 19]) {
      await using temporary = await shop({ clock: new VirtualClock() });
      const { database } = temporary;
      const outcomes = await Promise.allSettled(
        names(20).map((name, index) =>
          database.write(name, (tx) => {
            insert(tx, name);
            if (index === at) outcomeOf(() => tx.run('INSERT INTO guarded VALUES (-1)'));
            return name;
          }),
        ),
      );
      expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(names(20).map((_, index) => index !== at));
      expect(outcomes[at]).toMatchObject({ reason: { code: 'HIVEDB_E_SQL', label: `item ${at}` } });
      expect(itemsOf(database)).toEqual(names(20).filter((_, index) => index !== at));
    }
  });

  it('at COMMIT alone is found, and each of the others is written once', async () => {
    await using temporary = await shop({ clock: new VirtualClock() });
    const { database } = temporary;
    const outcomes = await Promise.allSettled(
      names(6).map((name, index) =>
        database.write(name, (tx) => {
          if (index === 2 || index === 4) tx.run('INSERT INTO part (item) VALUES (4242)');
          return insert(tx, name);
        }),
      ),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(outcomes[2]).toMatchObject({ reason: { ...CONSTRAINT, label: 'item 2' } });
    expect(itemsOf(database)).toEqual(['item 0', 'item 1', 'item 3', 'item 5']);
    const since = counter(database);
    await Promise.all(together(database, ['x', 'y', 'z']));
    expect(since()).toEqual([1, 3]);
  });

  it('leaves no iterator open to those behind it', async () => {
    await using temporary = await shop({ clock: new VirtualClock() });
    const { database } = temporary;
    await Promise.all(together(database, ['a', 'b']));
    const left = database.write('leaves one open', (tx) => {
      tx.iterate('SELECT name FROM item').next();
    });
    const behind = database.write('behind', (tx) => tx.exec('CREATE TABLE another (n)'));
    await Promise.all([left, behind]);
    expect(await database.write('fill', (tx) => tx.run('INSERT INTO another VALUES (1)').changes)).toBe(1);
  });
});

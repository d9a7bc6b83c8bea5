import { describe, expect, it } from 'vitest';
import { fakeDatabase, passUntilSettled } from './support/fake-database.ts';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { shop } from './support/shop.ts';

const ALL = 'SELECT name FROM item ORDER BY id';
const DONE = { done: true, value: undefined };

describe('an iterator that a part of a write leaves open', () => {
  it('is closed with the part, and the write goes on', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const write = database.write('save', (tx) => {
      tx.run("INSERT INTO item (name) VALUES ('a'), ('b')");
      tx.transaction((part) => part.iterate(ALL).next());
      return tx.run("INSERT INTO item (name) VALUES ('c')").changes;
    });
    expect(await write).toBe(1);
    expect(database.readSync('all', (c) => c.all(ALL))).toHaveLength(3);
  });
});

describe('a connection that was taken away by a flush of everything', () => {
  it('is told so to whoever begins an iteration on it, or asks for its handle', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using session = await database.session('rows');
    const errors = [
      await rejectionOf(
        database.read('rows', async (c) => {
          await database.flush('all');
          await c.iterate(ALL).next();
        }),
      ),
      await rejectionOf(session.connection.iterate(ALL).next()),
      outcomeOf(() => session.connection.raw),
    ];
    for (const error of errors)
      expect(error).toMatchObject({
        name: 'DatabaseError',
        code: 'HIVEDB_E_LEASE_STALE',
        database: 'test',
        label: 'rows',
      });
  });
});

describe('an iterator that is left after its handle has ended', () => {
  it('has no business on the connection any more, which is somebody else’s', async () => {
    await using fake = await fakeDatabase({ poolSize: 1, maxOverflow: 0 });
    const { driver, clock, database } = fake;
    driver.answer(ALL, { rows: [{ name: 'a' }, { name: 'b' }] });
    for (const lend of [
      async () => {
        const session = await database.session('leave');
        const rows = session.connection.iterate(ALL);
        await rows.next();
        await session.close();
        return [rows];
      },
      () =>
        database.read('leave', async (c) => {
          const rows = c.iterate(ALL);
          await rows.next();
          return [rows];
        }),
    ]) {
      const [rows] = await lend();
      driver.delay('statement', 50);
      const next = database.read('next', (c) => c.get('SELECT 1'));
      await clock.advance(10);
      const left = rows?.return?.();
      await clock.settle();
      expect(driver.faults).toEqual([]);
      expect(await left).toEqual(DONE);
      await passUntilSettled(clock, next);
      driver.delay('statement', 0);
    }
  });

  it('is done, and whoever has the connection now goes on with his own', async () => {
    await using temporary = await shop({ poolSize: 1, maxOverflow: 0 });
    const { database, service } = temporary;
    await database.write('fill', (tx) => {
      for (const name of ['a', 'b', 'c']) tx.run('INSERT INTO item (name) VALUES (?)', name);
    });
    const left: (AsyncIterator<unknown> | Iterator<unknown>)[] = [];
    const begin = <I extends AsyncIterator<unknown> | Iterator<unknown>>(rows: I): ReturnType<I['next']> => {
      left.push(rows);
      return rows.next() as ReturnType<I['next']>;
    };
    const session = await database.session('leave');
    await begin(session.connection.iterate(ALL));
    await session.close();
    await database.read('leave', async (c) => begin(c.iterate(ALL)));
    await database.transaction('leave', async (tx) => begin(tx.iterate(ALL)));
    await database.write('leave', (tx) => begin(tx.iterate(ALL)));
    expect(database.readSync('leave', (c) => begin(c.iterate(ALL)))).toEqual({ done: false, value: { name: 'a' } });
    const seen: unknown[] = [];
    await database.read('go on', async (c) => {
      for await (const { name } of c.iterate(ALL)) {
        seen.push(name);
        for (const rows of left) expect(await rows.return?.()).toEqual(DONE);
      }
    });
    expect(seen).toEqual(['a', 'b', 'c']);
    await service.close();
    for (const rows of left) expect(await rows.return?.()).toEqual(DONE);
  });
});

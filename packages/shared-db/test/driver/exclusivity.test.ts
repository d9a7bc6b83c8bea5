import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connection, Database } from '@hive/shared-db';
import type { VirtualClock } from '@hive/shared-db/testing';
import { fakeDatabase, passUntilSettled } from '../support/fake-database.ts';
import { rejectionOf } from '../support/outcome.ts';
import { replay } from '../support/replay.ts';

describe('a transaction', () => {
  it('is not idle while one of its statements runs, however slowly', async () => {
    await using fake = await fakeDatabase();
    const { driver, clock, database } = fake;
    driver.delay('statement', 2_000);
    const slow = database.transaction('slow', (tx) => tx.run('INSERT 1'), { limitMs: 5_000, idleLimitMs: 1_000 });
    await passUntilSettled(clock, slow);
    await slow;
    expect(driver.committed).toEqual(['INSERT 1']);
  });

  it('is not committed with a part that has not come to its end', async () => {
    await using fake = await fakeDatabase();
    const { driver, clock, database } = fake;
    driver.delay('statement', 10);
    const left: Promise<unknown>[] = [];
    const outer = rejectionOf(
      database.transaction('outer', (tx) =>
        tx.transaction((part) => {
          left.push(part.run('INSERT 1'));
          return Promise.resolve();
        }),
      ),
    );
    await passUntilSettled(clock, Promise.all([outer, ...left]));
    expect(await outer).toMatchObject({
      code: 'HIVEDB_E_WRONG_USE',
      message: expect.stringContaining('has returned before everything that it began had ended') as string,
    });
    expect(driver.committed).toEqual([]);
    expect(driver.faults).toEqual([]);
  });
});

describe('statements on one handle', () => {
  it('are given to the driver one after another, in order, however they are awaited', async () => {
    await using fake = await fakeDatabase();
    const { driver, clock, database } = fake;
    driver.delay('statement', 10);
    driver.delay('savepoint', 10);
    const all = database.transaction('side by side', (tx) =>
      Promise.all([
        tx.run('1'),
        tx.run('2'),
        tx.exec('3'),
        tx.all('SELECT'),
        tx.transaction((part) => Promise.all([part.run('4'), part.run('5')])),
      ]),
    );
    await passUntilSettled(clock, all);
    await all;
    expect(driver.committed).toEqual(['1', '2', '3', '4', '5']);
    expect(driver.faults).toEqual([]);
  });

  it('are rows of an iterator and statements in between alike', async () => {
    await using fake = await fakeDatabase();
    const { driver, clock, database } = fake;
    driver.delay('statement', 10);
    driver.answer('SELECT n', { rows: [{ n: 1 }, { n: 2 }, { n: 3 }] });
    const seen: unknown[] = [];
    const all = database.read('iterate', async (c) => {
      const others: Promise<unknown>[] = [];
      for await (const row of c.iterate('SELECT n')) {
        seen.push(row);
        others.push(c.get('SELECT 1'), c.get('SELECT 2'));
        if (seen.length === 2) break;
      }
      await Promise.all(others);
    });
    await passUntilSettled(clock, all);
    await all;
    expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
    expect(driver.faults).toEqual([]);
  });
});

describe('a connection on which a statement is still running', () => {
  it('goes to nobody else when its session closes', async () => {
    await using fake = await fakeDatabase({ poolSize: 1 });
    const { driver, clock, database } = fake;
    driver.delay('statement', 100);
    const session = await database.session('hasty');
    const running = rejectionOf(session.connection.get('SELECT 1'));
    await clock.advance(10);
    await session.close();
    const next = database.read('next', (c) => c.get('SELECT 1'));
    await passUntilSettled(clock, next);
    expect(await running).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    expect(driver.connections.map(({ open }) => open)).toEqual([false, true]);
    expect(driver.faults).toEqual([]);
  });

  it('goes to nobody else when its transaction runs out of time', async () => {
    await using fake = await fakeDatabase({ poolSize: 1 });
    const { driver, clock, database } = fake;
    driver.delay('statement', Infinity);
    const stuck = rejectionOf(database.transaction('stuck', (tx) => tx.run('INSERT 1')));
    await clock.advance(5_000);
    expect(await stuck).toMatchObject({ code: 'HIVEDB_E_TRANSACTION_EXPIRED' });
    driver.delay('statement', 0);
    await database.transaction('next', (tx) => tx.run('INSERT 2'));
    expect(driver.committed).toEqual(['INSERT 2']);
    expect(driver.connections.map(({ open }) => open)).toEqual([false, true]);
    expect(driver.faults).toEqual([]);
  });

  it('is closed by a flush of everything, and its user told that the lease was taken', async () => {
    await using fake = await fakeDatabase({ poolSize: 1 });
    const { driver, clock, database } = fake;
    driver.delay('statement', 100);
    const taken = rejectionOf(
      database.transaction('taken', async (tx) => {
        await tx.run('INSERT 1');
        await tx.run('INSERT 2');
      }),
    );
    await clock.advance(150);
    const flushed = database.flush('all');
    await passUntilSettled(clock, taken);
    expect(await flushed).toMatchObject({ revoked: [{ owner: 'taken' }] });
    expect(await taken).toMatchObject({
      code: 'HIVEDB_E_LEASE_STALE',
      label: 'taken',
      message: expect.stringContaining("flush('all')") as string,
    });
    expect(driver.committed).toEqual([]);
    expect(driver.faults).toEqual([]);
  });
});

type Deed = (database: Database, clock: VirtualClock, text: string) => Promise<unknown>;

const pause = (clock: VirtualClock, ms: number): Promise<void> =>
  new Promise(
    (resolve) =>
      void clock.after(ms, () => {
        resolve();
      }),
  );
const quietly = (use: Promise<unknown>): Promise<unknown> => use.catch(() => undefined);

/** What users of a database do, with their mistakes. */
const DEEDS: Readonly<Record<string, Deed>> = {
  reads: (database) => database.read('read', (c) => c.all('SELECT')),
  'reads slowly': (database, clock) => database.read('slow', (c) => c.get('SELECT').then(() => pause(clock, 30))),
  'reads side by side': (database) => database.read('side', (c) => Promise.all([c.get('SELECT'), c.get('SELECT')])),
  'leaves an iterator': (database) => database.read('leave', (c: Connection) => c.iterate('ROWS').next()),
  writes: (database, _, text) => database.transaction('write', (tx) => tx.run(text)),
  'writes in parts': (database, _, text) =>
    database.transaction('parts', async (tx) => {
      await quietly(tx.transaction((part) => part.run('undone').then(() => Promise.reject(new Error('mine')))));
      await tx.transaction((part) => part.run(text));
    }),
  'writes for too long': (database, clock) =>
    database.transaction('long', (tx) => tx.run('undone').then(() => pause(clock, 200)), { limitMs: 100 }),
  'forgets to await': (database) =>
    database.transaction('forget', (tx) => {
      for (let i = 0; i < 3; i++) void quietly(tx.run('undone'));
      return Promise.resolve();
    }),
  'swallows errors': (database, _, text) =>
    database.transaction('swallow', (tx) => quietly(tx.get('SELECT')).then(() => tx.run(text))),
  'holds a session': async (database, clock, text) => {
    await using session = await database.session('hold', { timeoutMs: 60 });
    await quietly(session.connection.get('SELECT'));
    await pause(clock, 40);
    return await session.transaction((tx) => tx.run(text), { timeoutMs: 20 });
  },
  'closes a session early': async (database) => {
    const session = await database.session('early');
    void quietly(session.connection.get('SELECT'));
    await session.close();
  },
  'writes while its session is closed': async (database, clock, text) => {
    const session = await database.session('closed', { timeoutMs: 100 });
    const written = session.transaction((tx) => tx.run(text));
    void quietly(written);
    await pause(clock, 5);
    await session.close();
    return written;
  },
  'writes in a session that it is lent': async (database, _, text) => {
    let written: Promise<unknown> = Promise.reject(new Error('not opened'));
    void quietly(written);
    const lent = database.session('lent', { timeoutMs: 30 }, (session) => {
      written = session.transaction((tx) => tx.run(text));
      return written;
    });
    await quietly(lent);
    return written;
  },
  'leaves a transaction to its session': async (database, clock) => {
    const session = await database.session('leave', { timeoutMs: 50 });
    void quietly(session.transaction((tx) => tx.run('undone').then(() => pause(clock, 200))));
    await pause(clock, 10);
    await session.close();
  },
  'has a transaction in a session that is over its limit': async (database, clock) => {
    const hang = (): Promise<void> => pause(clock, 1_000);
    await database.session('late', { timeoutMs: 20 }, (session) =>
      session.transaction((tx) => tx.run('undone').then(hang)),
    );
  },
  'aborts a session': async (database, clock) => {
    const controller = new AbortController();
    void pause(clock, 15).then(() => {
      controller.abort();
    });
    await using session = await database.session('abort', { signal: controller.signal });
    await session.transaction((tx) => tx.run('undone').then(() => pause(clock, 1_000)));
  },
  'flushes everything': (database) => database.flush('all'),
  resizes: (database) => database.resize({ size: 2 }),
};

const STEPS = ['connect', 'statement', 'begin', 'commit', 'rollback', 'savepoint', 'reset'] as const;
/** Deeds that mean to write. */
const WRITES =
  /^(?:writes|writes in parts|swallows errors|holds a session|writes while its session is closed|writes in a session that it is lent) \d/;

describe('whatever is done to a database, and whatever goes wrong', () => {
  it('no connection is used by two at a time, none after it was closed, and what is committed is what was acknowledged', async () => {
    const step = fc.constantFrom(...STEPS);
    const trouble = fc.oneof(
      fc.record({ what: fc.constant('fails'), step, lost: fc.boolean(), busy: fc.boolean() }),
      fc.record({ what: fc.constant('is slow'), step, ms: fc.integer({ min: 0, max: 40 }) }),
      fc.record({ what: fc.constantFrom('loses an answer', 'breaks') }),
      fc.record({ what: fc.constant('passes'), ms: fc.integer({ min: 1, max: 60 }) }),
    );
    const deeds = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...Object.keys(DEEDS)) }, trouble), {
      minLength: 3,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(fc.boolean(), deeds, async (singleWriter, script) => {
        const fake = await fakeDatabase({ singleWriter, poolSize: 2, maxOverflow: 1, acquireTimeoutMs: 500 });
        const { driver, clock, database, service } = fake;
        driver.answer('ROWS', { rows: [{ n: 1 }, { n: 2 }] });
        const acknowledged: string[] = [];
        const unknown: string[] = [];
        const done: Promise<unknown>[] = [];
        for (const [index, entry] of script.entries()) {
          if (typeof entry === 'string') {
            const text = `${entry} ${index}`;
            const deed = DEEDS[entry] as Deed;
            const note = (error: unknown): void => {
              if ((error as { code?: string }).code === 'HIVEDB_E_OUTCOME_UNKNOWN') unknown.push(text);
            };
            done.push(deed(database, clock, text).then(() => acknowledged.push(text), note));
          } else if (entry.what === 'fails') driver.fail(entry.step, { lost: entry.lost, busy: entry.busy });
          else if (entry.what === 'is slow') driver.delay(entry.step, entry.ms);
          else if (entry.what === 'loses an answer') driver.loseCommitAnswer();
          else if (entry.what === 'breaks') driver.breakAll();
          else if (entry.what === 'passes') await clock.advance(entry.ms);
        }
        await passUntilSettled(clock, Promise.all(done));
        const closing = service.close({ graceMs: 100 });
        await passUntilSettled(clock, closing);
        await clock.advance(60_000);

        expect(driver.faults).toEqual([]);
        expect(driver.live).toBe(0);
        expect(clock.aliveTimers).toBe(0);
        const lasted = new Set(driver.committed);
        expect(driver.committed).toHaveLength(lasted.size);
        expect(acknowledged.filter((text) => WRITES.test(text) && !lasted.has(text))).toEqual([]);
        const allowed = new Set([...acknowledged, ...unknown]);
        expect(driver.committed.filter((text) => !allowed.has(text))).toEqual([]);
      }),
      replay({ numRuns: 150 }),
    );
  });
});

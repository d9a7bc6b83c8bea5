import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Connection, SqliteDatabase, SyncConnection, Transaction } from '@hive/shared-db';
import { requestSession } from '@hive/shared-db/http';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { itemsOf, shop } from './support/shop.ts';

const WRONG_USE = (what: string): object => ({
  code: 'HIVEDB_E_WRONG_USE',
  database: 'test',
  label: 'save',
  message: expect.stringContaining(what) as string,
});

const hang = (): Promise<never> => Promise.withResolvers<never>().promise;

/** As a simulated browser has it: another class, that does the same. */
class ForeignSignal extends EventTarget {
  aborted = false;
  reason: unknown;

  abort(): void {
    this.aborted = true;
    this.reason = new Error('changed my mind');
    this.dispatchEvent(new Event('abort'));
  }
}

describe('the signal of another realm', () => {
  it.each(['before', 'later'] as const)('is obeyed by whatever takes a signal: aborted %s', async (when) => {
    await using temporary = await shop({ poolSize: 2 });
    const { database } = temporary;
    const closed = await database.session('holder');
    const holder = database.transaction('holder', () => closed.connection.get('SELECT 1').then(hang), {
      idleLimitMs: 60_000,
    });
    const response = Object.assign(new EventEmitter(), {
      closed: false,
      writableEnded: false,
      writableFinished: false,
    });
    const calls: readonly ((signal: AbortSignal) => Promise<unknown>)[] = [
      (signal) => database.session('session', { signal }, hang),
      (signal) => database.transaction('transaction', hang, { signal }),
      (signal) => database.write('write', () => 1, { signal }),
      (signal) => requestSession(database, response, 'request', { signal }, hang),
      (signal) => closed.transaction(hang, { signal }),
      (signal) => database.read('outer', () => database.transaction('inner', hang, { signal })),
      (signal) => database.read('outer', () => database.read('inner', hang, { signal })),
    ];
    for (const call of calls) {
      const signal = new ForeignSignal();
      if (when === 'before') signal.abort();
      const told = rejectionOf(call(signal as unknown as AbortSignal));
      if (when === 'later')
        setTimeout(() => {
          signal.abort();
        }, 1);
      expect(await told).toMatchObject({ code: 'HIVEDB_E_ABORTED' });
    }
    holder.catch(() => undefined);
    await closed.close();
  });
});

describe('SQL that is no text', () => {
  it.each<readonly [string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a number', 42],
    ['a symbol', Symbol('s')],
    ['a list', []],
    ['a list of texts', ['SELECT 1']],
    ['an object', { sql: 'SELECT 1' }],
    ['a String object', Object('SELECT 1')],
  ])('is refused as what it is: %s', async (_, value) => {
    await using temporary = await shop();
    const { database } = temporary;
    const sql = value as string;
    const sync = (c: SyncConnection): readonly unknown[] => [
      outcomeOf(() => c.all(sql)),
      outcomeOf(() => c.get(sql)),
      outcomeOf(() => c.run(sql)),
      outcomeOf(() => [...c.iterate(sql)]),
      outcomeOf(() => {
        c.exec(sql);
      }),
    ];
    const asynchronous = async (c: Connection): Promise<readonly unknown[]> => [
      await rejectionOf(c.all(sql)),
      await rejectionOf(c.get(sql)),
      await rejectionOf(c.run(sql)),
      await rejectionOf(c.iterate(sql).next()),
      await rejectionOf(c.exec(sql)),
    ];
    const errors = [
      ...(await database.write('save', sync)),
      ...database.readSync('save', sync),
      ...(await database.read('save', asynchronous)),
      ...(await database.transaction('save', asynchronous)),
    ];
    expect(errors).toHaveLength(20);
    for (const error of errors) expect(error).toMatchObject(WRONG_USE('; expected a text'));
  });

  it('is refused where it holds a NUL: what stands behind it would not be run, and nobody would hear of it', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const sql = "INSERT INTO item (name) VALUES ('one');\0INSERT INTO item (name) VALUES ('other')";
    const errors = [
      await rejectionOf(
        database.write('save', (tx) => {
          tx.exec(sql);
        }),
      ),
      await rejectionOf(database.transaction('save', (tx) => tx.exec(sql))),
      await rejectionOf(database.offload('save', 'SELECT 1\0, 2')),
      outcomeOf(() => database.readSync('save', (c) => c.all('SELECT 1\0, 2'))),
    ];
    for (const error of errors) expect(error).toMatchObject(WRONG_USE('a NUL character ends the text early'));
    expect(database.readSync('list', (c) => c.all('SELECT name FROM item'))).toEqual([]);
  });
});

function* saveLazily(tx: SyncConnection): Generator<number> {
  yield tx.run("INSERT INTO item (name) VALUES ('lost')").changes;
}

async function* saveSlowly(tx: Transaction): AsyncGenerator<number> {
  yield (await tx.run("INSERT INTO item (name) VALUES ('lost')")).changes;
}

describe('a function whose statements would never run', () => {
  it('is refused by write and readSync, and so is its part: a generator', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const what = 'returned an iterator';
    expect(await rejectionOf(database.write('save', saveLazily))).toMatchObject(WRONG_USE(`write() ${what}`));
    expect(await rejectionOf(database.write('save', (tx) => tx.transaction(saveLazily)))).toMatchObject(
      WRONG_USE(`tx.transaction() ${what}`),
    );
    expect(await rejectionOf(database.write('save', (tx) => tx.iterate('SELECT 1')))).toMatchObject(WRONG_USE(what));
    expect(outcomeOf(() => database.readSync('save', saveLazily))).toMatchObject(WRONG_USE(`readSync() ${what}`));
    expect(itemsOf(database)).toEqual([]);
    expect(await database.write('save', (tx) => tx.all('SELECT 1 AS next'))).toEqual([{ next: 1 }]);
    expect(await database.write('save', (tx) => tx.get('SELECT 1 AS next'))).toEqual({ next: 1 });
  });

  it('is refused by tx.transaction: an asynchronous generator', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const part = saveSlowly as unknown as (tx: Transaction) => Promise<unknown>;
    expect(await rejectionOf(database.transaction('save', (tx) => tx.transaction(part)))).toMatchObject(
      WRONG_USE('returned an iterator'),
    );
    expect(itemsOf(database)).toEqual([]);
  });
});

describe('a function that is an asynchronous generator', () => {
  it('is refused by read, transaction and the transaction of a session, and nothing is written', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const save = saveSlowly as unknown as (tx: Connection) => Promise<unknown>;
    await using session = await database.session('save');
    const errors = await Promise.all([
      rejectionOf(database.read('save', save)),
      rejectionOf(database.read('save', (c) => c.iterate('SELECT 1') as unknown as Promise<unknown>)),
      rejectionOf(database.transaction('save', save)),
      rejectionOf(session.transaction(save)),
    ]);
    for (const error of errors) expect(error).toMatchObject(WRONG_USE('returned an iterator'));
    expect(itemsOf(database)).toEqual([]);
    expect(database.leases()).toHaveLength(1);
  });
});

function uses(database: SqliteDatabase, options: object): readonly Promise<unknown>[] {
  return [
    database.write('save', () => 1, options),
    database.read('save', () => Promise.resolve(1), options),
    database.transaction('save', () => Promise.resolve(1), options),
    // A function in its place is what the session is for.
    ...(typeof options === 'function' ? [] : [database.session('save', options)]),
  ];
}

describe('what is given as a function and is none', () => {
  it.each([undefined, null, 42, 'text', {}])('is refused before anything is begun: %j', async (value) => {
    await using temporary = await shop();
    const { database } = temporary;
    const fn = value as never;
    await using session = await database.session('save');
    const errors = [
      await rejectionOf(database.write('save', fn)),
      outcomeOf(() => database.readSync('save', fn)),
      await rejectionOf(database.read('save', fn)),
      await rejectionOf(database.transaction('save', fn)),
      await rejectionOf(session.transaction(fn)),
      await rejectionOf(database.write('save', (tx) => tx.transaction(fn))),
      await rejectionOf(database.transaction('save', (tx) => tx.transaction(fn))),
    ];
    for (const error of errors) expect(error).toMatchObject(WRONG_USE('; expected a function'));
    expect(database.leases()).toHaveLength(1);
    expect(database.snapshot().counters.rolledBack).toBe(2);
  });
});

describe('options of a call', () => {
  it.each([null, 42, 'text', true, Symbol('s'), () => 1])('are refused when they are none: %o', async (value) => {
    await using temporary = await shop();
    for (const use of uses(temporary.database, value as object))
      expect(await rejectionOf(use)).toMatchObject({
        code: 'HIVEDB_E_CONFIG',
        label: 'save',
        message: expect.stringContaining('the options are ') as string,
      });
    expect(temporary.database.leases()).toEqual([]);
  });

  it.each([
    [{ timeoutMS: 5 }, 'there is no option timeoutMS', 'did you mean timeoutMs'],
    [{ timeout: 5 }, 'there is no option timeout', 'did you mean timeoutMs'],
    [{ sginal: undefined }, 'there is no option sginal', 'did you mean signal'],
    [{ signal: 'stop' }, 'the option signal is "stop"; expected an AbortSignal', undefined],
    [{ signal: null }, 'the option signal is empty; expected an AbortSignal', undefined],
    [{ signal: {} }, 'the option signal is an object; expected an AbortSignal', undefined],
    [{ signal: { aborted: false } }, 'the option signal is an object; expected an AbortSignal', undefined],
    [{ signal: new AbortController() }, 'the option signal is an object; expected an AbortSignal', undefined],
    [{ timeoutMs: -1 }, 'timeoutMs is -1; expected milliseconds', undefined],
    [{ timeoutMs: NaN }, 'timeoutMs is NaN; expected milliseconds', undefined],
    [{ timeoutMs: '5s' }, 'timeoutMs is "5s"; expected milliseconds', undefined],
    [{ timeoutMs: null }, 'timeoutMs is null; expected milliseconds', undefined],
  ])('are refused by their name, and no connection is lost: %o', async (options, what, advice) => {
    await using temporary = await shop();
    for (const use of uses(temporary.database, options))
      expect(await rejectionOf(use)).toMatchObject({
        code: 'HIVEDB_E_CONFIG',
        message: expect.stringContaining(what) as string,
        advice,
      });
    expect(temporary.database.leases()).toEqual([]);
    expect(await temporary.database.write('go on', () => 1, { signal: new AbortController().signal })).toBe(1);
  });

  it('may limit a transaction, and of a read how long it lasts', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const limits = { limitMs: 1_000, idleLimitMs: 500, timeoutMs: 1_000 };
    expect(await database.transaction('save', () => Promise.resolve(1), limits)).toBe(1);
    await using session = await database.session('save', { timeoutMs: 1_000 });
    expect(await session.transaction(() => Promise.resolve(1), limits)).toBe(1);
    expect(await rejectionOf(session.transaction(() => Promise.resolve(1), { limit: 5 } as object))).toMatchObject({
      advice: 'did you mean limitMs',
    });
    for (const key of ['limitMs', 'idleLimitMs'])
      expect(await rejectionOf(database.transaction('save', () => Promise.resolve(1), { [key]: null }))).toMatchObject({
        message: expect.stringContaining(`${key} is null; expected milliseconds`) as string,
      });
    expect(await rejectionOf(database.read('save', () => Promise.resolve(1), limits))).toMatchObject({
      message: expect.stringContaining('there is no option idleLimitMs') as string,
    });
  });
});

describe('operating on a database with what is no limit and no mode', () => {
  it.each([undefined, null, 42, 'text', { size: 0 }, { size: null }, { size: '3' }, { sizes: 3 }])(
    'is refused: %j',
    async (value) => {
      await using temporary = await shop();
      const { database } = temporary;
      const before = database.snapshot().pool;
      expect(await rejectionOf(database.resize(value as object))).toMatchObject({ code: 'HIVEDB_E_CONFIG' });
      expect(await rejectionOf(database.flush(value as 'idle'))).toMatchObject({ code: 'HIVEDB_E_CONFIG' });
      expect(database.snapshot().pool).toMatchObject({ size: before.size, maxOverflow: before.maxOverflow });
    },
  );
});

describe('what is to be called after COMMIT', () => {
  it.each([undefined, null, 42, 'text', {}])('is refused at once when it is no function: %j', async (value) => {
    await using temporary = await shop();
    const { database } = temporary;
    const callback = value as () => void;
    const uses = [
      database.write('save', (tx) => {
        tx.afterCommit(callback);
      }),
      database.transaction('save', (tx) => Promise.resolve(tx.afterCommit(callback))),
    ];
    for (const use of uses) expect(await rejectionOf(use)).toMatchObject(WRONG_USE('afterCommit'));
  });
});

describe('a session that has ended', () => {
  it('advises what would have helped', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const closed = await database.session('read on');
    await closed.close();
    expect(await rejectionOf(closed.connection.all('SELECT 1'))).toMatchObject({
      code: 'HIVEDB_E_LEASE_STALE',
      advice: 'await everything that uses the session before it is closed',
    });
    const controller = new AbortController();
    const aborted = await database.session('read on', { signal: controller.signal });
    controller.abort();
    expect(await rejectionOf(aborted.connection.all('SELECT 1'))).toMatchObject({
      code: 'HIVEDB_E_ABORTED',
      advice: undefined,
    });
    const expired = await database.session('read on', { timeoutMs: 0 });
    await expect
      .poll(() => rejectionOf(expired.connection.all('SELECT 1')).catch(() => undefined))
      .toMatchObject({
        code: 'HIVEDB_E_SESSION_EXPIRED',
        advice: 'open a session with a longer timeoutMs, or several short ones',
      });
  });
});

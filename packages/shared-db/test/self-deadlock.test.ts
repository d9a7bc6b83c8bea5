import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  isKind,
  openDatabaseService,
  sqlite,
  type CallOptions,
  type Connection,
  type DatabaseError,
  type SyncTransaction,
} from '@hive/shared-db';
import { VirtualClock } from '@hive/shared-db/testing';
import type { Holdable } from '../dist/nesting/holding.js';
import { Holdings } from '../dist/nesting/holdings.js';
import { fakeDatabase, passUntilSettled } from './support/fake-database.ts';
import { rejectionOf } from './support/outcome.ts';
import { recordingLogger } from './support/recording-logger.ts';
import { COUNT_TO } from './support/long-statement.ts';
import { itemsOf, shop } from './support/shop.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

const INSERT = 'INSERT INTO item (name) VALUES (?)';

/** A moment that a test lets come. */
function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

/** Awaits the call itself: what is handed on to others might not be waited for. */
async function deadlockOf(call: () => Promise<unknown>): Promise<DatabaseError> {
  try {
    await call();
  } catch (error) {
    if (isKind(error, 'SELF_DEADLOCK')) return error;
    throw error;
  }
  throw new Error('expected it to fail');
}

/** Something of which so many have one. */
function holdable(what: string, holders: number): Holdable {
  return { what, holders: () => holders, askedAt: () => undefined };
}

/** A call that gets nothing by itself. */
function untilAborted({ signal }: CallOptions): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal?.addEventListener('abort', () => {
    reject(signal.reason as Error);
  });
  return promise;
}

/** Whoever asks what time it is has taken a millisecond. */
class TakingTime extends VirtualClock {
  turned = 0;
  #taken = 0;

  override now(): number {
    return super.now() + this.#taken++;
  }

  override nextTurn(callback: () => void): void {
    this.turned++;
    super.nextTurn(callback);
  }
}

describe('a call that waits for its own caller', () => {
  it('fails at once when a transaction awaits a write of its own database, and names both places', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    async function moveStock(): Promise<void> {
      await database.transaction('move stock', async (tx) => {
        await tx.run(INSERT, 'a');
        await database.write('save audit', (inner) => inner.run(INSERT, 'b'));
      });
    }
    const error = await deadlockOf(moveStock);
    expect(error.message).toMatch(
      /^database test, "save audit": it waits for the right to write, called at .*self-deadlock.test.ts:\d+:\d+\)?, and cannot get it before "move stock" at .*moveStock.*self-deadlock.test.ts.* has returned/,
    );
    expect(error.culprits).toMatchObject([{ pid: process.pid, label: 'move stock' }]);
    expect(error.retryable).toBe(false);
    expect(itemsOf(database)).toEqual([]);
    const { errors } = database.snapshot().counters;
    expect(errors).toMatchObject({ HIVEDB_E_SELF_DEADLOCK: expect.any(Number) });
  });

  it('fails at once whichever way the function itself waits for the call', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const save = (): Promise<unknown> => database.write('save', (tx) => tx.run(INSERT, 'b'));
    const awaiting = async (): Promise<void> => {
      await database.write('save', (tx) => tx.run(INSERT, 'b'));
    };
    const later = async (): Promise<void> => {
      await turnsOfTheLoop(1);
      const saved = save();
      await saved;
    };
    const handingOn = async (): Promise<unknown> => {
      // Of two that are due at once, what the first leads to is done by the runtime before the second.
      const first = turnsOfTheLoop(1);
      const second = turnsOfTheLoop(1);
      await first;
      void second;
      return database.write('save', (tx) => tx.run(INSERT, 'b'));
    };
    const returning = async (): Promise<unknown> => database.write('save', (tx) => tx.run(INSERT, 'b'));
    const throughNames = (): Promise<unknown> => temporary['database'].write('save', (tx) => tx.run(INSERT, 'b'));
    for (const fn of [awaiting, later, save, () => save(), handingOn, returning, throughNames]) {
      const error = await deadlockOf(() => database.transaction('move', fn));
      expect(error.label).toBe('save');
    }
    const { name } = awaiting;
    expect(name).toBe('awaiting');
  });

  it('fails at once where the function awaits or returns what a function does that it calls there, and that awaits the call', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    class Items {
      readonly #database = database;

      async save(): Promise<void> {
        const saved = this.#database.write('save', (tx) => tx.run(INSERT, 'b'));
        await saved;
      }
    }
    const shelf = { items: new Items() };
    const awaiting = async (): Promise<void> => {
      await turnsOfTheLoop(1);
      await shelf.items.save();
    };
    const returning = async (): Promise<unknown> => shelf.items.save();
    for (const fn of [awaiting, returning, () => shelf.items.save()]) {
      const error = await deadlockOf(() => database.transaction('move', fn));
      expect(error.label).toBe('save');
    }
  });

  it('fails at once with a transaction in a transaction, and with that of a session', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using session = await database.session('import');
    const attempt = database.transaction('outer', async () => {
      const error = await deadlockOf(() => database.transaction('inner', (tx) => tx.run(INSERT, 'x')));
      expect(error.message).toContain('"outer"');
      try {
        await session.transaction((tx) => tx.run(INSERT, 'y'));
      } catch (failed) {
        expect(failed).toMatchObject({ code: 'HIVEDB_E_SELF_DEADLOCK' });
        return 'gone on';
      }
      return 'not failed';
    });
    expect(await attempt).toBe('gone on');
  });

  it('fails one of the functions that wait for the last connections, and the others go on', async () => {
    await using temporary = await shop({ poolSize: 2 });
    const { database } = temporary;
    const both = gate();
    let inside = 0;
    const nested = (name: string): Promise<string> =>
      database.read(`outer ${name}`, async () => {
        inside++;
        if (inside === 2) both.open();
        await both.passed;
        return database.read(`inner ${name}`, () => Promise.resolve(name));
      });
    const results = await Promise.allSettled([nested('a'), nested('b')]);
    const failed = results.filter(({ status }) => status === 'rejected');
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(failed).toMatchObject([{ reason: { code: 'HIVEDB_E_SELF_DEADLOCK' } }]);
  });

  it('does not fail who only waits behind a function that waits for itself, also where he has called first', async () => {
    await using temporary = await shop({ poolSize: 1 });
    const { database } = temporary;
    const [inside, mine, theirs] = [gate(), gate(), gate()];
    const behind = database.transaction('move', async () => {
      inside.open();
      await mine.passed;
      return database.read('behind', one);
    });
    const inItself = rejectionOf(
      database.read('outer', async () => {
        await inside.passed;
        // In one turn of the event loop, and this one after the other.
        mine.open();
        theirs.open();
        await theirs.passed;
        await database.read('inner', one);
      }),
    );
    expect(await inItself).toMatchObject({ code: 'HIVEDB_E_SELF_DEADLOCK', label: 'inner' });
    expect(await behind).toEqual({ one: 1 });
  });

  it('fails within a second where an operator has closed the circle, whom nobody has called', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock, poolSize: 2 });
    const { database } = temporary;
    const [inside, going] = [gate(), gate()];
    const theirs = database.read('theirs', () => {
      inside.open();
      return going.passed;
    });
    await inside.passed;
    const suspended = rejectionOf(
      database.read('outer', async () => {
        database.suspend();
        await database.read('inner', one);
      }),
    );
    await clock.settle();
    await database.resize({ size: 1 });
    database.resume();
    going.open();
    await theirs;
    await clock.advance(1_000);
    expect(await suspended).toMatchObject({ code: 'HIVEDB_E_SELF_DEADLOCK', label: 'inner' });
  });

  it('fails none of the others while the one that was failed is still to be told', async () => {
    const clock = new VirtualClock();
    const holdings = new Holdings(clock, recordingLogger());
    const told = gate();
    const failed: string[] = [];
    const call = (label: string, held: Holdable): Promise<unknown> =>
      holdings.nested({ held, database: 'test', label }, {}, async ({ signal }: CallOptions) => {
        await once(signal!, 'abort');
        failed.push(label);
        await told.passed;
        throw signal!.reason;
      });
    const has = (id: number, held: Holdable, fn: () => Promise<unknown>): Promise<unknown> =>
      holdings.run({ held, lease: { id, active: true }, database: 'test', label: `outer ${id}`, fn }, fn);
    const connection = holdable('a connection', 2);
    const writer = holdable('the right to write', 1);
    const [first] = [
      has(1, connection, () => call('first', writer)),
      has(2, connection, () => call('second', writer)),
      has(3, writer, () => call('third', connection)),
    ];
    await clock.settle();
    expect(failed).toEqual(['first']);
    told.open();
    expect(await rejectionOf(first)).toMatchObject({ code: 'HIVEDB_E_SELF_DEADLOCK', label: 'first' });
    await clock.advance(2_000);
    expect(failed).toEqual(['first']);
  });

  it('fails one of two transactions that wait for each other across databases', async () => {
    using directory = temporaryDirectory();
    await using service = await twoDatabases(directory.path);
    const stock = service.database('stock');
    const sales = service.database('sales');
    const both = gate();
    let inside = 0;
    const meet = async (): Promise<void> => {
      inside++;
      if (inside === 2) both.open();
      await both.passed;
    };
    const results = await Promise.allSettled([
      stock.transaction('sell', async () => {
        await meet();
        await sales.write('sold', (tx) => tx.run(INSERT, 'a'));
      }),
      sales.transaction('return', async () => {
        await meet();
        await stock.write('returned', (tx) => tx.run(INSERT, 'b'));
      }),
    ]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'HIVEDB_E_SELF_DEADLOCK', message: expect.stringMatching(/of database (stock|sales)/) },
    });
  });

  it('fails at once where another function stands between: one that reads, one of a session, one of another database', async () => {
    using directory = temporaryDirectory();
    await using service = await twoDatabases(directory.path);
    const stock = service.database('stock');
    const sales = service.database('sales');
    type Between = (inner: () => Promise<unknown>) => Promise<unknown>;
    const between: readonly Between[] = [
      (inner) => stock.read('between', inner),
      (inner) => stock.session('between', inner),
      (inner) => sales.read('between', () => stock.read('further', inner)),
      (inner) => sales.transaction('between', inner),
    ];
    for (const call of between) {
      const outer = stock.transaction('outer', async () => {
        await call(async () => {
          const error = await deadlockOf(() => stock.write('inner', (tx) => tx.run(INSERT, 'x')));
          expect(error.label).toBe('inner');
        });
        return 'gone on';
      });
      expect(await outer).toBe('gone on');
    }
  });

  it('names the line of the caller, also where there is a session between and stacks are short', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using session = await database.session('import');
    const { stackTraceLimit } = Error;
    try {
      Error.stackTraceLimit = 1;
      const error = await deadlockOf(() =>
        database.transaction('outer', async () => {
          await session.transaction(() => Promise.resolve());
        }),
      );
      expect(error.message).toMatch(
        /called at .*self-deadlock\.test\.ts.* before "outer" at .*self-deadlock\.test\.ts/,
      );
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  });

  it('is not failed by a stack limit or a formatter of stacks of the application, which stay as they are', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const { stackTraceLimit } = Error;
    const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
    try {
      Error.stackTraceLimit = 0;
      Error.prepareStackTrace = mine;
      const attempt = database.transaction('move', async () => {
        await database.write('save', (tx) => tx.run(INSERT, 'b'));
      });
      expect(await rejectionOf(attempt)).toMatchObject({ code: 'HIVEDB_E_SELF_DEADLOCK' });
      expect(Error.stackTraceLimit).toBe(0);
      expect(new Error('asked').stack).toBe('mine');
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
      if (before === undefined) delete (Error as { prepareStackTrace?: unknown }).prepareStackTrace;
      else Object.defineProperty(Error, 'prepareStackTrace', before);
    }
  });
});

/** Runs while a property of what the platform brings is another one. */
async function withErrorProperty<T>(name: string, property: PropertyDescriptor, run: () => Promise<T>): Promise<T> {
  const before = Object.getOwnPropertyDescriptor(Error, name);
  Object.defineProperty(Error, name, { configurable: true, ...property });
  try {
    return await run();
  } finally {
    if (before === undefined) Reflect.deleteProperty(Error, name);
    else Object.defineProperty(Error, name, before);
  }
}

describe('an application that keeps stacks from everybody', () => {
  it.each([
    ['a formatter that throws', 'prepareStackTrace', { writable: true, value: outOfOrder }],
    ['a formatter that makes no text', 'prepareStackTrace', { writable: true, value: noText }],
    ['a formatter that cannot be another one', 'prepareStackTrace', { writable: false, value: undefined }],
    ['a limit that cannot be another one', 'stackTraceLimit', { writable: false, value: 10 }],
  ] as const)('has its calls and its errors all the same: %s', async (_, name, property) => {
    await using temporary = await shop();
    const { database } = temporary;
    const error = await withErrorProperty(name, property, async () => {
      await database.transaction('move', async (tx) => {
        await tx.run(INSERT, 'a');
        await database.read('look', (c) => c.all('SELECT name FROM item'));
      });
      await database.write('save', (tx) => tx.run(INSERT, 'b'));
      const session = await database.session('browse');
      await session.connection.all('SELECT name FROM item');
      await session.close();
      return rejectionOf(session.connection.all('SELECT name FROM item'));
    });
    expect(error).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    expect(itemsOf(database)).toEqual(['a', 'b']);
  });
});

function outOfOrder(): never {
  throw new Error('out of order');
}

function noText(): undefined {
  return undefined;
}

describe('a call that waits for its own caller where nobody formats stacks but the engine', () => {
  it.each([undefined, null])('fails at once and names the place of the call: %s', async (formatter) => {
    await using temporary = await shop();
    const { database } = temporary;
    const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')!;
    try {
      Reflect.set(Error, 'prepareStackTrace', formatter);
      const error = await deadlockOf(() =>
        database.transaction('move', async function moveStock() {
          await database.write('save', (tx) => tx.run(INSERT, 'b'));
        }),
      );
      expect(error.message).toMatch(/called at moveStock \(.*self-deadlock\.test\.ts:\d+:\d+\)/);
    } finally {
      Object.defineProperty(Error, 'prepareStackTrace', before);
    }
  });
});

describe('a call that waits for its own caller inside a budget which has its most', () => {
  const budgets = { batch: { max: 1 }, web: { reserved: 2 } };
  const batch = { budget: 'batch' };

  it('fails at once though others have connections left, and names both places and the budget', async () => {
    await using temporary = await shop({ poolSize: 4, budgets });
    const { database } = temporary;
    async function summing(): Promise<unknown> {
      return database.read('sums', () => database.read('parts', one, batch), batch);
    }
    const error = await deadlockOf(summing);
    expect(error.message).toMatch(
      /^database test, "parts": it waits for a connection of budget "batch", which has its most, called at .*self-deadlock\.test\.ts.*, and cannot get it before "sums" at .*self-deadlock\.test\.ts.* has returned/,
    );
    expect(error.culprits).toMatchObject([{ label: 'sums' }]);
    const ofDefault = { ...budgets, default: { max: 1 } };
    await using other = await shop({ poolSize: 4, budgets: ofDefault });
    const failed = await deadlockOf(() => other.database.session('sums', () => other.database.session('parts')));
    expect(failed.message).toContain('a connection of the default budget, which has its most');
  });

  it('fails where another budget stands between, and where the pool has nothing left for others who go on', async () => {
    await using temporary = await shop({ poolSize: 3, budgets });
    const { database } = temporary;
    const soon = gate();
    const theirs = database.read('theirs', () => soon.passed);
    const error = await deadlockOf(() =>
      database.read(
        'sums',
        () => database.read('page', () => database.read('parts', one, batch), { budget: 'web' }),
        batch,
      ),
    );
    expect(error).toMatchObject({ label: 'parts', culprits: [{ label: 'page' }] });
    soon.open();
    await theirs;
  });

  it('waits for one of the budget who goes on: a function that waits for nothing, a session that is kept', async () => {
    await using temporary = await shop({ poolSize: 4, budgets: { batch: { max: 2 } } });
    const { database } = temporary;
    const nested = (): Promise<unknown> => database.read('sums', () => database.read('parts', one, batch), batch);
    const soon = gate();
    const theirs = database.read('theirs', () => soon.passed, batch);
    const behind = nested();
    await turnsOfTheLoop(5);
    soon.open();
    expect(await behind).toEqual({ one: 1 });
    await theirs;
    const session = await database.session('kept', batch);
    const behindSession = nested();
    await turnsOfTheLoop(5);
    await session.close();
    expect(await behindSession).toEqual({ one: 1 });
  });

  it('is served where the budget may have more: its most was raised, or is that of the pool, which finds its own size', async () => {
    await using temporary = await shop({ poolSize: 4, budgets });
    const { database } = temporary;
    database.setBudgets({ batch: { max: 2 } });
    expect(await database.read('sums', () => database.read('parts', one, batch), batch)).toEqual({ one: 1 });
    const autoSize = { min: 1, max: 2 };
    await using fake = await fakeDatabase({ poolSize: 1, maxOverflow: 0, autoSize, budgets: { batch: { weight: 2 } } });
    const nested = fake.database.read('sums', () => fake.database.read('parts', one, batch), batch);
    await passUntilSettled(fake.clock, nested);
    await expect(nested).resolves.toBeUndefined();
  });
});

describe('a call on a database by pattern that waits for its own caller', () => {
  it('fails at once like every other, whether the database was open or not, and names the place of the call', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, 2);
    const tenant = service.database('tenant-acme');
    for (const _ of ['just opened', 'open']) {
      const error = await deadlockOf(async function movingStock() {
        await tenant.transaction('move stock', async () => {
          await tenant.write('save audit', (tx) => tx.run(INSERT, 'b'));
        });
      });
      expect(error).toMatchObject({
        database: 'tenant-acme',
        label: 'save audit',
        culprits: [{ label: 'move stock' }],
      });
      expect(error.message).toMatch(
        /called at .*self-deadlock\.test\.ts.* before "move stock" at .*self-deadlock\.test\.ts/,
      );
    }
  });
});

describe('a call that waits for a place among the databases of a pattern', () => {
  it('fails at once where every place is in the hands of functions that wait for one, and the others go on', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, 2);
    const both = gate();
    let inside = 0;
    const nested = (name: string): Promise<unknown> =>
      service.database(`tenant-${name}`).read(`outer ${name}`, async () => {
        inside++;
        if (inside === 2) both.open();
        await both.passed;
        return service.database(`tenant-${name}-archive`).read('inner', () => Promise.resolve(name));
      });
    const results = await Promise.allSettled([nested('a'), nested('b')]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const [failed] = results.filter(({ status }) => status === 'rejected');
    expect(failed).toMatchObject({ reason: { code: 'HIVEDB_E_SELF_DEADLOCK', label: 'inner', retryable: false } });
    expect(String((failed as PromiseRejectedResult).reason)).toMatch(
      /it waits for a place among the open databases of tenant-\*, called at .*self-deadlock\.test\.ts.* before "outer [ab]" at .*self-deadlock\.test\.ts/,
    );
  });

  it('fails at once where one function has them all, through others', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, 2);
    const [a, b, c] = [service.database('tenant-a'), service.database('tenant-b'), service.database('tenant-c')];
    const error = await deadlockOf(() => a.read('a', () => b.read('b', () => c.read('c', () => Promise.resolve()))));
    expect(error).toMatchObject({ database: 'tenant-c', culprits: [{ label: 'b' }] });
  });

  it('waits for a place of somebody who goes on: a function that waits for nothing, a session, one that is not used', async () => {
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, 2);
    const [one, other, third] = (['a', 'b', 'c'] as const).map((name) => service.database(`tenant-${name}`));
    if (one === undefined || other === undefined || third === undefined) throw new Error('three were asked for');
    const waiting = (): Promise<unknown> =>
      one.read('outer', () => third.read('inner', (c) => c.get('SELECT 1 AS one')));
    const soon = gate();
    const goingOn = other.read('going on', () => soon.passed);
    const behind = waiting();
    await turnsOfTheLoop(5);
    soon.open();
    expect(await behind).toEqual({ one: 1 });
    await goingOn;
    const session = await other.session('held');
    const behindSession = waiting();
    await turnsOfTheLoop(5);
    await session.close();
    expect(await behindSession).toEqual({ one: 1 });
    await other.read('done before', () => Promise.resolve());
    expect(await waiting()).toEqual({ one: 1 });
  });
});

describe('calls from inside a function that are many at once', () => {
  it('are looked at together, once, and not each with all the others', async () => {
    const clock = new VirtualClock();
    const holdings = new Holdings(clock, recordingLogger());
    let asked = 0;
    const connection: Holdable = { what: 'a connection', holders: () => (asked++, 2), askedAt: () => undefined };
    const end = gate();
    const has = (id: number, fn: () => Promise<unknown>): Promise<unknown> =>
      holdings.run({ held: connection, lease: { id, active: true }, database: 'test', label: `outer ${id}`, fn }, fn);
    const inner = (): Promise<unknown> =>
      holdings.nested({ held: connection, database: 'test', label: 'inner' }, {}, () => end.passed);
    const all = [has(1, () => end.passed), has(2, () => Promise.all(Array.from({ length: 300 }, inner)))];
    await clock.settle();
    expect(asked).toBeGreaterThan(0);
    expect(asked).toBeLessThan(10);
    end.open();
    await Promise.all(all);
  });

  it('are looked at together where each is of another function that waits for itself, and are failed all', async () => {
    const clock = new VirtualClock();
    const holdings = new Holdings(clock, recordingLogger());
    let asked = 0;
    const inItself = (id: number): Promise<unknown> => {
      const own: Holdable = { what: 'a connection', holders: () => (asked++, 1), askedAt: () => undefined };
      const about = { held: own, database: `tenant-${id}`, label: 'inner' };
      const inner = (): Promise<unknown> => holdings.nested(about, {}, untilAborted);
      const fn = async (): Promise<void> => {
        await inner();
      };
      return holdings.run({ ...about, lease: { id, active: true }, fn }, fn);
    };
    const all = Promise.allSettled(Array.from({ length: 50 }, (_, id) => inItself(id)));
    await clock.settle();
    for (const result of await all) expect(result).toMatchObject({ reason: { code: 'HIVEDB_E_SELF_DEADLOCK' } });
    // Of each: who may wait for itself, who does, and who still may.
    expect(asked).toBeLessThan(50 * 5);
  });

  it('stop the event loop for a moment only, however long looking and failing takes', async () => {
    const clock = new TakingTime();
    const holdings = new Holdings(clock, recordingLogger());
    const inItself = (id: number): Promise<unknown> => {
      const about = { held: holdable('a connection', 1), database: 'test', label: 'inner' };
      const fn = async (): Promise<void> => {
        await holdings.nested(about, {}, untilAborted);
      };
      return holdings.run({ ...about, lease: { id, active: true }, fn }, fn);
    };
    const all = Promise.allSettled(Array.from({ length: 300 }, (_, id) => inItself(id)));
    await clock.settle();
    for (const result of await all) expect(result).toMatchObject({ reason: { code: 'HIVEDB_E_SELF_DEADLOCK' } });
    expect(clock.turned).toBeGreaterThan(10);
  });
});

describe('a call from inside a function that does not wait for it', () => {
  it('is refused for wrong options as it is elsewhere', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const wrong = null as unknown as object;
    const attempt = database.read('outer', () => database.read('inner', () => Promise.resolve(1), wrong));
    expect(await rejectionOf(attempt)).toMatchObject({ code: 'HIVEDB_E_CONFIG' });
  });

  it('is done when the function has returned, whether it was left alone, handled or left to a helper', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const written: Promise<unknown>[] = [];
    const save = (name: string): Promise<unknown> => {
      const promise = database.write(`save ${name}`, (tx) => tx.run(INSERT, name));
      written.push(promise);
      return promise;
    };
    const helper = async (): Promise<void> => {
      await save('by a helper');
    };
    await database.transaction('move', async (tx) => {
      void save('left alone');
      void save('handled').catch(() => undefined);
      void helper();
      await turnsOfTheLoop(3);
      await tx.run(INSERT, 'moved');
    });
    await Promise.all(written);
    expect(itemsOf(database).toSorted()).toEqual(['by a helper', 'handled', 'left alone', 'moved']);
  });

  it('is done when the function has returned, where it was raced against something else or awaited by somebody outside', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const soon = gate();
    let kept: Promise<unknown> = Promise.resolve();
    const outside = soon.passed.then(() => kept);
    await database.transaction('move', async (tx) => {
      kept = database.write('kept', (inner) => inner.run(INSERT, 'kept'));
      soon.open();
      await Promise.race([database.write('raced', (inner) => inner.run(INSERT, 'raced')), turnsOfTheLoop(3)]);
      await tx.run(INSERT, 'moved');
    });
    await outside;
    await database.write('last', (tx) => tx.run(INSERT, 'last'));
    expect(itemsOf(database)).toEqual(['moved', 'kept', 'raced', 'last']);
  });

  it.each<[string, Raced]>([
    ['a helper', ({ save }) => Promise.race([save(), turnsOfTheLoop(3)])],
    ['the first of several', ({ save }) => Promise.any([save(), turnsOfTheLoop(3)])],
    ['several of which one fails', ({ save }) => Promise.all([save(), failsSoon()]).catch(() => undefined)],
    ['what is made of a helper', ({ save }) => Promise.race([save().then(() => 1), turnsOfTheLoop(3)])],
    [
      'a helper, by hand',
      ({ save }) =>
        new Promise((resolve, reject) => {
          save().then(resolve, reject);
          void turnsOfTheLoop(3).then(resolve);
        }),
    ],
    ['a helper within another, of the same name', ({ save }) => within(save).save()],
    ['a helper in a helper', ({ save }) => Promise.race([(async () => save())(), turnsOfTheLoop(3)])],
    ['a helper that returns it', ({ write }) => Promise.race([(async () => write())(), turnsOfTheLoop(3)])],
    [
      'a helper that has it in its hands',
      ({ write }) => {
        const written = write();
        const handed = async (): Promise<unknown> => written;
        return Promise.race([handed(), turnsOfTheLoop(3)]);
      },
    ],
    [
      'what a helper has given to another',
      async ({ write }) => {
        const written = write();
        const handed = (async (): Promise<unknown> => written)();
        await Promise.race([handed, turnsOfTheLoop(3)]);
      },
    ],
    ['a helper that calls itself', again],
    ['a helper that has waited before', ({ save }) => Promise.race([turnsOfTheLoop(1).then(save), turnsOfTheLoop(4)])],
  ])('is done when the function has returned, where that waits for one of several: %s', async (_, raced) => {
    await using temporary = await shop();
    const { database } = temporary;
    let done = 0;
    const insert = (tx: SyncTransaction): void => {
      done++;
      tx.run(INSERT, 'saved');
    };
    const write = (): Promise<unknown> => database.write('save', insert);
    const save = async (): Promise<void> => {
      await database.write('save', insert);
    };
    const calls = { save, write };
    const functions = [
      async () => {
        await raced(calls);
      },
      async () => raced(calls),
      () => raced(calls),
      async () => {
        await turnsOfTheLoop(1);
        return raced(calls);
      },
    ];
    for (const fn of functions) {
      await database.transaction('move', fn);
      await database.write('after', (tx) => tx.run('DELETE FROM item'));
    }
    expect(done).toBe(functions.length);
  });

  it('is done when the function has returned, where that has called itself and waits no longer than it likes', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    let calls = 0;
    const fn = async (): Promise<unknown> => {
      if (calls++ === 0) return Promise.race([fn(), turnsOfTheLoop(3)]);
      await database.write('save', (tx) => tx.run(INSERT, 'saved'));
      return undefined;
    };
    await database.transaction('move', fn);
    await database.write('after', (tx) => tx.run(INSERT, 'after'));
    expect(itemsOf(database)).toEqual(['saved', 'after']);
  });

  it('is done when the function has returned, where a helper has begun it before and is raced when it is called again', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const begun: Promise<unknown>[] = [];
    const save = async (): Promise<void> => {
      const [pending] = begun;
      if (pending === undefined) begun.push(database.write('save', (tx) => tx.run(INSERT, 'saved')));
      else await pending;
    };
    const functions = [
      async () => {
        await save();
        await Promise.race([save(), turnsOfTheLoop(3)]);
      },
      async () => {
        await save();
        return Promise.race([save(), turnsOfTheLoop(3)]);
      },
    ];
    for (const fn of functions) {
      await database.transaction('move', fn);
      await Promise.all(begun.splice(0));
      expect(itemsOf(database)).toEqual(['saved']);
      await database.write('after', (tx) => tx.run('DELETE FROM item'));
    }
  });

  it('is done when the function has returned, where the promise is not its own: of a session, of a database by pattern', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using session = await database.session('import');
    await database.transaction('move', async () => {
      await Promise.race([session.transaction((tx) => tx.run(INSERT, 'saved')), turnsOfTheLoop(3)]);
    });
    await database.write('after', (tx) => tx.run(INSERT, 'after'));
    expect(itemsOf(database)).toEqual(['saved', 'after']);
    using directory = temporaryDirectory();
    await using service = await tenants(directory.path, 2);
    const tenant = service.database('tenant-acme');
    await tenant.transaction('move', async () => {
      const saved = tenant.write('save', (tx) => tx.run(INSERT, 'saved'));
      await Promise.race([saved, turnsOfTheLoop(3)]);
    });
    await tenant.write('after', (tx) => tx.run(INSERT, 'after'));
    const items = await tenant.read('items', (c) => c.all('SELECT name FROM item'));
    expect(items).toEqual([{ name: 'saved' }, { name: 'after' }]);
  });

  it('is no deadlock where another database, a free connection or a transaction that goes on is waited for', async () => {
    await using temporary = await shop({ poolSize: 2 });
    const { database } = temporary;
    const slow = gate();
    const other = database.transaction('somebody else', async (tx) => {
      await slow.passed;
      await tx.run(INSERT, 'theirs');
    });
    const reading = database.read('outer', async () => {
      const rows = await database.read('inner', (c) => c.all('SELECT 1 AS one'));
      const written = database.write('behind somebody', (tx) => tx.run(INSERT, 'mine'));
      await turnsOfTheLoop(3);
      slow.open();
      await written;
      return rows;
    });
    expect(await reading).toEqual([{ one: 1 }]);
    await other;
    expect(itemsOf(database)).toEqual(['theirs', 'mine']);
  });
});

describe('a call that is likely to wait for its own caller', () => {
  it.each<[string, Raced]>([
    ['a helper of a helper', async ({ save }) => save()],
    ['a helper that returns it', async ({ write }) => write()],
    ['each of several, to the end', ({ save }) => Promise.allSettled([save(), save()])],
  ])('is warned of once, after a second, and ends at its limit: %s', async (_, helper) => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    await using temporary = await shop({ clock, logger });
    const { database } = temporary;
    const write = (): Promise<unknown> => database.write('save', (tx) => tx.run(INSERT, 'b'));
    const save = async (): Promise<void> => {
      await write();
    };
    const ended = rejectionOf(
      database.transaction('move', async () => void (await helper({ save, write })), { idleLimitMs: 4_000 }),
    );
    const warnings = (): readonly string[] => logger.said('warn').filter((text) => text.startsWith('probably waits'));
    await clock.settle();
    await clock.advance(999);
    expect(warnings()).toEqual([]);
    await clock.advance(1);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toMatch(/"save": it waits for the right to write, called at .*self-deadlock\.test\.ts/);
    await clock.advance(3_000);
    expect(await ended).toMatchObject({ code: 'HIVEDB_E_TRANSACTION_EXPIRED' });
    expect(warnings()).toHaveLength(1);
  });

  it('is warned of once for a circle, however many are in it, and for each of two circles', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    const holdings = new Holdings(clock, logger);
    const end = gate();
    const circle = (name: string): readonly Promise<unknown>[] => {
      const writers = Array.from({ length: 5 }, (_, at) => holdable(`the right to write ${name}${at}`, 1));
      return writers.map((held, at) => {
        const next = { held: writers[(at + 1) % 5]!, database: `${name}${at}`, label: 'inner' };
        const fn = async (): Promise<void> => {
          await Promise.all([end.passed, holdings.nested(next, {}, () => end.passed)]);
        };
        const has = { held, lease: { id: at, active: true }, database: `${name}${at}`, label: 'outer', fn };
        return holdings.run(has, fn);
      });
    };
    const first = circle('first');
    await clock.advance(300);
    const all = [...first, ...circle('second')];
    await clock.advance(2_000);
    const warnings = logger.said('warn');
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/^probably waits for itself: database first/);
    expect(warnings[1]).toMatch(/^probably waits for itself: database second/);
    end.open();
    await Promise.all(all);
  });
});

describe('a call from inside a function within another', () => {
  it('is done when the outer one has returned, where that does not wait for the inner one, or the inner one not for it', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const written: Promise<unknown>[] = [];
    const save = (name: string): Promise<unknown> => database.write(name, (tx) => tx.run(INSERT, name));
    await database.transaction('outer', async (tx) => {
      written.push(database.read('left alone', () => save('of one left alone')));
      await database.read('between', async () => {
        written.push(save('left alone within'));
        await turnsOfTheLoop(3);
      });
      await turnsOfTheLoop(3);
      await tx.run(INSERT, 'outer');
    });
    await Promise.all(written);
    expect(itemsOf(database).toSorted()).toEqual(['left alone within', 'of one left alone', 'outer']);
  });
});

describe('a call that waits for somebody who goes on', () => {
  it('waits for a connection that a function has which only once waited itself', async () => {
    await using temporary = await shop({ poolSize: 2 });
    const { database } = temporary;
    const slow = gate();
    const goingOn = database.read('going on', async () => {
      await database.read('had long ago', (c) => c.get('SELECT 1'));
      await slow.passed;
    });
    await turnsOfTheLoop(3);
    const nested = database.read('outer', async () => {
      const inner = database.read('inner', (c) => c.get('SELECT 1 AS one'));
      void turnsOfTheLoop(3).then(slow.open);
      return inner;
    });
    expect(await nested).toEqual({ one: 1 });
    await goingOn;
  });

  it('waits for a connection that a pool makes which finds its own size, and is a deadlock when that is as large as may be', async () => {
    await using fake = await fakeDatabase({ poolSize: 1, maxOverflow: 0, autoSize: { min: 1, max: 2 } });
    const { database, clock } = fake;
    const nested = database.read('outer', () => database.read('inner', one));
    await passUntilSettled(clock, nested);
    await expect(nested).resolves.toBeUndefined();
    const deeper = rejectionOf(
      database.read('outer', () => database.read('middle', () => database.read('inner', one))),
    );
    await passUntilSettled(clock, deeper);
    expect(await deeper).toMatchObject({ code: 'HIVEDB_E_SELF_DEADLOCK' });
  });

  it('waits for a connection that a session has, of which nobody knows what it waits for', async () => {
    await using temporary = await shop({ poolSize: 2 });
    const { database } = temporary;
    const session = await database.session('import');
    const nested = database.read('outer', async () => {
      const inner = database.read('inner', (c) => c.get('SELECT 1 AS one'));
      void turnsOfTheLoop(3).then(() => session.close());
      return inner;
    });
    expect(await nested).toEqual({ one: 1 });
  });

  it('waits for a write that a function has begun and left to the function of another database', async () => {
    const begun = gate();
    const waiting = gate();
    let kept: Promise<unknown> = Promise.resolve();
    // Both inside one service: across services nobody knows of anybody.
    using directory = temporaryDirectory();
    await using service = await twoDatabases(directory.path);
    const selling = service.database('stock').transaction('sell', async (tx) => {
      kept = service.database('stock').write('kept', (inner) => inner.run(INSERT, 'kept'));
      begun.open();
      await waiting.passed;
      await turnsOfTheLoop(3);
      await tx.run(INSERT, 'sold');
    });
    const booking = service.database('sales').transaction('book', async () => {
      await begun.passed;
      waiting.open();
      await kept;
    });
    await Promise.all([selling, booking]);
    const names = service.database('stock').readSync('items', (c) => c.all('SELECT name FROM item'));
    expect(names).toEqual([{ name: 'sold' }, { name: 'kept' }]);
  });
});

describe('a function that goes on after its transaction was taken away', () => {
  it('hides nobody who waits for himself', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const late = gate();
    const expired = await rejectionOf(database.transaction('slow', () => late.passed, { idleLimitMs: 20 }));
    expect(expired).toMatchObject({ code: 'HIVEDB_E_TRANSACTION_EXPIRED' });
    await deadlockOf(() =>
      database.transaction('move', async () => {
        await database.write('save', (tx) => tx.run(INSERT, 'b'));
      }),
    );
    late.open();
  });
});

describe('a transaction that waits for something else', () => {
  it('is told of in the log at half its time, with what it waits for, and says so when it is over', async () => {
    const logger = recordingLogger();
    await using temporary = await shop({ logger });
    const { database } = temporary;
    const attempt = database.transaction(
      'move',
      async () => {
        // Combined with others: it cannot be known that it waits for it to the end.
        await Promise.all([database.write('save', (tx) => tx.run(INSERT, 'late')), turnsOfTheLoop(1)]);
      },
      { idleLimitMs: 60 },
    );
    const error = await rejectionOf(attempt);
    expect(error).toMatchObject({ code: 'HIVEDB_E_TRANSACTION_EXPIRED' });
    expect(String(error)).toMatch(/and waited for "save" of database test, called at .*self-deadlock.test.ts/);
    const [warning] = logger.said('warn').filter((text) => text.includes('has held the right to write'));
    expect(warning).toMatch(/"move" has held the right to write for \d+ ms without a statement, waiting for "save"/);
  });

  it('is told of with what it reads elsewhere, where it waits for that, and not for what it has got already', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    await using temporary = await shop({ clock, logger });
    const { database } = temporary;
    const late = gate();
    const attempt = rejectionOf(
      database.transaction('move', async () => {
        await database.offload('count', 'SELECT 1');
        // Some tenths of a second, and time here passes in less.
        const sums = database.offload('yearly sums', COUNT_TO, [1_000_000]);
        await clock.advance(600);
        await sums;
        await clock.advance(500);
        await late.passed;
      }),
    );
    expect(String(await attempt)).not.toContain('waited for');
    late.open();
    const [warning] = logger.said('warn').filter((text) => text.includes('has held the right to write'));
    expect(warning).toMatch(/, waiting for "yearly sums" of database test, called at .*self-deadlock.test.ts/);
  });

  it('is told of once, however often it waits', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    await using temporary = await shop({ clock, logger });
    const pause = (): Promise<void> => new Promise((resolve) => clock.after(600, resolve));
    const done = temporary.database.transaction('move', async (tx) => {
      for (const name of ['a', 'b', 'c']) {
        await tx.run(INSERT, name);
        await pause();
      }
      return 'done';
    });
    await passUntilSettled(clock, done);
    expect(await done).toBe('done');
    expect(logger.said('warn').filter((text) => text.includes('has held the right to write'))).toHaveLength(1);
  });
});

/** What a function does of which no more is known than that it goes on when the first of several is done. */
type Raced = (calls: {
  readonly save: () => Promise<void>;
  readonly write: () => Promise<unknown>;
}) => Promise<unknown>;

async function failsSoon(): Promise<never> {
  await turnsOfTheLoop(3);
  throw new Error('failed soon');
}

async function again(calls: Parameters<Raced>[0], times?: 'no more'): Promise<unknown> {
  if (times === 'no more') await calls.write();
  else await Promise.race([again(calls, 'no more'), turnsOfTheLoop(3)]);
  return undefined;
}

/** One that has the same name and waits no longer than it likes. */
function within(inner: () => Promise<unknown>): { readonly save: () => Promise<unknown> } {
  return { save: () => Promise.race([inner(), turnsOfTheLoop(3)]) };
}

function twoDatabases(directory: string) {
  const migrations = [{ id: 1, name: 'item', sql: 'CREATE TABLE item (name TEXT)' }];
  return openDatabaseService({
    app: 'test',
    presence: false,
    databases: {
      stock: sqlite({ path: join(directory, 'stock.db'), migrations }),
      sales: sqlite({ path: join(directory, 'sales.db'), migrations }),
    },
  });
}

function tenants(directory: string, mostOpen: number) {
  const migrations = [{ id: 1, name: 'item', sql: 'CREATE TABLE item (name TEXT)' }];
  return openDatabaseService({
    app: 'test',
    presence: false,
    databases: { 'tenant-*': sqlite({ path: join(directory, '*.db'), migrations, mostOpen }) },
  });
}

function one(connection: Connection): Promise<unknown> {
  return connection.get('SELECT 1 AS one');
}

function mine(): string {
  return 'mine';
}

/** Long enough for whoever looks after the next turn. */
async function turnsOfTheLoop(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++)
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
}

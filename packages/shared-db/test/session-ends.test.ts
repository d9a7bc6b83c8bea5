import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Session, SqliteDatabase, Transaction } from '@hive/shared-db';
import { VirtualClock } from '@hive/shared-db/testing';
import type { SqliteHandle } from '../dist/sqlite/engine.js';
import { outcomeOf, rejectionOf } from './support/outcome.ts';
import { recordingLogger } from './support/recording-logger.ts';
import { itemsOf, shop } from './support/shop.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** A transaction of a session that has written something and waits. */
interface Waiting {
  readonly tx: Transaction;
  readonly outcome: Promise<unknown>;
  readonly rows: AsyncIterator<unknown>;
}

/** Begins one that would wait for ever. */
async function waitingIn(session: Session): Promise<Waiting> {
  const begun = Promise.withResolvers<Omit<Waiting, 'outcome'>>();
  const outcome = rejectionOf(
    session.transaction(
      async (tx) => {
        await tx.run("INSERT INTO item (name) VALUES ('undone')");
        const rows = tx.iterate('SELECT 1 AS n UNION SELECT 2');
        await rows.next();
        begun.resolve({ tx, rows });
        await Promise.withResolvers().promise;
      },
      { limitMs: 1_000_000, idleLimitMs: 1_000_000 },
    ),
  );
  return { ...(await begun.promise), outcome };
}

/** What is written next has the lock, and is all that is there. */
async function expectUndone(database: SqliteDatabase): Promise<void> {
  await database.write('next', (tx) => tx.run("INSERT INTO item (name) VALUES ('next')"));
  expect(itemsOf(database)).toEqual(['next']);
}

describe('the transaction of a session that is over its limit', () => {
  it('is undone at that moment, and all that it had throws who was over which limit and where it was opened', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    await using temporary = await shop({ clock, logger });
    const { database } = temporary;
    const session = await database.session('nightly import', { timeoutMs: 60_000 });
    const { tx, rows, outcome } = await waitingIn(session);
    const behind = database.write('behind', (next) => next.all('SELECT name FROM item'), { timeoutMs: 600_000 });
    await clock.advance(59_999);
    expect(database.snapshot().lane.running).toBe(1);
    await clock.advance(1);
    const expired = {
      code: 'HIVEDB_E_SESSION_EXPIRED',
      database: 'test',
      label: 'nightly import',
      message: expect.stringMatching(
        /"nightly import": the session was over its limit of 60000 ms and has been ended; it was opened at .*session-ends\.test\.ts:\d+/u,
      ) as string,
      cause: { stack: expect.stringContaining('session-ends.test') as string },
    };
    expect(await outcome).toMatchObject(expired);
    expect(await behind).toEqual([]);
    for (const use of [
      tx.run("INSERT INTO item (name) VALUES ('late')"),
      tx.transaction(() => Promise.resolve()),
      rows.next(),
      session.connection.get('SELECT 1'),
      session.transaction(() => Promise.resolve()),
    ])
      expect(await rejectionOf(use)).toMatchObject(expired);
    expect(outcomeOf(() => session.connection.raw)).toMatchObject(expired);
    await expectUndone(database);
    expect(database.snapshot().counters).toMatchObject({ sessionsExpired: 1, transactionsLeftOpen: 1, rolledBack: 1 });
    expect(logger.blames()).toMatchObject([
      {
        message:
          'session "nightly import" was over its limit and was ended while a transaction of it was open, which is rolled back',
        fields: {
          label: 'nightly import',
          limitMs: 60_000,
          leftOpen: 1,
          acquiredAt: expect.stringContaining('session-ends.test') as string,
        },
      },
    ]);
  });

  it('that waits for its turn to write does not wait any longer, and never begins', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const gate = Promise.withResolvers<undefined>();
    const limits = { limitMs: 1_000_000, idleLimitMs: 1_000_000 };
    const holder = database.transaction('holder', () => gate.promise, limits);
    const session = await database.session('late', { timeoutMs: 1_000 });
    let ran = false;
    const waiting = rejectionOf(session.transaction(() => Promise.resolve((ran = true)), { timeoutMs: 600_000 }));
    await clock.advance(1_000);
    expect(await waiting).toMatchObject({ code: 'HIVEDB_E_SESSION_EXPIRED', label: 'late' });
    expect(database.snapshot().lane.waiting).toBe(0);
    gate.resolve(undefined);
    await holder;
    await clock.settle();
    expect(ran).toBe(false);
    expect(database.snapshot().counters.rolledBack).toBe(0);
  });
});

describe('the function of a transaction', () => {
  it('is never begun after its session has ended, in whatever moment that is', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    let began = 0;
    let late = 0;
    for (let reactions = 0; reactions < 40; reactions++) {
      const session = await database.session('hasty');
      let ended = false;
      const work = session.transaction(() => {
        began++;
        if (ended) late++;
        return Promise.resolve();
      });
      const outcome = work.catch((error: unknown) => error);
      for (let n = 0; n < reactions; n++) await Promise.resolve();
      ended = true;
      await session.close();
      const error = await outcome;
      if (error !== undefined) expect(error).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE', label: 'hasty' });
    }
    expect(late).toBe(0);
    expect(began).toBeGreaterThan(0);
    expect(began).toBeLessThan(40);
  });
});

describe('the transaction of a session whose signal aborts', () => {
  it('is undone at that moment; that was asked for, so nobody is blamed', async () => {
    const logger = recordingLogger();
    await using temporary = await shop({ logger });
    const { database } = temporary;
    const controller = new AbortController();
    const session = await database.session('given up', { signal: controller.signal });
    const { tx, outcome } = await waitingIn(session);
    controller.abort();
    const aborted = { code: 'HIVEDB_E_ABORTED', label: 'given up' };
    expect(await outcome).toMatchObject(aborted);
    expect(await rejectionOf(tx.get('SELECT 1'))).toMatchObject(aborted);
    await expectUndone(database);
    expect(database.snapshot().counters).toMatchObject({ rolledBack: 1, transactionsLeftOpen: 0, sessionsExpired: 0 });
    expect(logger.blames()).toEqual([]);
  });

  it('still obeys the signal that it was given itself', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const gate = Promise.withResolvers<undefined>();
    const holder = database.transaction('holder', () => gate.promise);
    await using session = await database.session('patient');
    const controller = new AbortController();
    const waiting = rejectionOf(session.transaction(() => Promise.resolve(), { signal: controller.signal }));
    controller.abort();
    expect(await waiting).toMatchObject({ code: 'HIVEDB_E_ABORTED', label: 'patient' });
    gate.resolve(undefined);
    await holder;
    expect(await session.transaction((tx) => tx.get('SELECT 1 AS one'))).toEqual({ one: 1 });
  });
});

describe('a transaction that is left open when its session is closed', () => {
  it('is rolled back, counted, blamed on who opened the session, and told why', async () => {
    const logger = recordingLogger();
    await using temporary = await shop({ logger });
    const { database } = temporary;
    const session = await database.session('careless');
    const { tx, outcome } = await waitingIn(session);
    await session.close();
    expect(await outcome).toMatchObject({
      code: 'HIVEDB_E_LEASE_STALE',
      label: 'careless',
      message: expect.stringContaining(
        'the session was closed before this transaction had ended; nothing of it was written',
      ) as string,
      advice: 'await session.transaction() before the session is closed',
    });
    expect(await rejectionOf(tx.get('SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE' });
    await expectUndone(database);
    expect(database.snapshot().counters).toMatchObject({ transactionsLeftOpen: 1, rolledBack: 1, sessionsExpired: 0 });
    expect(logger.blames()).toMatchObject([
      {
        message: 'session "careless" was closed while a transaction of it was open, which is rolled back',
        fields: { label: 'careless', acquiredAt: expect.stringContaining('session-ends.test') as string },
      },
    ]);
  });

  it('does not end the process because nobody waits for it', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => {
      unhandled.push(reason);
    };
    process.on('unhandledRejection', note);
    try {
      const session = await database.session('forgetful');
      void session.transaction(() => Promise.withResolvers().promise);
      await database.read('a while', (c) => c.get('SELECT 1'));
      await session.close();
      await database.write('next', () => 1);
      // Unhandled rejections are told of after the reactions of a turn.
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).toEqual([]);
    expect(database.snapshot().counters.transactionsLeftOpen).toBe(1);
  });

  it('through the driver’s own handle is rolled back, counted and blamed as well, and so are its iterators closed', async () => {
    const logger = recordingLogger();
    await using temporary = await shop({ logger, poolSize: 1 });
    const { database } = temporary;
    const session = await database.session('query builder');
    const raw = session.connection.raw as {
      prepare(sql: string): { iterate(): IterableIterator<unknown>; get(): unknown };
      exec(sql: string): void;
      readonly open: boolean;
    };
    raw.exec('BEGIN');
    const rows = raw.prepare('SELECT 1 AS n UNION SELECT 2 UNION SELECT 3').iterate();
    expect(rows.next()).toEqual({ done: false, value: { n: 1 } });
    const done = raw.prepare('SELECT 1 AS n').iterate();
    expect([...done]).toEqual([{ n: 1 }]);
    await session.close();
    // The engine refuses to close a connection with an open iterator: it would keep its snapshot as long as the process lives.
    expect(raw.open).toBe(false);
    // Two rows are left: whoever goes on must not believe that he has had all.
    expect(outcomeOf(() => rows.next())).toMatchObject({ code: 'HIVEDB_E_LEASE_STALE', label: 'query builder' });
    expect([rows.return?.(), done.next()]).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    expect(database.snapshot().counters.transactionsLeftOpen).toBe(1);
    expect(logger.blames()).toMatchObject([
      { message: 'session "query builder" was closed while a transaction of it was open, which is rolled back' },
    ]);
    expect(await database.read('next', (c) => c.get('SELECT 1 AS one'))).toEqual({ one: 1 });
  });
});

describe('the driver’s own handle, after its session has ended', () => {
  const ROWS = 'SELECT 1 AS n UNION SELECT 2 UNION SELECT 3';

  it.each([
    [
      'its limit',
      /the session was over its limit of 60000 ms and has been ended; it was opened at .*session-ends\.test\.ts:\d+/u,
      'SESSION_EXPIRED',
      ({ clock }: { clock: VirtualClock }) => clock.advance(60_000),
    ],
    [
      'a flush of everything',
      /flush\('all'\)/u,
      'LEASE_STALE',
      ({ database }: { database: SqliteDatabase }) => database.flush('all'),
    ],
    [
      'its signal',
      /aborted by its own signal; it was opened at .*session-ends/u,
      'ABORTED',
      ({ abort }: { abort: () => void }) => {
        abort();
      },
    ],
  ])('says so at every use: %s', async (_, message, code, end) => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const controller = new AbortController();
    const { signal } = controller;
    await using session = await database.session('query builder', { timeoutMs: 60_000, signal });
    const raw = session.connection.raw as SqliteHandle;
    const transaction = raw.transaction(() => raw.pragma('user_version', { simple: true }));
    expect([transaction(), transaction.deferred()]).toEqual([0, 0]);
    const statement = raw.prepare(ROWS);
    const rows = statement.pluck().iterate();
    expect(rows.next().value).toBe(1);
    await end({
      clock,
      database,
      abort: () => {
        controller.abort();
      },
    });
    for (const use of [
      () => rows.next(),
      () => Array.from(rows),
      () => statement.iterate(),
      () => statement.all(),
      () => statement.get(),
      () => statement.run(),
      () => raw.prepare('SELECT 1'),
      () => raw.exec('SELECT 1'),
      () => raw.pragma('user_version'),
      () => raw.function('one', () => 1),
      () => transaction(),
      () => transaction.immediate(),
      () => raw.transaction(() => 1),
    ])
      expect(outcomeOf(use)).toMatchObject({
        name: 'DatabaseError',
        code: `HIVEDB_E_${code}`,
        database: 'test',
        label: 'query builder',
        message: expect.stringMatching(message) as string,
      });
    expect([raw.open, rows.return?.()]).toEqual([false, { done: true, value: undefined }]);
  });

  it('is none that keeps a session which nobody has any more: it is found, and whoever goes on to read is told', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const openRows = async (): Promise<IterableIterator<unknown>> => {
      const session = await database.session('forgotten');
      return (session.connection.raw as SqliteHandle).prepare(ROWS).iterate();
    };
    const rows = await openRows();
    expect(rows.next().done).toBe(false);
    await clock.advance(2_000);
    await expect
      .poll(
        () => {
          collectGarbage();
          return database.snapshot().leaks.collected;
        },
        { timeout: 20_000, interval: 20 },
      )
      .toBe(1);
    expect(outcomeOf(() => rows.next())).toMatchObject({
      code: 'HIVEDB_E_LEASE_STALE',
      label: 'forgotten',
      message: expect.stringMatching(/it was opened at .*session-ends/u) as string,
    });
  });
});

describe('a session that is over in less than a turn of the event loop', () => {
  it.each([0, 0.25])('has ended in the next one: %d ms', async (timeoutMs) => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const session = await temporary.database.session('hasty', { timeoutMs });
    await clock.advance(1);
    expect(await rejectionOf(session.connection.get('SELECT 1'))).toMatchObject({
      code: 'HIVEDB_E_SESSION_EXPIRED',
      message: expect.stringContaining(`over its limit of ${timeoutMs} ms`) as string,
    });
    expect(temporary.database.leases()).toEqual([]);
  });
});

describe('the limit of a session', () => {
  it.each([-1, -0.5, Number.NaN, Infinity, 2 ** 31, Number.MAX_VALUE, '1000', '5s', null, {}, 10n])(
    'cannot be %s',
    async (timeoutMs) => {
      await using temporary = await shop();
      const { database } = temporary;
      const options = { timeoutMs: timeoutMs as number };
      let ran = false;
      const plain = (): Promise<unknown> => database.session('wrong', options);
      const lent = (): Promise<unknown> => database.session('wrong', options, () => Promise.resolve((ran = true)));
      for (const use of [plain, lent])
        expect(await rejectionOf(use())).toMatchObject({
          code: 'HIVEDB_E_CONFIG',
          message: expect.stringContaining('expected milliseconds from 0 to 2147483647') as string,
        });
      expect(ran).toBe(false);
      expect(database.leases()).toEqual([]);
    },
  );
});

describe('the label of a session', () => {
  it.each([
    ['x'.repeat(10_240), `${'x'.repeat(119)}…`],
    ['\u{1B}[2J\u{1B}]0;owned\u{7}import', '\u{FFFD}[2J\u{FFFD}]0;owned\u{FFFD}import'],
  ])('is shown safely wherever its end is told of', async (label, shown) => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    await using temporary = await shop({ clock, logger });
    const { database } = temporary;
    const session = await database.session(label, { timeoutMs: 1_000 });
    expect(session.label).toBe(shown);
    const { outcome } = await waitingIn(session);
    await clock.advance(1_000);
    const told = [await outcome, await rejectionOf(session.connection.get('SELECT 1'))];
    for (const error of told) expect(error).toMatchObject({ label: shown });
    const texts = [...told.map((error) => String(error)), JSON.stringify(logger.lines)];
    for (const text of texts) {
      expect(text).toContain(shown);
      for (const unsafe of ['\u{1B}', '\u{7}', 'x'.repeat(121)]) expect(text).not.toContain(unsafe);
    }
  });
});

describe('the label of a call', () => {
  it.each([
    ['x'.repeat(10_240), `${'x'.repeat(119)}…`],
    ['\u{1B}[2J\u{1B}]0;owned\u{7}import', '\u{FFFD}[2J\u{FFFD}]0;owned\u{FFFD}import'],
  ])(
    'is shown safely in whatever is told of a call that waits for its caller, or is given no function',
    async (label, shown) => {
      const logger = recordingLogger();
      await using temporary = await shop({ logger });
      const { database } = temporary;
      const nested = async (call: () => Promise<unknown>): Promise<unknown> => {
        const outer = async (): Promise<void> => {
          await call();
        };
        return rejectionOf(database.transaction(label, outer, { idleLimitMs: 60 }));
      };
      const told = [
        await nested(() => database.write(label, () => 1)),
        await nested(() => database.transaction(label, () => Promise.resolve())),
        await nested(() => Promise.race([database.write(label, () => 1), Promise.withResolvers().promise])),
        await rejectionOf(database.write(label, 5 as unknown as () => number)),
        await rejectionOf(database.read(label, 5 as unknown as () => Promise<number>)),
        await rejectionOf(database.session(label, 5 as unknown as () => Promise<number>)),
      ];
      const texts = [
        ...told.map((error) => `${String(error)} ${(error as { label: string }).label}`),
        ...logger.said('warn'),
      ];
      expect(texts).toHaveLength(7);
      for (const text of texts) {
        expect(text).toContain(shown);
        for (const unsafe of ['\u{1B}', '\u{7}', 'x'.repeat(121)]) expect(text).not.toContain(unsafe);
      }
    },
  );
});

describe('a session that is dropped', () => {
  it('is found by the garbage collector before its time is up, whatever signal it has; one in use is not', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    await using temporary = await shop({ clock, logger });
    const { database } = temporary;
    const { signal } = new AbortController();
    await (async () => {
      await database.session('dropped', { signal });
    })();
    const { connection } = await database.session('kept', { timeoutMs: 3_000 });
    await clock.advance(2_000);
    const collected = (): number => database.snapshot().pool.counters.collected;
    for (let round = 0; round < 50 && collected() === 0; round++) {
      collectGarbage();
      await clock.settle();
    }
    expect(database.leases()).toMatchObject([{ owner: 'kept' }]);
    expect(logger.said('warn').join('\n')).toContain('found by the garbage collector');
    expect(await connection.get('SELECT 1 AS one')).toEqual({ one: 1 });
    collectGarbage();
    await clock.advance(1_000);
    expect(await rejectionOf(connection.get('SELECT 1'))).toMatchObject({ code: 'HIVEDB_E_SESSION_EXPIRED' });
  });

  it.each([
    ['is ended at its limit', () => undefined],
    [
      'is ended by its signal',
      (controller: AbortController) => {
        controller.abort();
      },
    ],
  ])('%s also when the garbage collector has seen it before the pool began to watch its lease', async (_, end) => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const controller = new AbortController();
    await (async () => {
      await database.session('dropped', { timeoutMs: 400, signal: controller.signal });
    })();
    for (let round = 0; round < 5; round++) {
      await clock.settle();
      collectGarbage();
    }
    expect(database.leases()).toMatchObject([{ owner: 'dropped' }]);
    end(controller);
    await clock.advance(controller.signal.aborted ? 0 : 400);
    const left = database.leases();
    void database.flush('all');
    expect(left).toEqual([]);
  });
});

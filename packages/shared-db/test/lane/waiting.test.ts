import { describe, expect, it } from 'vitest';
import type { SqliteDatabase, SyncTransaction, WriteOptions } from '@hive/shared-db';
import { VirtualClock } from '@hive/shared-db/testing';
import { lockHolder } from '../support/lock-holder.ts';
import { rejectionOf } from '../support/outcome.ts';
import { itemsOf, shop } from '../support/shop.ts';

const save =
  (name: string) =>
  (tx: SyncTransaction): unknown =>
    tx.run('INSERT INTO item (name) VALUES (?)', name);

/** Holds the writer until it is told to let go. */
function holdWriter(database: SqliteDatabase, label: string): { letGo(): Promise<unknown> } {
  const gate = Promise.withResolvers<undefined>();
  const held = database.transaction(label, () => gate.promise, { limitMs: 60_000, idleLimitMs: 60_000 });
  return {
    letGo: () => {
      gate.resolve(undefined);
      return held;
    },
  };
}

describe('a write that waits in the lane', () => {
  it('goes before the less urgent, and behind those of its own urgency', async () => {
    await using temporary = await shop({ clock: new VirtualClock() });
    const { database } = temporary;
    const writer = holdWriter(database, 'slow');
    const order = [
      ['low', 'a'],
      ['normal', 'b'],
      ['high', 'c'],
      [undefined, 'd'],
      ['low', 'e'],
      ['high', 'f'],
    ] as const;
    const writes = order.map(([priority, name]) => database.write(name, save(name), { priority }));
    await writer.letGo();
    await Promise.all(writes);
    expect(itemsOf(database)).toEqual(['c', 'f', 'b', 'd', 'a', 'e']);
  });

  it('counts as urgent when it has waited for a quarter of a second', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const writer = holdWriter(database, 'slow');
    const patient = database.write('patient', save('patient'), { priority: 'low' });
    await clock.advance(250);
    const urgent = database.write('urgent', save('urgent'), { priority: 'high' });
    await writer.letGo();
    await Promise.all([patient, urgent]);
    expect(itemsOf(database)).toEqual(['patient', 'urgent']);
  });

  it.for(['high', 'normal'] as const)(
    'is passed by the more urgent also when all have waited for long, but for one place in four (%s)',
    async (priority) => {
      const clock = new VirtualClock();
      await using temporary = await shop({ clock });
      const { database } = temporary;
      const slowly =
        (name: string) =>
        (tx: SyncTransaction): unknown => {
          // One of them is a group.
          clock.block(10);
          return save(name)(tx);
        };
      const writer = holdWriter(database, 'slow');
      const patient = Array.from({ length: 40 }, (_, n) =>
        database.write('patient', slowly(`patient ${n}`), { priority: 'low', timeoutMs: 60_000 }),
      );
      await clock.advance(1_000);
      const urgent = Array.from({ length: 6 }, (_, n) => database.write('urgent', slowly(`urgent ${n}`), { priority }));
      await writer.letGo();
      await Promise.all([...patient, ...urgent]);
      const order = itemsOf(database).slice(0, 9);
      expect(order.map((name) => name.split(' ')[0])).toEqual([
        'patient',
        'urgent',
        'urgent',
        'urgent',
        'patient',
        'urgent',
        'urgent',
        'urgent',
        'patient',
      ]);
    },
  );

  it('is written with the next writer when the one that it was about to get is taken away', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    // After a group the lane waits a turn of the event loop for company, with the writer in its hands.
    await Promise.all([database.write('a', save('a')), database.write('b', save('b'))]);
    const next = [database.write('c', save('c')), database.write('d', save('d'))];
    const { revoked } = await database.flush('all');
    expect(revoked).toMatchObject([{ owner: 'c' }]);
    await Promise.all(next);
    expect(itemsOf(database)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('knows three priorities and no other', async () => {
    await using temporary = await shop();
    const wrong = { priority: 'urgent' } as unknown as WriteOptions;
    expect(await rejectionOf(temporary.database.write('save', save('a'), wrong))).toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining('priority is "urgent"; expected high, normal or low') as string,
    });
  });

  it('is seen with its label, and told who holds the writer when its time is up; so are those behind it', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const writer = holdWriter(database, 'nightly import');
    const first = rejectionOf(database.write('first', save('a'), { timeoutMs: 100 }));
    const second = rejectionOf(database.write('second', save('b'), { timeoutMs: 60 }));
    const third = database.write('third', save('c'));
    await clock.advance(50);
    expect(database.snapshot()).toMatchObject({
      lane: { waiting: 3, running: 1, oldestWaitMs: 50 },
      waiters: [
        { owner: 'first', use: 'write', waitMs: 50 },
        { owner: 'second', use: 'write', waitMs: 50 },
        { owner: 'third', use: 'write', waitMs: 50 },
      ],
    });
    await clock.advance(100);
    const holder = { label: 'nightly import', pid: process.pid };
    expect(await first).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT', label: 'first', culprits: [holder] });
    expect(await second).toMatchObject({
      code: 'HIVEDB_E_POOL_TIMEOUT',
      label: 'second',
      retryable: true,
      culprits: [holder],
      waiters: [{ label: 'first' }],
      message: expect.stringContaining('within 60 ms') as string,
    });
    await writer.letGo();
    await third;
    expect(itemsOf(database)).toEqual(['c']);
  });

  it('can be given up by its caller, and the others are written', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    const writer = holdWriter(database, 'slow');
    const aborts = ['a', 'b', 'c'].map((name) => ({ name, abort: new AbortController() }));
    const writes = aborts.map(({ name, abort }) => database.write(name, save(name), { signal: abort.signal }));
    const refusals = writes.slice(0, 2).map(rejectionOf);
    for (const { abort } of aborts.slice(0, 2)) abort.abort(new Error('changed its mind'));
    for (const error of refusals)
      expect(await error).toMatchObject({ code: 'HIVEDB_E_ABORTED', cause: new Error('changed its mind') });
    await writer.letGo();
    await writes[2];
    expect(itemsOf(database)).toEqual(['c']);
  });

  it('cannot be given up any more when its group has begun', async () => {
    await using temporary = await shop({ clock: new VirtualClock() });
    const { database } = temporary;
    const abort = new AbortController();
    const writes = ['a', 'b', 'c'].map((name) =>
      database.write(
        name,
        (tx) => {
          abort.abort();
          return save(name)(tx);
        },
        { signal: abort.signal },
      ),
    );
    await Promise.all(writes);
    expect(itemsOf(database)).toEqual(['a', 'b', 'c']);
  });

  it('has been given up where that was done in a group that is undone: it does not run again', async () => {
    await using temporary = await shop({ clock: new VirtualClock() });
    const { database } = temporary;
    const abort = new AbortController();
    let runs = 0;
    const outcomes = await Promise.allSettled([
      database.write('a', (tx) => {
        abort.abort(new Error('changed its mind'));
        return save('a')(tx);
      }),
      database.write(
        'b',
        (tx) => {
          runs++;
          return save('b')(tx);
        },
        { signal: abort.signal },
      ),
      // Its foreign key is checked by COMMIT, which undoes all three.
      database.write('c', (tx) => tx.run('INSERT INTO part (item) VALUES (42)')),
    ]);
    expect(outcomes).toMatchObject([
      { status: 'fulfilled' },
      { reason: { code: 'HIVEDB_E_ABORTED', cause: new Error('changed its mind') } },
      { reason: { code: 'HIVEDB_E_CONSTRAINT' } },
    ]);
    expect(runs).toBe(1);
    expect(itemsOf(database)).toEqual(['a']);
  });

  it('is turned away at once when the service closes, and when it is suspended for longer than it may wait', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database, service } = temporary;
    database.suspend();
    const late = ['a', 'b'].map((name) => rejectionOf(database.write(name, save(name), { timeoutMs: 50 })));
    await clock.advance(50);
    for (const error of late) expect(await error).toMatchObject({ code: 'HIVEDB_E_POOL_SUSPENDED' });
    database.resume();
    const writer = holdWriter(database, 'slow');
    const waiting = ['c', 'd'].map((name) => rejectionOf(database.write(name, save(name))));
    const closing = service.close();
    for (const error of waiting) expect(await error).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED' });
    await writer.letGo();
    await closing;
  });

  it('is refused when ten thousand wait already', async () => {
    await using temporary = await shop({ clock: new VirtualClock() });
    const { database } = temporary;
    const writer = holdWriter(database, 'slow');
    const waiting = Array.from({ length: 10_000 }, () => database.write('crowd', () => 1));
    expect(await rejectionOf(database.write('one too many', () => 1))).toMatchObject({
      code: 'HIVEDB_E_OVERLOADED',
      retryable: true,
      culprits: [{ label: 'slow' }],
      message: expect.stringContaining('10000 writes wait already') as string,
    });
    await writer.letGo();
    await Promise.all(waiting);
  });

  it('is refused when those before it take longer than it may wait, by what writes have taken lately', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const slow = (): number => {
      clock.block(10);
      return 1;
    };
    await Promise.all(Array.from({ length: 20 }, () => database.write('slow', slow)));
    const writer = holdWriter(database, 'hold');
    const waiting = Array.from({ length: 100 }, () => database.write('crowd', () => 1));
    expect(await rejectionOf(database.write('in a hurry', () => 1, { timeoutMs: 500 }))).toMatchObject({
      code: 'HIVEDB_E_OVERLOADED',
      label: 'in a hurry',
      message: expect.stringMatching(/100 writes wait already, for about \d+ ms of 500 ms/) as string,
    });
    const patient = database.write('patient', () => 1, { timeoutMs: 5_000 });
    await writer.letGo();
    await Promise.all([...waiting, patient]);
  });

  it('is refused behind a few as well, where each of them takes long', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    const slow = (): void => {
      clock.block(100);
    };
    await Promise.all(Array.from({ length: 5 }, () => database.write('slow', slow)));
    const writer = holdWriter(database, 'hold');
    const waiting = Array.from({ length: 20 }, () => database.write('crowd', slow, { timeoutMs: 60_000 }));
    expect(await rejectionOf(database.write('in a hurry', () => 1, { timeoutMs: 1_000 }))).toMatchObject({
      code: 'HIVEDB_E_OVERLOADED',
      message: expect.stringMatching(/20 writes wait already, for about \d+ ms of 1000 ms/) as string,
    });
    // Whom it goes before is not in its way.
    const urgent = database.write('urgent', () => 1, { timeoutMs: 1_000, priority: 'high' });
    await writer.letGo();
    expect(await urgent).toBe(1);
    await Promise.all(waiting);
  });

  it.for([
    ['one that nobody waited behind has taken', async (write: () => Promise<unknown>) => void (await write())],
    [
      'writes took more than a second ago',
      async (write: () => Promise<unknown>, clock: VirtualClock) => {
        await Promise.all(Array.from({ length: 20 }, write));
        await clock.advance(1_001);
      },
    ],
  ] as const)('is not refused for what %s', async ([, before]) => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock });
    const { database } = temporary;
    await before(() => database.write('slow', () => clock.block(200)), clock);
    const writer = holdWriter(database, 'hold');
    const waiting = Array.from({ length: 100 }, () => database.write('crowd', () => 1));
    const inAHurry = database.write('in a hurry', () => 1, { timeoutMs: 500 });
    await writer.letGo();
    expect(await inAHurry).toBe(1);
    await Promise.all(waiting);
  });
});

describe('writes, while another process holds the lock', () => {
  it('are each told who that is when their own time is up, and the others are written', async () => {
    await using temporary = await shop();
    const { database } = temporary;
    await using holder = await lockHolder(temporary.path);
    const early = [30, 60, 40].map((timeoutMs) =>
      rejectionOf(database.write(`${timeoutMs} ms`, save(String(timeoutMs)), { timeoutMs })),
    );
    const late = database.write('late', save('late'), { timeoutMs: 60_000 });
    for (const error of early)
      expect(await error).toMatchObject({ code: 'HIVEDB_E_BUSY_TIMEOUT', culprits: [{ pid: holder.pid }] });
    holder.say('let go');
    await late;
    expect(itemsOf(database)).toEqual(['late']);
    expect(await holder.end()).toEqual({ code: 0, stderr: '' });
  });

  it('are all written with the next writer when theirs is taken away, and told so when the service closes', async () => {
    await using temporary = await shop();
    const { database, service } = temporary;
    await using holder = await lockHolder(temporary.path);
    const writes = ['a', 'b'].map((name) => database.write(name, save(name)));
    await expect.poll(() => database.snapshot().counters.busy, { timeout: 20_000, interval: 20 }).toBe(1);
    expect((await database.flush('all')).revoked).toMatchObject([{ owner: 'a' }]);
    holder.say('let go');
    await Promise.all(writes);
    expect(itemsOf(database)).toEqual(['a', 'b']);
    await using other = await lockHolder(temporary.path);
    const { busy } = database.snapshot().counters;
    const stuck = rejectionOf(database.write('stuck', save('c')));
    await expect.poll(() => database.snapshot().counters.busy, { timeout: 20_000, interval: 20 }).toBe(busy + 1);
    await service.close({ graceMs: 50 });
    expect(await stuck).toMatchObject({ code: 'HIVEDB_E_POOL_CLOSED', label: 'stuck' });
    other.say('let go');
  });
});

import { describe, expect, it } from 'vitest';
import type { Database, Session } from '@hive/shared-db';
import { temporaryDatabase, VirtualClock } from '@hive/shared-db/testing';
import type { SqliteHandle } from '../dist/sqlite/engine.js';
import { Activity } from '../dist/activity.js';
import { leakAlarms } from '../dist/driver/leak-alarms.js';
import { Labels } from '../dist/labels.js';
import { fakeDatabase, type FakeDatabase } from './support/fake-database.ts';
import { rejectionOf } from './support/outcome.ts';
import { recordingLogger } from './support/recording-logger.ts';

/** Opens a session in a function that call sites can be searched for. */
function forgottenHere(database: Database, label: string): Promise<Session> {
  return database.session(label);
}

const hang = (): Promise<never> => Promise.withResolvers<never>().promise;

/** What the log says of leases, without the rest. */
function toldOf({ logger }: FakeDatabase): readonly string[] {
  return logger.said('warn').filter((line) => line.includes('leak'));
}

/** What is told of a session that did nothing from its beginning on. */
function held(age: string): string {
  return `"nightly import" has held a connection for ${age} and not used it for ${age}: it looks like a leak`;
}

/** Reads, and says from within whether it is known where that began. */
function isKnown(database: Database, label: string): Promise<boolean> {
  return database.read(label, () =>
    Promise.resolve(database.leases().some(({ acquiredAt }) => acquiredAt !== undefined)),
  );
}

/** Reads for as long as `pause`, in a function that stacks can be searched for. */
function slowHere(database: Database, pause: Promise<undefined>): Promise<undefined> {
  return database.read('slow', () => pause);
}

describe('leak detection: a session that is held and not used', () => {
  it('is suspected after 30 s, told again at doubling ages, and told when it comes back', async () => {
    await using fake = await fakeDatabase();
    const { database, clock, logger } = fake;
    const session = await forgottenHere(database, 'nightly import');
    await clock.advance(29_000);
    expect(toldOf(fake)).toEqual([]);
    await clock.advance(96_000);
    expect(toldOf(fake)).toEqual([held('30 s'), held('60 s'), held('2 min')]);
    const [line] = logger.lines.filter(({ message }) => message === held('30 s'));
    expect(line?.fields).toMatchObject({
      database: 'orders',
      label: 'nightly import',
      acquiredAt: expect.stringMatching(/^forgottenHere .*leaks\.test/) as string,
      stack: expect.stringContaining('at ') as string,
    });
    await session.close();
    expect(toldOf(fake).slice(3)).toEqual([
      '"nightly import", suspected of a leak, has returned its connection after 2 min',
    ]);
    expect(database.snapshot().leaks).toEqual({
      suspects: 0,
      suspected: 1,
      returnedLate: 1,
      collected: 0,
      collectedAgoMs: undefined,
    });
  });

  it('has not returned its connection where it is over its limit', async () => {
    await using fake = await fakeDatabase();
    const { database, clock } = fake;
    await forgottenHere(database, 'nightly import');
    await clock.advance(301_000);
    expect(toldOf(fake)).toEqual(['30 s', '60 s', '2 min', '4 min'].map(held));
    expect(database.leases()).toEqual([]);
    expect(database.snapshot().leaks).toMatchObject({ suspects: 0, suspected: 1, returnedLate: 0 });
  });

  it('has not returned it either where it is a read that is over its limit', async () => {
    await using fake = await fakeDatabase();
    const { database, clock } = fake;
    void rejectionOf(database.read('slow', hang, { limitMs: 40_000, leakAfterMs: 5_000 }));
    await clock.advance(45_000);
    expect(database.leases()).toEqual([]);
    expect(database.snapshot().leaks).toMatchObject({ suspects: 0, suspected: 1, returnedLate: 0 });
  });

  it('is in the snapshot, in health, and what flush takes', async () => {
    await using fake = await fakeDatabase();
    const { database, clock, service } = fake;
    await forgottenHere(database, 'forgotten');
    const opening = database.session('at work');
    await clock.advance(20_000);
    await using working = await opening;
    await working.connection.all('SELECT 1');
    await clock.advance(11_000);
    expect(database.snapshot()).toMatchObject({
      leaks: { suspects: 1, suspected: 1 },
      leases: [
        { owner: 'forgotten', suspect: true, idleMs: 31_000 },
        { owner: 'at work', suspect: false },
      ],
    });
    expect(service.verdict().reasons).toMatchObject([{ code: 'long-lease', database: 'orders' }]);
    await expect(database.flush('leaked')).resolves.toMatchObject({ revoked: [{ owner: 'forgotten' }] });
    expect(service.verdict().reasons).toEqual([]);
  });

  it.each([60_000, 300_000, 3_600_000])(
    'is suspected after 30 s also where its own limit is %i ms',
    async (timeoutMs) => {
      await using fake = await fakeDatabase({ poolSize: 2 });
      const { database, clock } = fake;
      // Held: what nobody has any more is a leak of which the collector tells.
      await using idle = await database.session('nightly import', { timeoutMs });
      const opening = database.session('at work', { timeoutMs });
      await clock.advance(10);
      await using working = await opening;
      for (const ageMs of [20_000, 31_000, 50_000]) {
        await clock.advance(ageMs - (database.leases()[0]?.ageMs ?? 0));
        await working.connection.all('SELECT 1');
      }
      expect(toldOf(fake)).toEqual([held('30 s')]);
      expect(database.leases().map(({ owner, suspect }) => [owner, suspect])).toEqual([
        ['nightly import', true],
        ['at work', false],
      ]);
      const { revoked } = await database.flush('leaked');
      expect(revoked.map(({ owner }) => owner)).toEqual([idle.label]);
    },
  );

  it('is suspected after 30 s also where it is a read or a transaction with a limit of its own', async () => {
    await using fake = await fakeDatabase();
    const { database, clock } = fake;
    void rejectionOf(database.read('read', hang, { limitMs: 600_000 }));
    void rejectionOf(database.transaction('transaction', hang, { limitMs: 600_000, idleLimitMs: 600_000 }));
    await clock.advance(32_000);
    expect(toldOf(fake).map((line) => line.split(' has held')[0])).toEqual(['"read"', '"transaction"']);
    await database.flush('leaked');
  });

  it('is not suspected before its caller wants to be told, where that is later', async () => {
    await using fake = await fakeDatabase();
    // Held: what nobody has any more is a leak of which the collector tells.
    await using session = await fake.database.session('long', { timeoutMs: 600_000, leakAfterMs: 300_000 });
    await fake.clock.advance(299_000);
    expect([session.label, ...toldOf(fake)]).toEqual(['long']);
    await fake.clock.advance(2_000);
    expect(toldOf(fake)).toHaveLength(1);
  });

  it('is suspected when its caller wants to be told, whatever its limit is: a session, a read, a transaction', async () => {
    await using fake = await fakeDatabase({ poolSize: 3 });
    const { database, clock } = fake;
    const long = { limitMs: 600_000, leakAfterMs: 5_000 };
    const session = await database.session('session', { timeoutMs: 600_000, leakAfterMs: 5_000 });
    void database.read('read', hang, long).catch(() => undefined);
    void database.transaction('transaction', hang, { ...long, idleLimitMs: 600_000 }).catch(() => undefined);
    // What was begun counts as a use, which is noticed at the next look.
    await clock.advance(7_000);
    expect(toldOf(fake).map((line) => line.split(' has held')[0])).toEqual(['"session"', '"read"', '"transaction"']);
    for (const { acquiredAt } of database.leases()) expect(acquiredAt).toContain('leaks.test');
    const { revoked } = await database.flush('leaked');
    expect(revoked).toHaveLength(3);
    await session.close();
    for (const leakAfterMs of [-1, Number.NaN, Infinity, '5s' as unknown as number])
      for (const call of [
        () => database.session('wrong', { leakAfterMs }),
        () => database.read('wrong', hang, { leakAfterMs }),
        () => database.transaction('wrong', hang, { leakAfterMs }),
      ])
        expect(await rejectionOf(call())).toMatchObject({ code: 'HIVEDB_E_CONFIG' });
  });

  it('is known by the place of its call when its caller wants to be told, also where its database had to be opened first', async () => {
    await using fake = await fakeDatabase({
      prepare: (driver) => {
        driver.fail('connect', { kind: 'SERVER_UNAVAILABLE', times: 3 });
      },
    });
    const { database, clock } = fake;
    await clock.advance(1_000);
    const calls = [
      function readingHere() {
        return database.read('use', hang, { leakAfterMs: 5_000 });
      },
      function readingElsewhere() {
        return database.read('use', hang, { leakAfterMs: 5_000 });
      },
    ];
    for (const call of calls) call().catch(() => undefined);
    await clock.advance(100);
    // The label knows but one of them.
    expect(database.leases().map(({ acquiredAt }) => acquiredAt)).toEqual([
      expect.stringMatching(/readingHere .*leaks\.test/),
      expect.stringMatching(/readingElsewhere .*leaks\.test/),
    ]);
  });

  it('is suspected when its database says, else when the process says', async () => {
    await using fake = await fakeDatabase({ leakAfterMs: 5_000 });
    await forgottenHere(fake.database, 'forgotten');
    await fake.clock.advance(5_000);
    expect(fake.database.snapshot().leaks.suspects).toBe(1);
    const clock = new VirtualClock();
    await using other = await temporaryDatabase({ clock, thresholds: { leaseMs: 7_000 } });
    await using session = await forgottenHere(other.database, 'forgotten');
    await clock.advance(6_000);
    expect(other.database.snapshot().leaks.suspects).toBe(0);
    await clock.advance(2_000);
    expect(other.database.snapshot().leaks.suspects).toBe(1);
    await session.close();
  });
});

describe('a session that works', () => {
  it('is not suspected for as long as it runs statements', async () => {
    const clock = new VirtualClock();
    await using temporary = await temporaryDatabase({ clock });
    const { database } = temporary;
    await using session = await database.session('import');
    for (const use of [
      () => session.connection.all('SELECT 1'),
      () => session.connection.get('SELECT 1'),
      () => session.connection.exec('SELECT 1'),
      () => session.connection.iterate('SELECT 1').next(),
      () => session.transaction((tx) => tx.run('CREATE TABLE item (name TEXT)')),
    ]) {
      await use();
      await clock.advance(20_000);
      const [lease] = database.leases();
      expect(lease?.idleMs).toBeLessThanOrEqual(20_000);
      expect(lease?.idleMs).toBeGreaterThanOrEqual(19_000);
    }
    expect(database.snapshot().leaks.suspected).toBe(0);
  });

  it('is not suspected while a query builder works with its handle, in whatever way', async () => {
    const clock = new VirtualClock();
    await using temporary = await temporaryDatabase({ clock });
    const { database } = temporary;
    await using session = await database.session('import');
    const raw = session.connection.raw as SqliteHandle;
    const statement = raw.prepare('SELECT 1 UNION SELECT 2');
    const rows = statement.iterate();
    for (const use of [
      () => rows.next(),
      () => rows.return?.(),
      () => statement.get(),
      () => statement.all(),
      () => raw.exec('SELECT 1'),
      () => raw.pragma('user_version'),
      () => raw.transaction(() => statement.pluck().all())(),
    ]) {
      await clock.advance(20_000);
      use();
    }
    await clock.advance(20_000);
    expect(database.snapshot().leaks.suspected).toBe(0);
    await clock.advance(20_000);
    expect(database.snapshot().leaks.suspected).toBe(1);
  });

  it('is not suspected during a statement, or a transaction of its own, that takes long', async () => {
    await using fake = await fakeDatabase({ singleWriter: true });
    const { database, clock, driver } = fake;
    await using session = await database.session('import');
    driver.delay('statement', 100_000);
    const reading = session.connection.all('SELECT 1');
    await clock.advance(100_000);
    await reading;
    const limits = { limitMs: 200_000, idleLimitMs: 200_000 };
    const writing = session.transaction((tx) => tx.run('UPDATE item SET name = 1'), limits);
    await clock.advance(100_000);
    await writing;
    expect(toldOf(fake)).toEqual([]);
    await clock.advance(31_000);
    expect(toldOf(fake)).toHaveLength(1);
  });
});

describe('where a connection was borrowed', () => {
  it('is remembered of one read in so many, where that is set', async () => {
    await using fake = await fakeDatabase({ captureEvery: 3, captureApartMs: 0 });
    const known: boolean[] = [];
    for (let i = 0; i < 9; i++) known.push(await isKnown(fake.database, 'list'));
    expect(known.filter(Boolean)).toHaveLength(3);
  });

  it('is remembered of each read that comes a millisecond after the last, so that the first suspicion has its stack', async () => {
    await using fake = await fakeDatabase({ leakAfterMs: 5_000 });
    const { database, clock, logger } = fake;
    for (let i = 0; i < 3; i++) {
      await clock.advance(1);
      expect(await isKnown(database, 'list')).toBe(true);
      // In a dense stream, one a millisecond.
      expect(await isKnown(database, 'list')).toBe(false);
    }
    await clock.advance(1);
    const pause = Promise.withResolvers<undefined>();
    const slow = slowHere(database, pause.promise);
    await clock.advance(6_000);
    const [line] = logger.lines.filter(({ message }) => message.includes('looks like a leak'));
    expect(line?.fields).toMatchObject({
      label: 'slow',
      acquiredAt: expect.stringMatching(/^slowHere .*leaks\.test/) as string,
      stack: expect.stringContaining('slowHere') as string,
    });
    pause.resolve(undefined);
    await slow;
  });

  it('is remembered of every read of a label that was suspected once, and of no other, where nothing else is', async () => {
    await using fake = await fakeDatabase({ leakAfterMs: 5_000, captureApartMs: 0 });
    const { database, clock, logger } = fake;
    expect(await isKnown(database, 'slow')).toBe(false);
    const pause = Promise.withResolvers<undefined>();
    const slow = database.read('slow', () => pause.promise);
    await clock.advance(6_000);
    // The label knows where it is used, also before a lease does.
    const [line] = logger.lines.filter(({ message }) => message.includes('looks like a leak'));
    expect(line?.fields).toMatchObject({ acquiredAt: expect.stringContaining('leaks.test') as string });
    expect(line?.fields['stack']).toBeUndefined();
    pause.resolve(undefined);
    await slow;
    expect(await isKnown(database, 'slow')).toBe(true);
    expect(await isKnown(database, 'quick')).toBe(false);
  });
});

describe('a lease that the garbage collector found', () => {
  it('is said in the log with its label and where that is used', () => {
    const logger = recordingLogger();
    const labels = new Labels(new Activity(), new VirtualClock());
    labels.use('dropped');
    const context = { name: 'orders', logger, labels } as unknown as Parameters<typeof leakAlarms>[0];
    const lease = { id: 7, resourceId: 1, ageMs: 41_200, idleMs: 41_200, suspect: true, allowedMs: undefined };
    const alarms = leakAlarms(context, 'readers');
    alarms.collected?.({ ...lease, owner: 'dropped', acquiredAt: undefined });
    // Captured behind a wait that nobody awaits.
    alarms.collected?.({
      ...lease,
      owner: 'dropped',
      acquiredAt: 'Error: acquired\n    at async node:internal/any:1:1',
    });
    const told = {
      level: 'warn',
      message:
        '"dropped" has dropped a connection without giving it back: a leak, found by the garbage collector after 41.2 s',
      fields: {
        database: 'orders',
        label: 'dropped',
        heldMs: 41_200,
        acquiredAt: expect.stringContaining('leaks.test') as string,
      },
    };
    expect(logger.lines).toMatchObject([told, told]);
  });
});

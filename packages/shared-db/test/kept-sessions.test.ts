import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Connection, Database } from '@hive/shared-db';
import { VirtualClock, type TemporaryDatabase, type TemporaryDatabaseOptions } from '@hive/shared-db/testing';
import { Activity } from '../dist/activity.js';
import { Labels } from '../dist/labels.js';
import type { KeptSession, LentConnections } from '../dist/nesting/kept-session.js';
import { KeptSessions } from '../dist/nesting/kept-sessions.js';
import { passUntilSettled } from './support/fake-database.ts';
import { rejectionOf } from './support/outcome.ts';
import { recordingLogger, type RecordingLogger } from './support/recording-logger.ts';
import { shop } from './support/shop.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const CALL = { label: new Labels(new Activity(), new VirtualClock()).use('beside'), budget: undefined };
/** Who has them: what nobody has is found to be dropped. */
const LEASES: unknown[] = [];

describe('a call that waits for the sessions that its own caller keeps', () => {
  it('is told of after a second, with the place of each, and ends at its limit', async () => {
    await using stage = await twoConnections();
    const { clock, logger } = stage;
    const attempt = compare(stage);
    await clock.advance(999);
    expect(logger.said('warn')).toEqual([]);
    await clock.advance(1);
    expect(suspicionsOf(stage)).toEqual([
      expect.stringMatching(
        /^probably waits for itself: .*"third" waits for a connection, .* keeps "right", opened at compare .*kept-sessions\.test\.ts.*, and "left", opened at compare .*kept-sessions\.test\.ts/,
      ),
    ]);
    const failed = rejectionOf(attempt);
    await passUntilSettled(clock, failed);
    expect(await failed).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT' });
    expect(suspicionsOf(stage)).toHaveLength(1);
  });

  it('is told of where each of several callers keeps one and asks for another', async () => {
    await using stage = await twoConnections();
    const { clock, database } = stage;
    const both = Promise.withResolvers<void>();
    let opened = 0;
    const request = async (name: string): Promise<void> => {
      await Promise.resolve();
      await using session = await database.session(`session of ${name}`);
      if (++opened === 2) both.resolve();
      await both.promise;
      await database.read(`read of ${name}`, one);
      await session.close();
    };
    const requests = Promise.allSettled([request('first'), request('second')]);
    await clock.advance(1_000);
    expect(suspicionsOf(stage)).toEqual([
      expect.stringMatching(/"read of first" .* its own caller keeps "session of first"/),
    ]);
    await passUntilSettled(clock, requests);
    expect((await requests).map(({ status }) => status)).toContain('rejected');
  });

  it('is told of where a budget has its most in sessions that are kept, though others have connections left', async () => {
    const budget = 'batch';
    await using stage = await twoConnections({ poolSize: 4, budgets: { batch: { max: 1 } } });
    const { clock, database } = stage;
    await using kept = await database.session('kept', { budget });
    const failed = rejectionOf(database.read('beside', one, { budget }));
    await clock.advance(1_000);
    expect(suspicionsOf(stage)).toEqual([
      expect.stringMatching(/"beside" waits for a connection of budget "batch", .* its own caller keeps "kept"/),
    ]);
    await passUntilSettled(clock, failed);
    expect(await failed).toMatchObject({ code: 'HIVEDB_E_POOL_TIMEOUT' });
    await kept.close();
  });

  it('fails at once where a function stands between that is proven to wait', async () => {
    await using stage = await twoConnections();
    const { clock, database } = stage;
    const attempt = database.read('outer', async () => {
      await using session = await database.session('kept');
      await database.read('middle', () => Promise.resolve(session));
    });
    const nested = rejectionOf(
      database.session('by its caller', async () => {
        await attempt.catch(() => undefined);
        await database.read('one', () => database.read('two', () => database.read('three', one)));
      }),
    );
    await passUntilSettled(clock, nested);
    expect(await nested).toMatchObject({ code: 'HIVEDB_E_SELF_DEADLOCK' });
  });
});

describe('a call that waits while somebody keeps sessions', () => {
  it('is not suspected while these are used', async () => {
    await using stage = await twoConnections();
    const { clock, database } = stage;
    await using left = await database.session('left');
    await using right = await database.session('right');
    const beside = database.read('beside', one);
    for (let ms = 0; ms < 3_000; ms += 100) {
      await clock.advance(100);
      await Promise.all([left, right].map((session) => session.connection.all('SELECT 1')));
    }
    expect(suspicionsOf(stage)).toEqual([]);
    await left.close();
    await passUntilSettled(clock, beside);
    await expect(beside).resolves.toEqual({ one: 1 });
  });

  it('is not suspected where its caller has closed all that he had', async () => {
    await using stage = await twoConnections();
    const { database } = stage;
    for (let times = 0; times < 3; times++) {
      await using first = await database.session('first');
      await using second = await database.session('second');
      await Promise.all([first.close(), second.close()]);
    }
    await using theirs = await somebodyElse(database, 2);
    const waited = await waitFor(theirs, stage);
    expect(waited).toEqual({ got: { one: 1 }, suspicions: [] });
  });

  it('is not suspected where one of them is somebody’s who waits for nothing', async () => {
    await using stage = await twoConnections();
    const { database } = stage;
    await using theirs = await somebodyElse(database, 1);
    await using mine = await database.session('mine');
    const waited = await waitFor(theirs, stage);
    expect(waited).toEqual({ got: { one: 1 }, suspicions: [] });
    await mine.close();
  });

  it('is not suspected for a session that could not be opened, or was taken away', async () => {
    await using stage = await twoConnections();
    const { clock, database } = stage;
    const aborted = rejectionOf(database.session('aborted', { signal: AbortSignal.abort() }));
    expect(await aborted).toMatchObject({ code: 'HIVEDB_E_ABORTED' });
    await database.session('expired', { timeoutMs: 50 });
    await clock.advance(50);
    await using theirs = await somebodyElse(database, 2);
    const waited = await waitFor(theirs, stage);
    expect(waited).toEqual({ got: { one: 1 }, suspicions: [] });
  });
});

describe('the watch over a call of who keeps a session', () => {
  it('looks again where the session is known only later to be unused, and tells of a database once a second at most', async () => {
    const { clock, logger, kept } = keeping();
    const connections = lentTo(1, () => clock.now() - 1_000);
    opened(kept, 'kept', { connections });
    const end = Promise.withResolvers<void>();
    const calls = Array.from({ length: 500 }, () => kept.watch(connections, CALL, end.promise));
    await clock.advance(1_000);
    expect(logger.said('warn')).toEqual([]);
    await clock.advance(1_000);
    expect(logger.said('warn')).toEqual([
      'probably waits for itself: database test, "beside" waits for a connection, and everybody who has one waits in turn; its own caller keeps "kept", opened at nobody knows where; close what is kept before more is asked for, or use it',
    ]);
    end.resolve();
    await expect(Promise.all(calls)).resolves.toHaveLength(500);
  });

  it('asks once for all that wait for the same, however many have called at once', async () => {
    const { clock, kept } = keeping();
    let looks = 0;
    const connections = { ...lentTo(1), inWayOf: () => (looks++, undefined) };
    opened(kept, 'kept', { connections });
    const end = Promise.withResolvers<void>();
    const calls = Array.from({ length: 500 }, () => kept.watch(connections, CALL, end.promise));
    await clock.advance(1_000);
    expect(looks).toBe(1);
    await clock.advance(1_000);
    expect(looks).toBe(2);
    end.resolve();
    await Promise.all(calls);
  });

  it('ends with the call, whether that gets its connection or not', async () => {
    const { clock, kept } = keeping();
    let looks = 0;
    const connections = { ...lentTo(1), inWayOf: () => (looks++, undefined) };
    const session = opened(kept, 'kept', { connections });
    const failed = rejectionOf(kept.watch(connections, CALL, Promise.reject(new Error('its own'))));
    expect(await failed).toMatchObject({ message: 'its own' });
    await expect(kept.watch(connections, CALL, Promise.resolve('got'))).resolves.toBe('got');
    await clock.advance(2_000);
    expect([looks, session.waits]).toEqual([0, 0]);
  });

  it('tells nothing while one more may be lent, or one of those who have one is not known', async () => {
    const { clock, logger, kept } = keeping();
    const [spare, strange] = [{ ...lentTo(1), inWayOf: () => undefined }, lentTo(2)];
    const end = Promise.withResolvers<void>();
    for (const connections of [spare, strange]) {
      opened(kept, 'kept', { connections });
      void kept.watch(connections, CALL, end.promise);
    }
    await clock.advance(5_000);
    expect(logger.said('warn')).toEqual([]);
    end.resolve();
  });
});

describe('the sessions that a context knows', () => {
  it('are those that are open, the last first', () => {
    const { kept } = keeping();
    const [first, second, third] = ['first', 'second', 'third'].map((label) => opened(kept, label));
    expect(labelsOf(kept)).toEqual(['third', 'second', 'first']);
    kept.over(second!);
    expect(labelsOf(kept)).toEqual(['third', 'first']);
    kept.over(first!);
    kept.over(third!);
    expect(kept.isHere).toBe(false);
  });

  it('are a hundred at most, however many were opened side by side', () => {
    const { kept } = keeping();
    const sessions = Array.from({ length: 20_000 }, (_, index) => opened(kept, `session ${index}`));
    expect(kept.here.length).toBeLessThanOrEqual(101);
    for (const session of sessions) kept.over(session);
    opened(kept, 'after them');
    expect(labelsOf(kept)).toEqual(['after them']);
  });

  it('are found to be over by the garbage collector where they were dropped, also while calls go on', async () => {
    const { kept } = keeping();
    const connections = lentTo(1);
    opened(kept, 'dropped', { connections, isHeld: false });
    expect(kept.isKept(connections, 1)).toBe(true);
    for (let turn = 0; turn < 100 && kept.isHere; turn++) {
      await turnOfTheLoop();
      // A call, and in the same turn of the loop what it leaves is collected.
      expect(kept.here.length).toBeLessThanOrEqual(1);
      collectGarbage();
    }
    expect(kept.isHere).toBe(false);
    // Nothing is left of it: who drops ten thousand has lost no memory by that.
    expect(kept.isKept(connections, 1)).toBe(false);
  });

  it('do not keep alive those that are over', async () => {
    const { kept } = keeping();
    const overlapping = (): WeakRef<KeptSession> => {
      const first = opened(kept, 'first');
      const second = opened(kept, 'second');
      kept.over(first);
      opened(kept, 'third');
      kept.over(second);
      return new WeakRef(first);
    };
    const first = overlapping();
    for (let turn = 0; turn < 100 && first.deref() !== undefined; turn++) {
      await turnOfTheLoop();
      // What was asked for in this turn would be kept for the rest of it.
      collectGarbage();
    }
    expect(first.deref()).toBeUndefined();
    expect(labelsOf(kept)).toEqual(['third']);
  });
});

interface Keeping {
  readonly clock: VirtualClock;
  readonly logger: RecordingLogger;
  readonly kept: KeptSessions;
}

function keeping(): Keeping {
  const clock = new VirtualClock();
  const logger = recordingLogger();
  return { clock, logger, kept: new KeptSessions(clock, logger) };
}

/** Connections of which so many are lent, and no other can be made. */
function lentTo(leases: number, idleMs: () => number = () => 1_000): LentConnections {
  return {
    database: 'test',
    inWayOf: () => Array.from({ length: leases }, (_, index) => ({ id: index + 1, idleMs: idleMs() })),
    askedAt: () => 'nobody knows where',
  };
}

/** A session of whoever calls this, with the first of the connections. */
function opened(
  kept: KeptSessions,
  label: string,
  {
    connections = lentTo(1),
    isHeld = true,
  }: { readonly connections?: LentConnections; readonly isHeld?: boolean } = {},
): KeptSession {
  const session = kept.begin();
  const lease = {};
  kept.has(session, lease, { of: connections, lease: 1, label });
  kept.enter(session);
  if (isHeld) LEASES.push(lease);
  return session;
}

function labelsOf(kept: KeptSessions): readonly (string | undefined)[] {
  return kept.here.map(({ connection }) => connection?.label);
}

async function turnOfTheLoop(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Keeps two and asks for a third. */
async function compare({ database }: TwoConnections): Promise<void> {
  await using left = await database.session('left');
  await using right = await database.session('right');
  await using third = await database.session('third');
  throw new Error(`${left.label}, ${right.label} and ${third.label} were had`);
}

interface TwoConnections extends TemporaryDatabase {
  readonly clock: VirtualClock;
  readonly logger: RecordingLogger;
}

async function twoConnections(options: TemporaryDatabaseOptions = {}): Promise<TwoConnections> {
  const clock = new VirtualClock();
  const logger = recordingLogger();
  return Object.assign(await shop({ clock, logger, poolSize: 2, ...options }), { clock, logger });
}

function suspicionsOf({ logger }: TwoConnections): readonly string[] {
  return logger.said('warn').filter((text) => text.startsWith('probably waits for itself'));
}

/** Reads behind sessions of somebody who gives them back after two seconds: what is got then, and what was suspected meanwhile. */
async function waitFor(theirs: AsyncDisposable, stage: TwoConnections): Promise<object> {
  const { clock, database } = stage;
  const waiting = database.read('waiting', one);
  await clock.advance(2_000);
  const suspicions = suspicionsOf(stage);
  await theirs[Symbol.asyncDispose]();
  await passUntilSettled(clock, waiting);
  return { got: await waiting, suspicions };
}

/** Sessions of a caller who has nothing to do with the one that asks for them. */
async function somebodyElse(database: Database, count: number): Promise<AsyncDisposable> {
  // What is awaited first leaves nothing behind in the context of who calls this.
  await Promise.resolve();
  const sessions = await Promise.all(Array.from({ length: count }, () => database.session('theirs')));
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(sessions.map((session) => session.close()));
    },
  };
}

function one(connection: Connection): Promise<unknown> {
  return connection.get('SELECT 1 AS one');
}

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Connection, Database } from '@hive/shared-db';
import { VirtualClock, type TemporaryDatabase } from '@hive/shared-db/testing';
import { HoldingSet } from '../dist/nesting/holding-set.js';
import type { Holdable } from '../dist/nesting/holding.js';
import { Holdings } from '../dist/nesting/holdings.js';
import type { KeptSession } from '../dist/nesting/kept-session.js';
import { KeptSessions } from '../dist/nesting/kept-sessions.js';
import { passUntilSettled } from './support/fake-database.ts';
import { rejectionOf } from './support/outcome.ts';
import { recordingLogger, type RecordingLogger } from './support/recording-logger.ts';
import { shop } from './support/shop.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const CONNECTION: Holdable = { what: 'a connection', holders: () => 1, askedAt: () => undefined };
const ABOUT = { held: CONNECTION, database: 'test', label: 'beside' };
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
        /^probably waits for itself: .*"third": it waits for a connection, called at compare .*kept-sessions\.test\.ts.* keeps "right", opened at compare .*kept-sessions\.test\.ts.*, and "left", opened at compare .*kept-sessions\.test\.ts/,
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
      expect.stringMatching(/"read of first": .* its own caller keeps "session of first"/),
      expect.stringMatching(/"read of second": .* its own caller keeps "session of second"/),
    ]);
    await passUntilSettled(clock, requests);
    expect((await requests).map(({ status }) => status)).toContain('rejected');
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
    const { clock, database } = stage;
    for (let times = 0; times < 3; times++) {
      await using first = await database.session('first');
      await using second = await database.session('second');
      await Promise.all([first.close(), second.close()]);
    }
    await using theirs = await somebodyElse(database, 2);
    const waiting = database.read('waiting', one);
    await clock.advance(2_000);
    expect(suspicionsOf(stage)).toEqual([]);
    await theirs[Symbol.asyncDispose]();
    await passUntilSettled(clock, waiting);
    await expect(waiting).resolves.toEqual({ one: 1 });
  });

  it('is not suspected where one of them is somebody’s who waits for nothing', async () => {
    await using stage = await twoConnections();
    const { clock, database } = stage;
    await using theirs = await somebodyElse(database, 1);
    await using mine = await database.session('mine');
    const waiting = database.read('waiting', one);
    await clock.advance(2_000);
    expect(suspicionsOf(stage)).toEqual([]);
    await theirs[Symbol.asyncDispose]();
    await passUntilSettled(clock, waiting);
    await expect(waiting).resolves.toEqual({ one: 1 });
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
    const waiting = database.read('waiting', one);
    await clock.advance(2_000);
    expect(suspicionsOf(stage)).toEqual([]);
    await theirs[Symbol.asyncDispose]();
    await passUntilSettled(clock, waiting);
    await expect(waiting).resolves.toEqual({ one: 1 });
  });
});

describe('a call beside a session that its caller keeps', () => {
  it('is made as it was asked for: what cannot be proven must not change it', async () => {
    const holdings = new Holdings(new VirtualClock(), recordingLogger());
    keepIn(holdings);
    const options = { timeoutMs: 5 };
    const given = await holdings.nested(ABOUT, options, (options) => Promise.resolve(options));
    expect(given).toBe(options);
  });

  it('is looked at once a second, and of those who wait with it nobody, where somebody who has what it waits for waits for nothing', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    const holdings = new Holdings(clock, logger);
    let asked = 0;
    const held = { ...CONNECTION, holders: () => ++asked && 2 };
    keepIn(holdings, held);
    const end = Promise.withResolvers<void>();
    const calls = Array.from({ length: 500 }, () => holdings.nested({ ...ABOUT, held }, {}, () => end.promise));
    await clock.advance(1_000);
    expect(asked).toBe(500);
    expect(logger.said('warn')).toEqual([]);
    end.resolve();
    await expect(Promise.all(calls)).resolves.toHaveLength(500);
  });

  it('is told of later where the session is known only then to be unused', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    const holdings = new Holdings(clock, logger);
    const held = { ...CONNECTION, idleMs: () => clock.now() - 1_000 };
    keepIn(holdings, held);
    const end = Promise.withResolvers<void>();
    const call = holdings.nested({ ...ABOUT, held }, {}, () => end.promise);
    await clock.advance(1_999);
    expect(logger.said('warn')).toEqual([]);
    await clock.advance(3_001);
    expect(logger.said('warn')).toHaveLength(1);
    end.resolve();
    await expect(call).resolves.toBeUndefined();
  });

  it('is not told of when it has come to its end', async () => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    const holdings = new Holdings(clock, logger);
    const held = { ...CONNECTION, idleMs: () => 1_000 };
    keepIn(holdings, held);
    const about = { ...ABOUT, held };
    const failed = rejectionOf(holdings.nested(about, {}, () => Promise.reject(new Error('its own'))));
    expect(await failed).toMatchObject({ message: 'its own' });
    const pending = holdings.nested(about, {}, () => new Promise(() => undefined));
    await clock.advance(2_000);
    expect(logger.said('warn')).toHaveLength(1);
    expect(pending).toBeInstanceOf(Promise);
  });
});

describe('the sessions that a context knows', () => {
  it('are those that are open, the last first', () => {
    const kept = new KeptSessions(new HoldingSet());
    const [first, second, third] = ['first', 'second', 'third'].map((label) => opened(kept, label));
    expect(kept.here.map(({ label }) => label)).toEqual(['third', 'second', 'first']);
    second?.over();
    expect(kept.here.map(({ label }) => label)).toEqual(['third', 'first']);
    first?.over();
    third?.over();
    expect(kept.here).toEqual([]);
  });

  it('are a hundred at most, however many were opened side by side', () => {
    const kept = new KeptSessions(new HoldingSet());
    const sessions = Array.from({ length: 20_000 }, (_, index) => opened(kept, `session ${index}`));
    expect(kept.here.length).toBeLessThanOrEqual(101);
    for (const session of sessions) session.over();
    opened(kept, 'after them');
    expect(kept.here.map(({ label }) => label)).toEqual(['after them']);
  });

  it('are found to be over by the garbage collector where they were dropped, also while calls go on', async () => {
    const kept = new KeptSessions(new HoldingSet());
    opened(kept, 'dropped', { id: 1, active: true }, false);
    for (let turn = 0; turn < 100 && kept.here.length > 0; turn++) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      // A call, and in the same turn of the loop what it leaves is collected.
      expect(kept.here.length).toBeLessThanOrEqual(1);
      collectGarbage();
    }
    expect(kept.here).toEqual([]);
  });

  it('do not keep alive those that are over', async () => {
    const kept = new KeptSessions(new HoldingSet());
    const overlapping = (): WeakRef<KeptSession> => {
      const first = opened(kept, 'first');
      const second = opened(kept, 'second');
      first.over();
      opened(kept, 'third');
      second.over();
      return new WeakRef(first);
    };
    const first = overlapping();
    for (let turn = 0; turn < 100 && first.deref() !== undefined; turn++) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      // What was asked for in this turn would be kept for the rest of it.
      collectGarbage();
    }
    expect(first.deref()).toBeUndefined();
    expect(kept.here.map(({ label }) => label)).toEqual(['third']);
  });
});

function opened(kept: KeptSessions, label: string, lease = { id: 1, active: true }, isHeld = true): KeptSession {
  const session = kept.begin();
  session.enter();
  session.has({ held: CONNECTION, lease, database: 'test', label });
  // Leases are held weakly, by who has them.
  if (isHeld) LEASES.push(lease);
  return session;
}

/** From here on a session is kept that has something. */
function keepIn(holdings: Holdings, held = CONNECTION): void {
  const session = holdings.keeping();
  session.enter();
  const lease = { id: 1, active: true };
  session.has({ held, lease, database: 'test', label: 'kept' });
  LEASES.push(lease);
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

async function twoConnections(): Promise<TwoConnections> {
  const clock = new VirtualClock();
  const logger = recordingLogger();
  return Object.assign(await shop({ clock, logger, poolSize: 2 }), { clock, logger });
}

function suspicionsOf({ logger }: TwoConnections): readonly string[] {
  return logger.said('warn').filter((text) => text.startsWith('probably waits for itself'));
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

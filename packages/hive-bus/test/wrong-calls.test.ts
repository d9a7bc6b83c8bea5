import {
  createConsumer,
  createRelay,
  deadEvents,
  forgetConsumer,
  handledOnce,
  handledOnceAsync,
  publish,
  publishAsync,
  retryDeadEvents,
  trim,
  trimHandled,
  type BusEvent,
  type NewEvent,
  type PublishOptions,
} from '@hive/hive-bus';
import type { SqliteDatabase, SyncTransaction, Transaction } from '@hive/shared-db';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Handler } from './support/handler.ts';
import { platform, type Platform } from './support/platform.ts';

/** Options of whatever kind, as plain JavaScript gives them. */
type Anything = never;
const event: NewEvent = { topic: 'a', payload: 1 };
const delivered = { source: 'app', topic: 'a', key: 'k' };
const nothing = (): Promise<void> => Promise.resolve();

/** What comes of a call, be it thrown or rejected with. */
async function refusalOf(call: () => unknown): Promise<unknown> {
  try {
    return { accepted: await call() };
  } catch (error) {
    return error;
  }
}

function consumerOf({ bus }: Platform, change: object = {}) {
  return createConsumer({
    bus,
    consumer: 'c',
    topics: ['a'],
    handle: new Handler().handle,
    ...change,
  });
}

describe('a wrong call', () => {
  let hive: Platform;
  beforeAll(async () => {
    hive = await platform();
  });
  afterAll(async () => {
    await hive[Symbol.asyncDispose]();
  });

  it.each<[string, (hive: Platform) => unknown, string]>([
    [
      'a misspelt option of a consumer',
      (hive) => consumerOf(hive, { topisc: ['a'] }),
      'createConsumer has no option "topisc"; there are bus, consumer, topics, handle, clock, logger, pollMs, maxAttempts, firstRetryMs, longestRetryMs, leaseMs, keepAlive; did you mean topics',
    ],
    [
      'a consumer’s clock',
      (hive) => consumerOf(hive, { clock: 5 }),
      'clock of createConsumer is 5; expected a clock, with',
    ],
    [
      'a consumer’s logger',
      (hive) => consumerOf(hive, { logger: {} }),
      'logger of createConsumer is a value of type object; expected a logger, with debug, info, warn, error',
    ],
    [
      'a misspelt option of stop',
      (hive) => consumerOf(hive).stop({ graceMS: 5 } as Anything),
      'stop has no option "graceMS"; there is graceMs; did you mean graceMs',
    ],
    [
      'no options of stop',
      (hive) => consumerOf(hive).stop(null as Anything),
      'stop was given null; expected an object with graceMs',
    ],
    [
      'a misspelt option of a relay’s stop',
      ({ app, bus }) => createRelay({ outbox: app, bus, source: 's' }).stop({ grace: 5 } as Anything),
      'stop has no option "grace"; there is graceMs; did you mean graceMs',
    ],
    [
      'a relay’s clock',
      ({ app, bus }) => createRelay({ outbox: app, bus, source: 's', clock: {} as Anything }),
      'clock of createRelay is a value of type object; expected a clock, with now, wallTime, after, nextTurn',
    ],
    [
      'a relay’s logger',
      ({ app, bus }) => createRelay({ outbox: app, bus, source: 's', logger: null as Anything }),
      'logger of createRelay is null; expected a logger',
    ],
    [
      'dead events of nothing',
      () => deadEvents(undefined as Anything, 'c'),
      'bus of deadEvents is missing; expected a SQLite',
    ],
    [
      'a misspelt limit of dead events',
      ({ bus }) => deadEvents(bus, 'c', { limits: 5 } as Anything),
      'deadEvents has no option "limits"; there is limit; did you mean limit',
    ],
    [
      'trying dead events of nothing again',
      () => retryDeadEvents({ bus: 5 as Anything, consumer: 'c', handle: nothing }),
      'bus of retryDeadEvents is 5; expected a SQLite database',
    ],
    [
      'trimming nothing',
      () => trim(null as Anything, { olderThanMs: 1 }),
      'bus of trim is null; expected a SQLite database',
    ],
    [
      'trimming by what is no clock',
      ({ bus }) => trim(bus, { olderThanMs: 1, clock: 7 as Anything }),
      'clock of trim is 7; expected a clock',
    ],
    [
      'forgetting what nothing has handled',
      () => trimHandled('app' as Anything, { olderThanMs: 1 }),
      'database of trimHandled is "app"; expected a SQLite database',
    ],
    [
      'forgetting a consumer of nothing',
      () => forgetConsumer({} as Anything, 'c'),
      'bus of forgetConsumer is a value of type',
    ],
    [
      'publishing into a database',
      ({ app }) => publish(app as unknown as SyncTransaction, event),
      'publish was given a value of type object; expected the transaction that the event is part of',
    ],
    [
      'publishing into nothing',
      () => publishAsync(undefined as unknown as Transaction, event),
      'publishAsync was given missing; expected the transaction',
    ],
    [
      'publishing into a transaction that awaits, without awaiting',
      ({ app }) => app.transaction('x', (tx) => Promise.resolve(publish(tx as unknown as SyncTransaction, event))),
      'publish was given a transaction that awaits; use publishAsync there',
    ],
    [
      'a misspelt option of publish',
      ({ app }) => app.write('x', (tx) => publish(tx, event, { clok: 1 } as PublishOptions)),
      'publish has no option "clok"; there are clock, uuid; did you mean clock',
    ],
    [
      'a clock of publish',
      ({ app }) => app.write('x', (tx) => publish(tx, event, { clock: 5 as Anything })),
      'clock of publish is 5; expected a clock',
    ],
    [
      'an identity of publish',
      ({ app }) => app.write('x', (tx) => publish(tx, event, { uuid: 'mine' as Anything })),
      'uuid of publish is "mine"; expected a function',
    ],
    [
      'handling once what is no event',
      ({ app }) => app.write('x', (tx) => handledOnce(tx, 'c', undefined as unknown as BusEvent)),
      'event of handledOnce is missing; expected the event that the handler was given',
    ],
    [
      'handling once an event without a key',
      ({ app }) => app.transaction('x', (tx) => handledOnceAsync(tx, 'c', { ...delivered, key: 5 as Anything })),
      'event of handledOnceAsync is a value of type object; expected the event',
    ],
    [
      'a misspelt option of handling once',
      ({ app }) => app.write('x', (tx) => handledOnce(tx, 'c', delivered, { clok: 5 } as Anything)),
      'handledOnce has no option "clok"; there is clock; did you mean clock',
    ],
  ])('is refused in one sentence, and nothing is written: %s', async (_, call, sentence) => {
    expect(await refusalOf(() => call(hive))).toMatchObject({
      code: 'HIVEDB_E_WRONG_USE',
      message: expect.stringContaining(sentence) as string,
    });
    expect(await hive.waiting()).toEqual([]);
    expect(handledIn(hive.app)).toBe(0);
  });
});

describe('an option that is undefined', () => {
  it('is as good as absent', async () => {
    await using hive = await platform();
    await using consumer = consumerOf(hive, { pollMs: undefined, clock: undefined, logger: undefined });
    await using relay = createRelay({ outbox: hive.app, bus: hive.bus, source: 's', pollMs: undefined } as never);
    expect([await relay.stop({ graceMs: undefined } as Anything), await consumer.stop()]).toEqual([
      undefined,
      { unfinished: [] },
    ]);
  });
});

function handledIn(database: SqliteDatabase): unknown {
  return database.readSync('handled', (c) => c.get('SELECT count(*) AS n FROM _bus_handled'))?.['n'];
}

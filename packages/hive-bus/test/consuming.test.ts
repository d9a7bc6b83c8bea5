import {
  deadEvents,
  createConsumer,
  createRelay,
  type Consumer,
  type ConsumerOptions,
  type Handle,
  type NewEvent,
} from '@hive/hive-bus';
import { VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { FaultyDatabase } from './support/faulty-database.ts';
import { Handler, HeldHandler } from './support/handler.ts';
import { numbered, platform, type Platform } from './support/platform.ts';
import { Records } from './support/records.ts';

type ClockedPlatform = Platform & {
  readonly clock: VirtualClock;
  /** Publishes and relays. */
  post(...events: readonly NewEvent[]): Promise<void>;
};

async function clockedPlatform(): Promise<ClockedPlatform> {
  const clock = new VirtualClock(1_700_000_000_000);
  const hive = await platform({ clock });
  return Object.assign(hive, {
    clock,
    post: async (...events: readonly NewEvent[]): Promise<void> => {
      await hive.publish(...events);
      const relay = createRelay({ outbox: hive.app, bus: hive.bus, source: 'app', clock });
      relay.start();
      await relay.stop();
    },
  });
}

describe('basic use: a consumer', () => {
  it('is given the whole event', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const handler = new Handler();
    await using consumer = createConsumer({ bus, clock, consumer: 'store', topics: ['study'], handle: handler.handle });
    await hive.post({ topic: 'study', key: 'k', payload: { deep: [1, null] } });
    consumer.start();
    await clock.settle();
    expect(handler.events).toEqual([
      { seq: 1, topic: 'study', source: 'app', key: 'k', payload: { deep: [1, null] }, publishedAt: 1_700_000_000_000 },
    ]);
    expect(handler.attempts).toEqual([1]);
  });

  it('handles each topic in order, also when events of several are mixed', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const handler = new Handler();
    await using consumer = createConsumer({ bus, clock, consumer: 'all', topics: ['a', 'b'], handle: handler.handle });
    await hive.post(...[1, 2, 3, 4, 5].flatMap((n) => [...numbered('a', n), ...numbered('b', n), ...numbered('c', n)]));
    consumer.start();
    await clock.settle();
    const of = (topic: string): readonly string[] => handler.calls.filter((call) => call.startsWith(topic));
    expect(of('a')).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5']);
    expect(of('b')).toEqual(['b:1', 'b:2', 'b:3', 'b:4', 'b:5']);
    expect(of('c')).toEqual([]);
  });

  it('handles one event of a topic at a time, and topics side by side', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const held = new HeldHandler();
    await using consumer = createConsumer({ bus, clock, consumer: 'all', topics: ['a', 'b'], handle: held.handle });
    await hive.post(...numbered('a', 1, 2), ...numbered('b', 1));
    consumer.start();
    await clock.advance(1_000);
    expect(held.calls.map(({ event }) => event.seq)).toEqual([1, 3]);
    held.calls[0]!.resolve();
    await clock.settle();
    expect(held.calls.map(({ event }) => event.seq)).toEqual([1, 3, 2]);
    for (const call of held.calls) call.resolve();
  });

  it('notices within one look what comes while it is idle, and only asks whether the bus has changed until then', async () => {
    await using hive = await clockedPlatform();
    const { clock } = hive;
    const bus = new FaultyDatabase(hive.bus);
    const handler = new Handler();
    await using consumer = createConsumer({ bus, clock, consumer: 'store', topics: ['a'], handle: handler.handle });
    consumer.start();
    await clock.advance(60_000);
    const idle = bus.writes;
    const { reads } = bus;
    await clock.advance(60_000);
    expect(bus.writes).toBe(idle);
    expect(bus.reads).toBe(reads);

    await hive.post(...numbered('a', 1));
    expect(handler.calls).toEqual([]);
    await clock.advance(100);
    expect(handler.calls).toEqual(['a:1']);
    // One to claim and one to advance.
    expect(bus.writes).toBe(idle + 2);
  });

  it('notices what comes while the connection with which it looks is closed and opened again', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const handler = new Handler();
    await using consumer = createConsumer({ bus, clock, consumer: 'store', topics: ['a'], handle: handler.handle });
    consumer.start();
    await clock.advance(1_000);
    // Each connection counts commits for itself, and all begin with the same number.
    await bus.flush('idle');
    await clock.advance(1_000);
    await hive.post(...numbered('a', 1));
    await bus.flush('idle');
    await clock.advance(100);
    expect(handler.calls).toEqual(['a:1']);
  });

  it('goes on after the last event that was handled when it starts again', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    await hive.post(...numbered('a', 1, 2));
    const handler = new Handler();
    for (const next of [3, 4]) {
      const consumer = createConsumer({ bus, clock, consumer: 'store', topics: ['a'], handle: handler.handle });
      consumer.start();
      await clock.settle();
      await consumer.stop();
      await hive.post(...numbered('a', next));
    }
    expect(handler.calls).toEqual(['a:1', 'a:2', 'a:3']);
  });

  it('has its own place, whatever others have handled', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    await hive.post(...numbered('a', 1, 2));
    for (const consumer of ['first', 'second']) {
      const handler = new Handler();
      const one = createConsumer({ bus, clock, consumer, topics: ['a'], handle: handler.handle });
      one.start();
      await clock.settle();
      await one.stop();
      expect(handler.calls).toEqual(['a:1', 'a:2']);
    }
  });

  it('tries a failed event again after growing pauses, and holds up no other topic', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const logger = new Records();
    const handler = new Handler();
    handler.failOn('a:1', 3);
    await using consumer = createConsumer({
      bus,
      clock,
      logger,
      consumer: 'store',
      topics: ['a', 'b'],
      handle: handler.handle,
      firstRetryMs: 1_000,
      longestRetryMs: 2_000,
    });
    await hive.post(...numbered('a', 1, 2), ...numbered('b', 1));
    consumer.start();
    await clock.settle();
    expect(handler.calls.toSorted()).toEqual(['a:1', 'b:1']);
    await clock.advance(999);
    await hive.post(...numbered('b', 2), ...numbered('a', 3));
    expect(handler.calls.filter((call) => call.startsWith('a'))).toEqual(['a:1']);
    await clock.advance(1);
    await clock.advance(2_000);
    expect(handler.calls.filter((call) => call.startsWith('a'))).toEqual(['a:1', 'a:1', 'a:1']);
    await clock.advance(2_000);
    expect(handler.calls.filter((call) => call.startsWith('a'))).toEqual(['a:1', 'a:1', 'a:1', 'a:1', 'a:2', 'a:3']);
    expect(handler.calls.filter((call) => call.startsWith('b'))).toEqual(['b:1', 'b:2']);
    expect(logger.of('warn', 'error')).toMatchObject(
      [1_000, 2_000, 2_000].map((pauseMs, index) => ({
        level: 'warn',
        fields: { consumer: 'store', topic: 'a', seq: 1, failures: index + 1, pauseMs },
      })),
    );
  });

  it('keeps the pause and the count of attempts over a restart', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const handler = new Handler();
    handler.failOn('a:1', 2);
    const make = () =>
      createConsumer({
        bus,
        clock,
        consumer: 'store',
        topics: ['a'],
        handle: handler.handle,
        firstRetryMs: 10_000,
      });
    await hive.post(...numbered('a', 1));
    const first = make();
    first.start();
    await clock.settle();
    await first.stop();
    await using second = make();
    second.start();
    await clock.advance(9_999);
    expect(handler.attempts).toEqual([1]);
    await clock.advance(1);
    expect(handler.attempts).toEqual([1, 2]);
    await clock.advance(20_000);
    expect(handler.attempts).toEqual([1, 2, 3]);
  });

  it('takes a handler that throws at once for one that rejects', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    let calls = 0;
    await using consumer = createConsumer({
      bus,
      clock,
      consumer: 'store',
      topics: ['a'],
      handle: () => {
        if (++calls === 1) throw new Error('at once');
        return Promise.resolve();
      },
    });
    await hive.post(...numbered('a', 1));
    consumer.start();
    await clock.advance(10_000);
    expect(calls).toBe(2);
  });

  it('goes on where it was when the bus was out of reach for a while', async () => {
    await using hive = await clockedPlatform();
    const { clock } = hive;
    const logger = new Records();
    const bus = new FaultyDatabase(hive.bus);
    const handler = new Handler();
    await using consumer = createConsumer({
      bus,
      clock,
      logger,
      consumer: 'store',
      topics: ['a'],
      handle: handler.handle,
    });
    await hive.post(...numbered('a', 1, 2));
    // Registering fails, then claiming, then storing that the first event was handled, which is lost.
    bus.fail('before');
    consumer.start();
    await clock.settle();
    bus.fail('before');
    await clock.advance(100);
    await clock.settle();
    await clock.advance(200);
    expect(handler.calls).toEqual(['a:1', 'a:2']);
    expect(logger.of('warn', 'error').map(({ message }) => message)).toEqual([
      'the bus cannot be used; trying again',
      'the bus cannot be used; trying again',
    ]);
  });

  it.each(['before', 'after'] as const)(
    'repeats at most the event in hand when storing its place fails %s it was stored',
    async (fault) => {
      await using hive = await clockedPlatform();
      const { clock } = hive;
      const bus = new FaultyDatabase(hive.bus);
      const handler = new Handler();
      await using consumer = createConsumer({
        bus,
        clock,
        consumer: 'store',
        topics: ['a'],
        handle: async (event, delivery) => {
          await handler.handle(event, delivery);
          if (handler.calls.length === 2) bus.fail(fault);
        },
      });
      await hive.post(...numbered('a', 1, 2, 3));
      consumer.start();
      await clock.advance(1_000);
      const repeated = fault === 'before' ? ['a:2'] : [];
      expect(handler.calls).toEqual(['a:1', 'a:2', ...repeated, 'a:3']);
      // The bus was at fault and not the event: no attempt was counted.
      expect(new Set(handler.attempts)).toEqual(new Set([1]));
    },
  );

  it.each<[string, object, RegExp]>([
    ['an unknown option', { topic: 'a' }, /createConsumer has no option "topic"; there are bus, consumer, topics/],
    ['no bus', { bus: undefined }, /bus of createConsumer is missing; expected a SQLite database/],
    ['a name that is none', { consumer: 'a b' }, /consumer of createConsumer is "a b"; expected/],
    ['no topics', { topics: [] }, /topics of createConsumer is .*; expected a list with at least one topic/],
    ['one topic outside a list', { topics: 'a' }, /topics of createConsumer is "a"; expected a list/],
    ['a wrong topic', { topics: ['a', 'B'] }, /a topic of createConsumer is "B"; expected/],
    ['a topic twice', { topics: ['a', 'b', 'a'] }, /topics of createConsumer has "a" twice/],
    ['no handler', { handle: undefined }, /handle of createConsumer is missing; expected a function/],
    ['pollMs as text', { pollMs: '100' }, /pollMs of createConsumer is "100"; expected a whole number from 1/],
    ['no attempts', { maxAttempts: 0 }, /maxAttempts of createConsumer is 0; expected a whole number from 1 to Inf/],
    ['half an attempt', { maxAttempts: 1.5 }, /maxAttempts of createConsumer is 1.5/],
    ['a lease of no time', { leaseMs: 0 }, /leaseMs of createConsumer is 0; expected a whole number from 100/],
    ['an endless pause', { longestRetryMs: Infinity }, /longestRetryMs of createConsumer is Infinity; expected/],
    ['a first pause of no time', { firstRetryMs: 0 }, /firstRetryMs of createConsumer is 0; expected/],
    ['keepAlive as text', { keepAlive: 'no' }, /keepAlive of createConsumer is "no"; expected true or false/],
  ])('refuses %s', async (_, change, message) => {
    await using hive = await platform();
    const options = { bus: hive.bus, consumer: 'store', topics: ['a'], handle: new Handler().handle, ...change };
    expect(() => createConsumer(options as ConsumerOptions)).toThrow(message);
  });
});

describe('stopping a consumer', () => {
  it('waits for the event in hand and begins no other', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const held = new HeldHandler();
    const consumer = createConsumer({ bus, clock, consumer: 'store', topics: ['a'], handle: held.handle });
    await hive.post(...numbered('a', 1, 2));
    consumer.start();
    await clock.settle();
    const stopped = consumer.stop();
    expect(consumer.stop()).toBe(stopped);
    await clock.advance(1_000);
    held.calls[0]!.resolve();
    expect(await stopped).toEqual({ unfinished: [] });
    expect(held.calls).toHaveLength(1);
    expect(() => {
      consumer.start();
    }).toThrow(/was stopped; create another one/);

    const handler = new Handler();
    await using next = createConsumer({ bus, clock, consumer: 'store', topics: ['a'], handle: handler.handle });
    next.start();
    await clock.settle();
    expect(handler.calls).toEqual(['a:2']);
  });

  it('gives up after its grace: the handler is told, and the event comes again without a counted attempt', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const logger = new Records();
    const held = new HeldHandler();
    const consumer = createConsumer({ bus, clock, logger, consumer: 'store', topics: ['a', 'b'], handle: held.handle });
    await hive.post(...numbered('a', 1));
    consumer.start();
    await clock.settle();
    const stopped = consumer.stop({ graceMs: 300 });
    await clock.advance(299);
    expect(held.calls[0]!.delivery.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(await stopped).toEqual({ unfinished: [{ topic: 'a', seq: 1 }] });
    expect(held.calls[0]!.delivery.signal.aborted).toBe(true);
    expect(logger.of('warn')).toMatchObject([{ fields: { consumer: 'store', unfinished: [{ topic: 'a', seq: 1 }] } }]);

    const handler = new Handler();
    await using next = createConsumer({ bus, clock, consumer: 'store', topics: ['a'], handle: handler.handle });
    next.start();
    // The handler that was given up may still be at it: nobody begins before a lease has passed.
    await clock.advance(4_999);
    expect(handler.calls).toEqual([]);
    await clock.advance(1);
    expect(handler.attempts).toEqual([1]);
    held.calls[0]!.resolve();
    await clock.settle();
    // What became of it was said when it was given up.
    expect(logger.of('warn')).toHaveLength(1);
  });

  it('does not count an attempt that was ended by the stop', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const held = new HeldHandler();
    const consumer = createConsumer({ bus, clock, consumer: 'store', topics: ['a'], handle: held.handle });
    await hive.post(...numbered('a', 1));
    consumer.start();
    await clock.settle();
    const stopped = consumer.stop();
    held.calls[0]!.reject(new Error('told to end'));
    await stopped;
    const handler = new Handler();
    await using next = createConsumer({ bus, clock, consumer: 'store', topics: ['a'], handle: handler.handle });
    next.start();
    await clock.settle();
    expect(handler.attempts).toEqual([1]);
  });

  it('does not wait out a pause', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const handler = new Handler();
    handler.failOn('a:1');
    const consumer = createConsumer({ bus, clock, consumer: 'store', topics: ['a'], handle: handler.handle });
    await hive.post(...numbered('a', 1));
    consumer.start();
    await clock.settle();
    expect(await consumer.stop()).toEqual({ unfinished: [] });
    expect(clock.aliveTimers).toBe(0);
  });
});

/** Two consumers that would be two processes, with handlers of their own. */
function pairOf(
  { bus, clock }: Platform & { clock: VirtualClock },
  first: Handle,
  second: Handle,
): [Consumer, Consumer] {
  const options = { bus, clock, consumer: 'store', topics: ['a'] };
  return [createConsumer({ ...options, handle: first }), createConsumer({ ...options, handle: second })];
}

describe('two consumers of one name', () => {
  it('do not handle one topic at the same time: the second waits for the first', async () => {
    await using hive = await clockedPlatform();
    const [held, handler] = [new HeldHandler(), new Handler()];
    const consumers = pairOf(hive, held.handle, handler.handle);
    await hive.post(...numbered('a', 1, 2));
    for (const consumer of consumers) {
      consumer.start();
      await hive.clock.settle();
    }
    // Far longer than a lease: the first one renews it, and the second one only looks.
    const before = hive.bus.snapshot().counters.writes;
    await hive.clock.advance(60_000);
    expect(handler.calls).toEqual([]);
    expect(hive.bus.snapshot().counters.writes - before).toBeLessThan(60_000 / 1_000);
    held.calls[0]!.resolve();
    await hive.clock.settle();
    expect(held.calls.map(({ event }) => event.payload)).toEqual([1, 2]);
    held.calls[1]!.resolve();
    await hive.clock.settle();

    await consumers[0].stop();
    await hive.post(...numbered('a', 3));
    await hive.clock.advance(100);
    expect(handler.calls).toEqual(['a:3']);
    await consumers[1].stop();
  });

  it('take over at once from one that was stopped', async () => {
    await using hive = await clockedPlatform();
    const [held, handler] = [new HeldHandler(), new Handler()];
    const consumers = pairOf(hive, held.handle, handler.handle);
    await hive.post(...numbered('a', 1, 2));
    for (const consumer of consumers) {
      consumer.start();
      await hive.clock.settle();
    }
    const stopped = consumers[0].stop();
    held.calls[0]!.resolve();
    await stopped;
    await hive.clock.advance(100);
    expect(handler.calls).toEqual(['a:2']);
    await consumers[1].stop();
  });

  it('take over from one that is silent for a lease; when it comes back it changes nothing', async () => {
    await using hive = await clockedPlatform();
    const { clock } = hive;
    const [held, handler] = [new HeldHandler(), new Handler()];
    const logger = new Records();
    const silent = new FaultyDatabase(hive.bus);
    const options = { clock, logger, consumer: 'store', topics: ['a'] };
    const first = createConsumer({ ...options, bus: silent, handle: held.handle });
    const second = createConsumer({ ...options, bus: hive.bus, handle: handler.handle });
    await hive.post(...numbered('a', 1, 2));
    first.start();
    await clock.settle();
    // Its renewals are lost, as if its event loop stood still.
    silent.fail(...Array<'before'>(10).fill('before'));
    second.start();
    await clock.advance(4_900);
    expect(handler.calls).toEqual([]);
    await clock.advance(200);
    expect(handler.calls).toEqual(['a:1', 'a:2']);
    // The attempt that nobody heard of counts.
    expect(handler.attempts).toEqual([2, 1]);
    await clock.advance(30_000);
    expect(held.calls[0]!.delivery.signal.aborted).toBe(true);
    held.calls[0]!.resolve();
    await clock.advance(1_000);
    expect(logger.of('warn').map(({ message }) => message)).toEqual([
      'another process took over while an event was being handled; it may be handled twice',
    ]);
    expect(await hive.bus.read('look', (c) => c.all('SELECT seq, holder FROM consumers'))).toEqual([
      { seq: 2, holder: null },
    ]);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('an event that one of them handled is not put aside by another that was silent and then failed', async () => {
    await using hive = await clockedPlatform();
    const { clock } = hive;
    const [held, handler] = [new HeldHandler(), new Handler()];
    const silent = new FaultyDatabase(hive.bus);
    const options = { clock, consumer: 'store', topics: ['a'] };
    const first = createConsumer({ ...options, bus: silent, handle: held.handle, maxAttempts: 1 });
    const second = createConsumer({ ...options, bus: hive.bus, handle: handler.handle });
    await hive.post(...numbered('a', 1));
    first.start();
    await clock.settle();
    silent.fail(...Array<'before'>(10).fill('before'));
    second.start();
    await clock.advance(5_100);
    expect(handler.calls).toEqual(['a:1']);
    await clock.advance(30_000);
    held.calls[0]!.reject(new Error('too late'));
    await clock.advance(1_000);
    expect(await deadEvents(hive.bus, 'store')).toEqual([]);
    await Promise.all([first.stop(), second.stop()]);
  });

  it('respect each other’s pauses', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const handler = new Handler();
    handler.failOn('a:1', 2);
    const options = { bus, clock, consumer: 'store', topics: ['a'], handle: handler.handle, firstRetryMs: 1_000 };
    await using first = createConsumer(options);
    await using second = createConsumer(options);
    await hive.post(...numbered('a', 1));
    first.start();
    second.start();
    await clock.advance(999);
    expect(handler.attempts).toEqual([1]);
    await clock.advance(1 + 1_999);
    expect(handler.attempts).toEqual([1, 2]);
    await clock.advance(101);
    expect(handler.attempts).toEqual([1, 2, 3]);
  });

  it('do not wait for ever when the clock was set back', async () => {
    await using hive = await clockedPlatform();
    const { bus, clock } = hive;
    const held = new HeldHandler();
    const killed = new FaultyDatabase(bus);
    const first = createConsumer({ bus: killed, clock, consumer: 'store', topics: ['a'], handle: held.handle });
    await hive.post(...numbered('a', 1));
    first.start();
    await clock.settle();
    killed.kill();

    const earlier = new VirtualClock(1_600_000_000_000);
    const handler = new Handler();
    const second = createConsumer({ bus, clock: earlier, consumer: 'store', topics: ['a'], handle: handler.handle });
    second.start();
    await earlier.settle();
    expect(handler.calls).toEqual(['a:1']);
    await second.stop();
  });
});

import { createRelay, publish, type RelayOptions } from '@hive/hive-bus';
import { VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { FaultyDatabase } from './support/faulty-database.ts';
import { numbered, platform } from './support/platform.ts';
import { Records } from './support/records.ts';

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

describe('a relay', () => {
  it('moves what is published in its process without waiting for its next look', async () => {
    const clock = new VirtualClock();
    await using hive = await platform({ clock });
    await using relay = createRelay({ outbox: hive.app, bus: hive.bus, source: 'app', clock });
    relay.start();
    await clock.settle();
    await hive.publish(...numbered('study', 1, 2));
    await clock.settle();
    expect(await hive.relayed()).toEqual([1, 2]);
    expect(await hive.waiting()).toEqual([]);
    expect(clock.now()).toBe(0);
  });

  it('finds what was published before it started, and by others', async () => {
    const clock = new VirtualClock();
    await using hive = await platform({ clock });
    await hive.publish(...numbered('study', 1));
    await using relay = createRelay({ outbox: hive.app, bus: hive.bus, source: 'app', clock });
    relay.start();
    await clock.settle();
    expect(await hive.relayed()).toEqual([1]);

    // Another process rings no bell here.
    await hive.app.write('publish elsewhere', (tx) =>
      tx.run("INSERT INTO _bus_outbox (topic, key, payload, published_at) VALUES ('study', 'k', '2', 0)"),
    );
    await clock.advance(99);
    expect(await hive.relayed()).toEqual([1]);
    await clock.advance(1);
    expect(await hive.relayed()).toEqual([1, 2]);
  });

  it('keeps the order in which transactions committed, over many batches', async () => {
    await using hive = await platform();
    for (const first of [0, 250, 500]) await hive.publish(...numbered('study', ...upTo(250).map((n) => first + n)));
    const relay = createRelay({ outbox: hive.app, bus: hive.bus, source: 'app' });
    relay.start();
    await relay.stop();
    expect(await hive.relayed()).toEqual(upTo(750));
    expect(await hive.waiting()).toEqual([]);
  });

  it('moves large events a few at a time', async () => {
    await using hive = await platform();
    const large = 'x'.repeat(700_000);
    await hive.publish(...upTo(5).map((n) => ({ topic: 'large', payload: `${n}${large}` })));
    const bus = new FaultyDatabase(hive.bus);
    const relay = createRelay({ outbox: hive.app, bus, source: 'app' });
    relay.start();
    await relay.stop();
    // Two exceed the limit of a batch together, so that the third waits: 2 + 2 + 1.
    expect(bus.writes).toBe(3);
    expect((await hive.relayed()).map((payload) => String(payload)[0])).toEqual(['0', '1', '2', '3', '4']);
  });

  it.each([
    ['before the bus was written', 'bus', 'before'],
    ['after the bus was written, without knowing it', 'bus', 'after'],
    ['between the bus and the outbox', 'outbox', 'before'],
    ['after the outbox was cleared, without knowing it', 'outbox', 'after'],
  ] as const)('neither loses nor doubles an event when it fails %s', async (_, where, fault) => {
    const clock = new VirtualClock();
    await using hive = await platform({ clock });
    const bus = new FaultyDatabase(hive.bus);
    const outbox = new FaultyDatabase(hive.app);
    const logger = new Records();
    await using relay = createRelay({ outbox, bus, source: 'app', clock, logger });
    await hive.publish(...numbered('study', 1, 2, 3));
    (where === 'bus' ? bus : outbox).fail(fault);
    relay.start();
    await clock.settle();
    expect(logger.of('warn')).toMatchObject([
      {
        fields: { source: 'app', failures: 1, pauseMs: 100 },
        message: expect.stringContaining('they wait in the outbox') as unknown,
      },
    ]);
    await hive.publish(...numbered('study', 4));
    await clock.advance(100);
    expect(await hive.relayed()).toEqual([1, 2, 3, 4]);
    expect(await hive.waiting()).toEqual([]);
  });

  it('goes on where a relay that was killed between the two databases left off', async () => {
    await using hive = await platform();
    await hive.publish(...numbered('study', 1, 2));
    const killed = new FaultyDatabase(hive.app);
    killed.fail('before');
    const first = createRelay({ outbox: killed, bus: hive.bus, source: 'app' });
    first.start();
    await first.stop();
    expect([await hive.relayed(), await hive.waiting()]).toEqual([
      [1, 2],
      [1, 2],
    ]);

    const second = createRelay({ outbox: hive.app, bus: hive.bus, source: 'app' });
    second.start();
    await second.stop();
    expect([await hive.relayed(), await hive.waiting()]).toEqual([[1, 2], []]);
  });

  it('may clear late what another relay has moved without hitting what came since', async () => {
    await using hive = await platform();
    await hive.publish(...numbered('study', 1, 2));
    const outbox = new FaultyDatabase(hive.app);
    const original = outbox.write;
    const held = Promise.withResolvers<undefined>();
    const reached = Promise.withResolvers<undefined>();
    outbox.write = async (...args) => {
      reached.resolve(undefined);
      await held.promise;
      return original(...args);
    };
    const slow = createRelay({ outbox, bus: hive.bus, source: 'app' });
    slow.start();
    await reached.promise;

    const quick = createRelay({ outbox: hive.app, bus: hive.bus, source: 'app' });
    quick.start();
    await quick.stop();
    await hive.app.write('publish elsewhere', (tx) =>
      tx.run("INSERT INTO _bus_outbox (topic, key, payload, published_at) VALUES ('study', 'k', '3', 0)"),
    );
    held.resolve(undefined);
    await slow.stop();
    expect([await hive.relayed(), await hive.waiting()]).toEqual([[1, 2, 3], []]);
  });

  it('takes a key that comes again for the same event, and says when it is not', async () => {
    await using hive = await platform();
    const logger = new Records();
    const relay = createRelay({ outbox: hive.app, bus: hive.bus, source: 'app', logger });
    await hive.publish(
      { topic: 'study', key: 'k', payload: 1 },
      { topic: 'study', key: 'k', payload: 1 },
      { topic: 'study', key: 'k', payload: 2 },
      { topic: 'other', key: 'k', payload: 3 },
    );
    relay.start();
    await relay.stop();
    expect(await hive.relayed()).toEqual([1, 3]);
    expect(logger.of('warn', 'error')).toMatchObject([{ fields: { source: 'app', topic: 'study', key: 'k' } }]);
  });

  it('keeps the keys of two sources apart', async () => {
    await using first = await platform();
    await using second = await platform();
    for (const [source, hive] of Object.entries({ first, second })) {
      await hive.publish({ topic: 'study', key: 'k', payload: source });
      const relay = createRelay({ outbox: hive.app, bus: first.bus, source });
      relay.start();
      await relay.stop();
    }
    expect(await first.relayed()).toEqual(['first', 'second']);
  });

  it('tries again after growing pauses while the bus is out of reach, and publishing does not shorten them', async () => {
    const clock = new VirtualClock();
    await using hive = await platform({ clock });
    const bus = new FaultyDatabase(hive.bus);
    bus.fail('before', 'before', 'before');
    const logger = new Records();
    await using relay = createRelay({ outbox: hive.app, bus, source: 'app', clock, logger });
    relay.start();
    await hive.publish(...numbered('study', 1));
    await clock.advance(100 + 200);
    await hive.publish(...numbered('study', 2));
    await clock.advance(399);
    expect(bus.writes).toBe(3);
    await clock.advance(1);
    expect(await hive.relayed()).toEqual([1, 2]);
    const pauses = (): readonly number[] =>
      logger.of('warn').map(({ fields }) => (fields as { pauseMs: number }).pauseMs);
    expect(pauses()).toEqual([100, 200, 400]);
    // What was overcome makes no later pause longer.
    bus.fail('before');
    await hive.publish(...numbered('study', 3));
    await clock.advance(100);
    expect(await hive.relayed()).toEqual([1, 2, 3]);
    expect(pauses()).toEqual([100, 200, 400, 100]);
  });

  it('moves what was published before it is stopped, and nothing later', async () => {
    await using hive = await platform();
    const relay = createRelay({ outbox: hive.app, bus: hive.bus, source: 'app' });
    relay.start();
    await hive.publish(...numbered('study', 1));
    const stopped = relay.stop();
    expect(relay.stop()).toBe(stopped);
    await stopped;
    await hive.publish(...numbered('study', 2));
    await new Promise(setImmediate);
    expect([await hive.relayed(), await hive.waiting()]).toEqual([[1], [2]]);
    expect(() => {
      relay.start();
    }).toThrow(/was stopped; create another one/);
  });

  it('finishes the batch in hand when its grace is over, and leaves the rest', async () => {
    const clock = new VirtualClock();
    await using hive = await platform({ clock });
    await hive.publish(...numbered('study', ...upTo(250)));
    const outbox = new FaultyDatabase(hive.app);
    const original = outbox.write;
    outbox.write = (...args) => {
      clock.block(60);
      return original(...args);
    };
    const relay = createRelay({ outbox, bus: hive.bus, source: 'app', clock });
    relay.start();
    const stopped = relay.stop({ graceMs: 50 });
    await clock.settle();
    await stopped;
    expect([(await hive.relayed()).length, (await hive.waiting()).length]).toEqual([100, 150]);
  });

  it('does nothing when it is stopped before it was started', async () => {
    await using hive = await platform();
    await hive.publish(...numbered('study', 1));
    const relay = createRelay({ outbox: hive.app, bus: hive.bus, source: 'app' });
    await relay.stop();
    expect(await hive.waiting()).toEqual([1]);
  });

  it('hears nothing of a publication that was undone', async () => {
    const clock = new VirtualClock();
    await using hive = await platform({ clock });
    const bus = new FaultyDatabase(hive.bus);
    await using relay = createRelay({ outbox: hive.app, bus, source: 'app', clock });
    relay.start();
    const undone = hive.app.write('publish', (tx) => {
      publish(tx, { topic: 'study', payload: 1 });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await clock.advance(1_000);
    expect(bus.writes).toBe(0);
    expect(await hive.relayed()).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    ['an unknown option', { pollMS: 5 }, /createRelay has no option "pollMS"; there are outbox, bus, source/],
    ['no outbox', { outbox: undefined }, /outbox of createRelay is missing; expected a SQLite database/],
    ['no bus', { bus: {} }, /bus of createRelay is a value of type object; expected a SQLite database/],
    ['a source that is no name', { source: 'My App' }, /source of createRelay is "My App"; expected/],
    ['pollMs 0', { pollMs: 0 }, /pollMs of createRelay is 0; expected a whole number from 1/],
  ])('refuses %s', async (_, change, message) => {
    await using hive = await platform();
    const options = { outbox: hive.app, bus: hive.bus, source: 'app', ...change } as RelayOptions;
    expect(() => createRelay(options)).toThrow(message);
  });
});

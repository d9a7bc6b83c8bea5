import { createConsumer, createRelay, forgetConsumer, trim } from '@hive/hive-bus';
import { VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { Handler, HeldHandler } from './support/handler.ts';
import { numbered, platform, type Platform } from './support/platform.ts';

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

async function relay(hive: Platform): Promise<void> {
  const one = createRelay({ outbox: hive.app, bus: hive.bus, source: 'app' });
  one.start();
  await one.stop();
}

async function consume(hive: Platform, clock: VirtualClock, consumer: string, topics: readonly string[]) {
  const { bus } = hive;
  const { handle } = new Handler();
  await using one = createConsumer({ bus, clock, consumer, topics, handle });
  one.start();
  await clock.settle();
}

describe('trimming', () => {
  it('deletes what is old and handled by all consumers of its topic', async () => {
    const clock = new VirtualClock(1_000_000);
    await using hive = await platform({ clock });
    await hive.publish(...numbered('a', 1, 2), ...numbered('b', 3), ...numbered('c', 4));
    await clock.advance(1);
    await hive.publish(...numbered('a', 5));
    await relay(hive);
    await consume(hive, clock, 'first', ['a', 'b']);
    await clock.advance(1_000);
    // 5 is young, 4 has no consumer yet.
    expect(await trim(hive.bus, { olderThanMs: 1_000, clock })).toBe(3);
    expect(await hive.relayed()).toEqual([4, 5]);
  });

  it('keeps what one consumer has not handled', async () => {
    const clock = new VirtualClock(1_000_000);
    await using hive = await platform({ clock });
    await hive.publish(...numbered('a', 1, 2));
    await relay(hive);
    await consume(hive, clock, 'quick', ['a']);
    const held = new HeldHandler();
    const { bus } = hive;
    const slow = createConsumer({ bus, clock, consumer: 'slow', topics: ['a'], handle: held.handle });
    slow.start();
    await clock.settle();
    await clock.advance(1_000);
    expect(await trim(bus, { olderThanMs: 0, clock })).toBe(0);
    held.calls[0]!.resolve();
    await clock.settle();
    expect(await trim(bus, { olderThanMs: 0, clock })).toBe(1);
    expect(await hive.relayed()).toEqual([2]);
    held.calls[1]!.resolve();
    await slow.stop();
  });

  it('deletes many, a batch at a time', async () => {
    const clock = new VirtualClock(1_000_000);
    await using hive = await platform({ clock });
    await hive.publish(...numbered('a', ...upTo(1_300)));
    await relay(hive);
    await consume(hive, clock, 'store', ['a']);
    await clock.advance(1);
    expect(await trim(hive.bus, { olderThanMs: 0, clock })).toBe(1_300);
  });

  it('never gives a sequence number twice, so that a consumer stays where it was', async () => {
    const clock = new VirtualClock(1_000_000);
    await using hive = await platform({ clock });
    await hive.publish(...numbered('a', 1, 2));
    await relay(hive);
    await consume(hive, clock, 'store', ['a']);
    await clock.advance(1);
    expect(await trim(hive.bus, { olderThanMs: 0, clock })).toBe(2);
    await hive.publish(...numbered('a', 3));
    await relay(hive);
    const handler = new Handler();
    const { bus } = hive;
    await using again = createConsumer({ bus, clock, consumer: 'store', topics: ['a'], handle: handler.handle });
    again.start();
    await clock.settle();
    expect(handler.events).toMatchObject([{ seq: 3, payload: 3 }]);
  });

  it('does not wait for a consumer that was forgotten', async () => {
    const clock = new VirtualClock(1_000_000);
    await using hive = await platform({ clock });
    await consume(hive, clock, 'retired', ['a', 'b']);
    await hive.publish(...numbered('a', 1));
    await relay(hive);
    await consume(hive, clock, 'store', ['a']);
    await clock.advance(1);
    expect(await trim(hive.bus, { olderThanMs: 0, clock })).toBe(0);
    expect(await forgetConsumer(hive.bus, 'retired')).toBe(2);
    expect(await trim(hive.bus, { olderThanMs: 0, clock })).toBe(1);
  });

  it('refuses to guess an age', async () => {
    await using hive = await platform();
    await expect(trim(hive.bus, {} as { olderThanMs: number })).rejects.toThrow(/olderThanMs of trim is missing/);
    await expect(trim(hive.bus, { olderThanMs: -1 })).rejects.toThrow(/olderThanMs of trim is -1; expected a whole/);
  });
});

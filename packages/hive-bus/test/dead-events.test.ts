import { createConsumer, createRelay, deadEvents, retryDeadEvents, type ConsumerOptions } from '@hive/hive-bus';
import { VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { FaultyDatabase } from './support/faulty-database.ts';
import { Handler, HeldHandler } from './support/handler.ts';
import { numbered, platform, type Platform } from './support/platform.ts';
import { Records } from './support/records.ts';

const START = 1_700_000_000_000;

/** A platform with the events a:1, a:2, a:3 on its bus. */
async function scene(): Promise<{ hive: Platform; clock: VirtualClock } & AsyncDisposable> {
  const clock = new VirtualClock(START);
  const hive = await platform({ clock });
  await hive.publish(...numbered('a', 1, 2, 3));
  const relay = createRelay({ outbox: hive.app, bus: hive.bus, source: 'app', clock });
  relay.start();
  await relay.stop();
  return { hive, clock, [Symbol.asyncDispose]: () => hive[Symbol.asyncDispose]() };
}

async function run(
  { hive, clock }: { hive: Platform; clock: VirtualClock },
  handler: Handler,
  change: Partial<ConsumerOptions> = {},
): Promise<void> {
  const { handle } = handler;
  await using consumer = createConsumer({ bus: hive.bus, clock, consumer: 'store', topics: ['a'], handle, ...change });
  consumer.start();
  await clock.advance(200_000);
}

describe('an event that cannot be handled', () => {
  it('is put aside after ten attempts, with what was wrong, and its topic goes on', async () => {
    await using given = await scene();
    const { hive } = given;
    const logger = new Records();
    const handler = new Handler();
    handler.failOn('a:2', 99);
    await run(given, handler, { logger });
    expect(handler.calls).toEqual(['a:1', ...Array<string>(10).fill('a:2'), 'a:3']);
    expect(logger.of('error')).toMatchObject([
      { fields: { consumer: 'store', topic: 'a', seq: 2, source: 'app', failures: 10 } },
    ]);
    const [dead, ...rest] = await deadEvents(hive.bus, 'store');
    expect(rest).toEqual([]);
    expect(dead).toMatchObject({
      consumer: 'store',
      event: { seq: 2, topic: 'a', source: 'app', payload: 2, publishedAt: START },
      error: expect.stringContaining('no luck with a:2') as unknown,
      attempts: 10,
      // 0.2 + 0.4 + ... + 51.2 s of pauses.
      diedAt: START + 102_200,
    });
    expect(await deadEvents(hive.bus, 'other')).toEqual([]);
  });

  it('is tried for ever when that was asked for', async () => {
    await using given = await scene();
    const handler = new Handler();
    handler.failOn('a:1', 999);
    await run(given, handler, { maxAttempts: Infinity, firstRetryMs: 1_000, longestRetryMs: 1_000 });
    expect(handler.calls).toEqual(Array<string>(201).fill('a:1'));
    expect(await deadEvents(given.hive.bus, 'store')).toEqual([]);
  });

  it('is put aside also when it takes its process with it every time', async () => {
    await using given = await scene();
    const { hive, clock } = given;
    for (const attempt of [1, 2, 3]) {
      const held = new HeldHandler();
      const bus = new FaultyDatabase(hive.bus);
      const doomed = createConsumer({
        bus,
        clock,
        consumer: 'store',
        topics: ['a'],
        handle: held.handle,
        maxAttempts: 3,
      });
      doomed.start();
      await clock.advance(5_000);
      expect(held.calls.map(({ delivery }) => delivery.attempt)).toEqual([attempt]);
      bus.kill();
    }
    const handler = new Handler();
    await run(given, handler, { maxAttempts: 3 });
    expect(handler.calls).toEqual(['a:2', 'a:3']);
    expect(await deadEvents(hive.bus, 'store')).toMatchObject([
      {
        event: { payload: 1 },
        attempts: 3,
        error: expect.stringContaining('nothing was heard of attempt 3') as unknown,
      },
    ]);
  });

  it('can be given to a handler again, which forgets it or remembers the newest error', async () => {
    await using given = await scene();
    const { hive } = given;
    const handler = new Handler();
    for (const n of [1, 2, 3]) handler.failOn(`a:${n}`, 99);
    await run(given, handler, { maxAttempts: 1 });
    expect(await deadEvents(hive.bus, 'store')).toHaveLength(3);
    expect(await deadEvents(hive.bus, 'store', { limit: 2 })).toHaveLength(2);

    const again: unknown[] = [];
    const report = await retryDeadEvents({
      bus: hive.bus,
      consumer: 'store',
      handle: ({ payload }) => {
        again.push(payload);
        return payload === 2 ? Promise.reject(new Error('still no luck')) : Promise.resolve();
      },
    });
    expect(again).toEqual([1, 2, 3]);
    expect(report).toEqual({ handled: 2, failed: 1 });
    expect(await deadEvents(hive.bus, 'store')).toMatchObject([
      { event: { payload: 2 }, attempts: 2, error: expect.stringContaining('still no luck') as unknown },
    ]);
  });

  it('has an error of bearable length', async () => {
    await using given = await scene();
    await run(given, new Handler(), {
      maxAttempts: 1,
      handle: () => Promise.reject(new Error('x'.repeat(1_000_000))),
    });
    const [dead] = await deadEvents(given.hive.bus, 'store');
    expect(dead?.error).toHaveLength(4_000);
  });
});

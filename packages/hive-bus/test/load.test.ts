import { createConsumer, createRelay, deadEvents, publish, publishAsync } from '@hive/hive-bus';
import { describe, expect, it } from 'vitest';
import { platform } from './support/platform.ts';
import { Records } from './support/records.ts';

const WORKERS = 8;
const ROUNDS = 30;
const CONSUMERS = ['mail', 'store'];

describe('sustained load with 8 workers', () => {
  it('ends without a failure: every consumer has handled every event once, in order, and nothing is left over', async () => {
    await using hive = await platform();
    const { app, bus } = hive;
    const logger = new Records();
    const all = Promise.withResolvers<undefined>();
    const handled = new Map(CONSUMERS.map((name) => [name, new Map<string, unknown[]>()]));
    let left = WORKERS * ROUNDS * CONSUMERS.length;
    await using parts = new AsyncDisposableStack();
    const topics = Array.from({ length: WORKERS }, (_, worker) => `worker-${worker}`);
    for (const [consumer, seen] of handled) {
      const one = createConsumer({
        bus,
        logger,
        consumer,
        topics,
        pollMs: 10,
        handle: ({ topic, payload }) => {
          seen.set(topic, [...(seen.get(topic) ?? []), payload]);
          if (--left === 0) all.resolve(undefined);
          return Promise.resolve();
        },
      });
      parts.use(one).start();
    }
    parts.use(createRelay({ outbox: app, bus, source: 'app', logger })).start();

    const work = async (topic: string): Promise<void> => {
      for (let payload = 0; payload < ROUNDS; payload++) {
        const event = { topic, payload };
        if (payload % 2 === 0) await app.write('publish', (tx) => publish(tx, event));
        else await app.transaction('publish', async (tx) => publishAsync(tx, event));
      }
    };
    await Promise.all(topics.map((topic) => work(topic)));
    await all.promise;
    await parts.disposeAsync();

    const expected = new Map(topics.map((topic) => [topic, Array.from({ length: ROUNDS }, (_, number) => number)]));
    for (const seen of handled.values()) expect(seen).toEqual(expected);
    for (const consumer of CONSUMERS) expect(await deadEvents(bus, consumer)).toEqual([]);
    expect(await hive.waiting()).toEqual([]);
    expect(logger.of('warn', 'error')).toEqual([]);
    for (const database of [app, bus])
      expect(database.snapshot()).toMatchObject({ counters: { rolledBack: 0, errors: {} }, pool: { leased: 0 } });
  });
});

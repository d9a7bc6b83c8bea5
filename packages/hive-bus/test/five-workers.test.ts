import { createConsumer, createRelay, handledOnce } from '@hive/hive-bus';
import { expect, describe, it } from 'vitest';
import { numbered, platform } from './support/platform.ts';

const WORKERS = 5;
const OPERATIONS = 50;

describe('5 workers x 50 operations', () => {
  it('each publishes to a topic of its own while all are consumed: none is lost or doubled, and each topic keeps its order', async () => {
    await using hive = await platform();
    const { app, bus } = hive;
    const topics = Array.from({ length: WORKERS }, (_, worker) => `worker-${worker}`);
    const all = Promise.withResolvers<undefined>();
    let left = WORKERS * OPERATIONS;
    await using consumer = createConsumer({
      bus,
      consumer: 'store',
      topics,
      pollMs: 10,
      handle: async (event) => {
        await app.write('store', (tx) => {
          if (handledOnce(tx, 'store', event))
            tx.run('INSERT INTO effects (what) VALUES (?)', `${event.topic}.${String(event.payload)}`);
        });
        if (--left === 0) all.resolve(undefined);
      },
    });
    await using relay = createRelay({ outbox: app, bus, source: 'app' });
    relay.start();
    consumer.start();
    const work = async (topic: string): Promise<void> => {
      for (let number = 0; number < OPERATIONS; number++) await hive.publish(...numbered(topic, number));
    };
    await Promise.all(topics.map((topic) => work(topic)));
    await all.promise;

    const effects = app.readSync('effects', (c) => c.all<{ what: string }>('SELECT what FROM effects ORDER BY id'));
    for (const topic of topics) {
      const own = effects.filter(({ what }) => what.startsWith(`${topic}.`)).map(({ what }) => what);
      expect(own).toEqual(Array.from({ length: OPERATIONS }, (_, number) => `${topic}.${number}`));
    }
    expect(effects).toHaveLength(WORKERS * OPERATIONS);
    await Promise.all([consumer.stop(), relay.stop()]);
    for (const database of [app, bus])
      expect(database.snapshot()).toMatchObject({ counters: { rolledBack: 0, errors: {} }, pool: { leased: 0 } });
  });
});

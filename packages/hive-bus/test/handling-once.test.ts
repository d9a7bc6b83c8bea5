import { handledOnce, handledOnceAsync, trimHandled } from '@hive/hive-bus';
import { VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { platform } from './support/platform.ts';

const event = { source: 'app', topic: 'study', key: 'k' };

describe('handledOnce', () => {
  it('is true the first time and false from then on', async () => {
    await using hive = await platform();
    const once = () => hive.app.write('handle', (tx) => handledOnce(tx, 'store', event));
    expect([await once(), await once(), await once()]).toEqual([true, false, false]);
  });

  it('is true again when the transaction of the first time was undone', async () => {
    await using hive = await platform();
    const undone = hive.app.write('handle', (tx) => {
      handledOnce(tx, 'store', event);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await hive.app.write('handle', (tx) => handledOnce(tx, 'store', event))).toBe(true);
  });

  it('tells consumers, sources, topics and keys apart', async () => {
    await using hive = await platform();
    const events = [event, { ...event, source: 'other' }, { ...event, topic: 'other' }, { ...event, key: 'other' }];
    const answers = await hive.app.write('handle', (tx) =>
      ['store', 'other'].flatMap((consumer) => events.map((one) => handledOnce(tx, consumer, one))),
    );
    expect(answers).toEqual(Array(8).fill(true));
  });

  it('works in a transaction that may await', async () => {
    await using hive = await platform();
    const once = () => hive.app.transaction('handle', (tx) => handledOnceAsync(tx, 'store', event));
    expect([await once(), await once()]).toEqual([true, false]);
  });

  it('refuses a consumer that is no name', async () => {
    await using hive = await platform();
    await expect(hive.app.write('handle', (tx) => handledOnce(tx, 'My Store', event))).rejects.toThrow(
      /consumer of handledOnce is "My Store"; expected/,
    );
  });

  it('forgets what is old enough, and nothing else', async () => {
    const clock = new VirtualClock(1_000_000);
    await using hive = await platform({ clock });
    const remember = (...keys: readonly string[]) =>
      hive.app.write('handle', (tx) => keys.map((key) => handledOnce(tx, 'store', { ...event, key }, { clock })));
    await remember(...Array.from({ length: 1_200 }, (_, n) => `old ${n}`));
    await clock.advance(1);
    await remember('young');
    await clock.advance(1_000);
    expect(await trimHandled(hive.app, { olderThanMs: 1_000, clock })).toBe(1_200);
    expect(await remember('old 1', 'young')).toEqual([true, false]);
  });
});

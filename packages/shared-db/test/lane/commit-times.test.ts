import { describe, expect, it } from 'vitest';
import { VirtualClock } from '@hive/shared-db/testing';
import { shop } from '../support/shop.ts';

describe('the times of commits', () => {
  it('are known since the start, and how late the latest of the last minutes were', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock, durability: 'normal' });
    const { database } = temporary;
    const work = (): unknown => database.snapshot().lane.work;
    const take = async (ms: number, times: number): Promise<void> => {
      for (let n = 0; n < times; n++)
        await database.write('save', () => {
          clock.block(ms);
        });
    };
    await take(20, 5);
    expect(work()).toMatchObject({
      groups: 5,
      members: 5,
      commitTime: { count: 5, maxMs: 20 },
      lateCommitMs: undefined,
    });
    await take(1, 95);
    expect(work()).toMatchObject({ groups: 100, lateCommitMs: 20 });
    await clock.advance(60_000);
    await take(1, 100);
    expect(work()).toMatchObject({ groups: 200, lateCommitMs: 20 });
    await clock.advance(60_000);
    await take(1, 100);
    expect(work()).toMatchObject({ groups: 300, commitTime: { maxMs: 20 }, lateCommitMs: 1 });
    await clock.advance(120_000);
    expect(work()).toMatchObject({ lateCommitMs: undefined });
  });

  it('are those of transactions as well, without what their functions take', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock, durability: 'full' });
    const { database } = temporary;
    await database.transaction('save', async (tx) => {
      clock.block(50);
      await tx.run("INSERT INTO item (name) VALUES ('a')");
      // When it is committed, and before anybody can hear of its sync: that takes a turn of the event loop.
      process.nextTick(() => {
        clock.block(20);
      });
    });
    expect(database.snapshot().lane.work).toMatchObject({ groups: 0, commitTime: { count: 1, maxMs: 20 } });
  });

  it('of few are late when half of them are: who writes once a second has a slow disk as well', async () => {
    const clock = new VirtualClock();
    await using temporary = await shop({ clock, durability: 'normal' });
    const { database, service } = temporary;
    const late = (): unknown => database.snapshot().lane.work.lateCommitMs;
    const take = (ms: number): Promise<void> =>
      database.write('save', () => {
        clock.block(ms);
      });
    for (let n = 0; n < 26; n++) await take(20);
    for (let n = 0; n < 23; n++) await take(1);
    expect(late()).toBeUndefined();
    await take(1);
    expect(late()).toBe(20);
    expect(service.verdict().reasons.map(({ code }) => code)).toContain('slow-commits');
    for (let n = 0; n < 2; n++) await take(1);
    expect(late()).toBeLessThan(2);
  });
});

import { writeFileSync } from 'node:fs';
import { systemClock } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
// By themselves: how long a real disk takes cannot be told.
import { LogSync } from '../../dist/lane/log-sync.js';
import { SyncPace } from '../../dist/lane/sync-pace.js';

/** Lone syncs one after the other, on a disk that takes so long for each: how many of them stop the event loop. */
function madeAtOnce(pace: SyncPace, syncs: number, ms: number, wayMs = 0): number {
  let stops = 0;
  for (let n = 0; n < syncs; n++) {
    if (pace.isAtOnce()) {
      stops++;
      pace.tookAtOnce(ms);
    } else pace.tookElsewhere(ms + wayMs);
  }
  return stops;
}

describe('a log whose syncs are quick', () => {
  it('is synced elsewhere after one that was slow, until some have been quick again', async () => {
    using directory = temporaryDirectory();
    const path = directory.file('test.db');
    writeFileSync(`${path}-wal`, '');
    let now = 0;
    let tookMs = 0.2;
    // It is read before each sync and after it.
    const log = new LogSync(path, { ...systemClock, now: () => (now += tookMs) });
    const sync = (ms: number): void => {
      tookMs = ms;
      log.syncNow();
    };
    for (let n = 0; n < 5; n++) sync(0.2);
    expect(log.isAtOnce()).toBe(true);
    // A little noise is none.
    sync(3);
    expect(log.isAtOnce()).toBe(true);
    for (let n = 0; n < 5; n++) sync(0.2);
    // The event loop stood still for it: that once is enough.
    sync(200);
    expect(log.isAtOnce()).toBe(false);
    for (let n = 0; n < 15; n++) sync(0.2);
    expect(log.isAtOnce()).toBe(true);
    await log.close();
  });

  it('is synced at once again where only the way to the thread pool and back takes long', () => {
    const pace = new SyncPace();
    pace.tookAtOnce(200);
    expect(madeAtOnce(pace, 1_000, 0.3, 3)).toBeGreaterThan(980);
  });
});

describe('a log whose syncs are slow', () => {
  it('stops the event loop less and less often to find out whether they still are', () => {
    const pace = new SyncPace();
    madeAtOnce(pace, 100, 20);
    expect(madeAtOnce(pace, 1_000, 20)).toBeLessThan(6);
    expect(madeAtOnce(pace, 10_000, 20)).toBeLessThan(14);
  });

  it('is synced at once within a thousand when they have become quick', () => {
    const pace = new SyncPace();
    madeAtOnce(pace, 10_000, 20);
    expect(madeAtOnce(pace, 2_000, 0.3, 3)).toBeGreaterThan(900);
  });
});

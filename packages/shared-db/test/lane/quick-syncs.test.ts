import { writeFileSync } from 'node:fs';
import { systemClock } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
// By itself: how long a real disk takes cannot be told.
import { LogSync } from '../../dist/lane/log-sync.js';

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
    expect(log.isQuick).toBe(true);
    // A little noise is none.
    sync(3);
    expect(log.isQuick).toBe(true);
    for (let n = 0; n < 5; n++) sync(0.2);
    // The event loop stood still for it: that once is enough.
    sync(200);
    expect(log.isQuick).toBe(false);
    for (let n = 0; n < 15; n++) sync(0.2);
    expect(log.isQuick).toBe(true);
    await log.close();
  });
});

import { createConsumer, createRelay, publish } from '@hive/hive-bus';
import { VirtualClock } from '@hive/shared-db/testing';
import { describe, expect, it } from 'vitest';
import { Handler, HeldHandler } from './support/handler.ts';
import { numbered, platform } from './support/platform.ts';
import { Records } from './support/records.ts';

const ROUNDS = 8;

describe('leak detection', () => {
  it('nothing stays borrowed, waiting or ticking after success, failure, undoing, and stopping in the middle', async () => {
    const clock = new VirtualClock(1_700_000_000_000);
    await using hive = await platform({ clock });
    const { app, bus } = hive;
    const logger = new Records();
    let begun = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const handler = new Handler();
      handler.failOn(`a:${round}`);
      const held = new HeldHandler();
      const one = createConsumer({ bus, clock, logger, consumer: 'one', topics: ['a'], handle: handler.handle });
      const other = createConsumer({ bus, clock, logger, consumer: 'other', topics: ['a'], handle: held.handle });
      const relay = createRelay({ outbox: app, bus, source: 'app', clock, logger });
      for (const part of [relay, one, other]) part.start();
      await hive.publish(...numbered('a', round));
      const undone = app.write('publish', (tx) => {
        publish(tx, { topic: 'a', payload: -1 }, { clock });
        throw new Error('undone');
      });
      await expect(undone).rejects.toThrow('undone');
      await clock.advance(5_000);
      expect(handler.calls).toEqual([`a:${round}`, `a:${round}`]);
      begun += held.calls.length;
      const stopped = Promise.all([relay.stop(), one.stop(), other.stop({ graceMs: 100 })]);
      await clock.advance(1_000);
      await stopped;
    }
    expect(begun).toBe(ROUNDS);
    expect(clock.aliveTimers).toBe(0);
    // Whoever were still there would look, and hear of this.
    const before = bus.snapshot().counters;
    await hive.publish(...numbered('a', ROUNDS));
    const { synchronousReads } = app.snapshot().counters;
    await clock.advance(60_000);
    expect({ ...bus.snapshot().counters }).toEqual({ ...before });
    expect(app.snapshot().counters.synchronousReads).toBe(synchronousReads);
    expect(await hive.waiting()).toEqual([ROUNDS]);
    for (const database of [app, bus]) {
      const { pool, lane, leases, waiters } = database.snapshot();
      expect({ leased: pool.leased, running: lane.running, waiting: pool.waiting + lane.waiting }).toEqual({
        leased: 0,
        running: 0,
        waiting: 0,
      });
      expect({ leases, waiters }).toEqual({ leases: [], waiters: [] });
    }
  });
});

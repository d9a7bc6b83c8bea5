import { describe, expect, it } from 'vitest';
import { WatchedClock } from '../support/watched-clock.ts';
import { WatchedWorld } from '../support/watched-world.ts';

describe('a watch over a database', () => {
  it('does nothing at all before somebody listens and after nobody does', async () => {
    const world = new WatchedWorld();
    const { clock, watch } = world;
    const quiet = async (): Promise<void> => {
      const { looks } = world;
      const timers = clock.timers;
      for (let n = 0; n < 10; n++) watch.committed();
      await clock.advance(10_000);
      expect({ looks: world.looks, timers: clock.timers, open: world.open }).toEqual({ looks, timers, open: 0 });
    };
    await quiet();
    const stops = [watch.listen(() => undefined, {}), watch.listen(() => undefined, {})];
    await clock.advance(1_000);
    expect(world.looks).toBeGreaterThan(9);
    expect(world.open).toBe(1);
    for (const stop of stops) stop();
    await quiet();
  });

  it('looks ten times a second for all who listen, and keeps no process alive for it', async () => {
    const world = new WatchedWorld();
    for (let n = 0; n < 50; n++) world.watch.listen(() => undefined, {});
    await world.clock.advance(100);
    const { looks } = world;
    await world.clock.advance(10_000);
    expect(world.looks - looks).toBe(100);
    expect(world.clock.aliveTimers).toBe(0);
  });

  it('looks at the same moments at all databases, which is one waking up for all of them', async () => {
    const clock = new WatchedClock();
    const worlds = Array.from({ length: 5 }, () => new WatchedWorld(clock));
    for (const { watch } of worlds) {
      watch.listen(() => undefined, {});
      await clock.advance(7);
    }
    await clock.advance(1_000);
    const looks = worlds.map((world) => world.looks);
    const moments = new Set<number>();
    for (let ms = 0; ms < 1_000; ms++) {
      const before = worlds.reduce((sum, world) => sum + world.looks, 0);
      await clock.advance(1);
      if (worlds.reduce((sum, world) => sum + world.looks, 0) > before) moments.add(clock.now());
    }
    expect(worlds.map((world, n) => world.looks - looks[n]!)).toEqual([10, 10, 10, 10, 10]);
    expect(moments.size).toBe(10);
  });

  it('tells who begins to listen of nothing that was committed before, and who listened already of it', async () => {
    const world = new WatchedWorld();
    const told: string[] = [];
    world.watch.listen(({ cause }) => told.push(`first: ${cause}`), {});
    await world.clock.advance(50);
    world.commits++;
    world.watch.listen(({ cause }) => told.push(`second: ${cause}`), {});
    await world.clock.advance(1_000);
    expect(told).toEqual(['first: commit']);
  });

  it('calls who wants that once at the beginning, though not at once', async () => {
    const world = new WatchedWorld();
    const told: unknown[] = [];
    world.watch.listen((change) => told.push(change), { initially: true });
    expect(told).toEqual([]);
    await world.clock.advance(1_000);
    expect(told).toEqual([{ database: 'world', cause: 'unseen' }]);
  });

  it('calls nobody before the database can be read', async () => {
    const world = new WatchedWorld();
    const told: string[] = [];
    world.obstacle = 'not ready';
    world.watch.listen(({ cause }) => told.push(cause), { initially: true });
    await world.clock.advance(1_000);
    expect(told).toEqual([]);
    world.obstacle = undefined;
    await world.clock.advance(1_000);
    expect(told).toEqual(['unseen']);
  });

  it('does not call certain what it owes a busy listener from a time in which it could not look', async () => {
    const world = new WatchedWorld();
    const told: string[] = [];
    const { promise: busy, resolve: done } = Promise.withResolvers<undefined>();
    world.watch.listen(({ cause }) => (told.push(cause), busy), { initially: true });
    await world.clock.advance(100);
    world.reconnect();
    await world.clock.advance(200);
    world.commits++;
    await world.clock.advance(200);
    done(undefined);
    await world.clock.advance(200);
    expect(told).toEqual(['unseen', 'unseen']);
  });

  it('says once that it cannot look, and tells everybody when it can again', async () => {
    const world = new WatchedWorld();
    const told: string[] = [];
    world.watch.listen(({ cause }) => told.push(cause), {});
    for (const expected of [1, 2]) {
      world.obstacle = 'failing';
      await world.clock.advance(5_000);
      expect({ told: told.length, failures: world.failures }).toEqual({ told: expected - 1, failures: expected });
      world.obstacle = undefined;
      await world.clock.advance(100);
      expect(told).toEqual(Array.from({ length: expected }, () => 'unseen'));
    }
  });
});

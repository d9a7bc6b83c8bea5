import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replay } from '../support/replay.ts';
import { WatchedWorld, type Obstacle } from '../support/watched-world.ts';

const PACE_MS = 20;
/** A look every 100 ms, but none too soon after the last, and the millisecond that a timer may be late. */
const AT_MOST_MS = 100 + PACE_MS + 1;

const deeds = fc.array(
  fc.record({
    deed: fc.constantFrom(
      'own commit',
      'own commit',
      'foreign commit',
      'foreign commit',
      'own write of nothing',
      'listen',
      'listen',
      'stop',
      'reconnect',
      'not ready',
      'refused',
      'busy',
      'failing',
      'well again',
      'well again',
    ),
    who: fc.nat(3),
    busyMs: fc.constantFrom(0, 0, 0, 5, 70, 400),
    thenMs: fc.constantFrom(0, 0, 1, 3, 19, 50, 99, 100, 250),
  }),
  { maxLength: 60, size: 'max' },
);

/** Somebody who listens, and what he has been told. */
class Ear {
  readonly #world: WatchedWorld;
  readonly #busyMs: number;
  readonly offences: string[] = [];
  readonly stop: () => void;
  /** The newest commit that he need not be told of any more. */
  told: number;
  /** Since when nothing was in the way of telling him of the next one, on the clock. */
  freeSince: number;
  isBusy = false;
  calledAt = -Infinity;
  calls = 0;

  constructor(world: WatchedWorld, busyMs: number) {
    this.#world = world;
    this.#busyMs = busyMs;
    this.told = world.commits;
    this.freeSince = world.clock.now();
    this.stop = world.watch.listen(({ cause }) => this.#hear(cause), {});
  }

  #hear(cause: string): Promise<void> | undefined {
    const { clock, commits } = this.#world;
    const now = clock.now();
    if (this.isBusy) this.offences.push('was called while it was busy');
    if (now - this.calledAt < PACE_MS) this.offences.push(`was called again after ${now - this.calledAt} ms`);
    if (cause === 'commit' && commits === 0) this.offences.push('was told of a commit, and there was none');
    this.told = commits;
    this.calledAt = now;
    this.calls++;
    if (this.#busyMs === 0) return undefined;
    this.isBusy = true;
    return new Promise((resolve) => {
      clock.after(this.#busyMs, () => {
        this.isBusy = false;
        this.freeSince = clock.now();
        resolve();
      });
    });
  }

  /** A millisecond has passed. */
  check(): void {
    const { clock, commits, obstacle } = this.#world;
    const now = clock.now();
    if (this.isBusy || obstacle !== undefined || this.told === commits) this.freeSince = now;
    if (now - this.freeSince > AT_MOST_MS)
      this.offences.push(`is not told of commit ${commits} after ${AT_MOST_MS} ms`);
  }
}

describe('whatever happens to a database that is listened to', () => {
  it('every commit is told, in time, at a pace, and nobody is called who is busy or has stopped', async () => {
    const seen = { calls: 0, told: 0, blind: 0 };
    await fc.assert(
      fc.asyncProperty(deeds, async (all) => {
        const world = new WatchedWorld();
        const { clock, watch } = world;
        const ears = new Map<number, Ear>();
        const gone: { readonly ear: Ear; readonly calls: number }[] = [];
        const pass = async (ms: number): Promise<void> => {
          for (let passed = 0; passed < ms; passed++) {
            await clock.advance(1);
            for (const ear of ears.values()) ear.check();
          }
        };
        const stop = (who: number): void => {
          const ear = ears.get(who);
          ears.delete(who);
          ear?.stop();
          if (ear !== undefined) gone.push({ ear, calls: ear.calls });
        };
        for (const { deed, who, busyMs, thenMs } of all) {
          if (deed === 'own commit' || deed === 'foreign commit') world.commits++;
          if (deed === 'own commit' || deed === 'own write of nothing') watch.committed();
          if (deed === 'stop') stop(who);
          if (deed === 'listen') {
            stop(who);
            ears.set(who, new Ear(world, busyMs));
          }
          if (deed === 'reconnect') world.reconnect();
          if (['not ready', 'refused', 'busy', 'failing'].includes(deed)) world.obstacle = deed as Obstacle;
          if (deed === 'well again') world.obstacle = undefined;
          seen.blind += Number(world.obstacle !== undefined);
          await pass(thenMs);
        }
        world.obstacle = undefined;
        await pass(600);
        for (const ear of ears.values()) expect(ear.told).toBe(world.commits);
        const heard = [...ears.values(), ...gone.map(({ ear }) => ear)];
        expect(heard.flatMap(({ offences }) => offences)).toEqual([]);
        expect(gone.filter(({ ear, calls }) => ear.calls !== calls)).toEqual([]);
        seen.calls += heard.reduce((sum, { calls }) => sum + calls, 0);
        seen.told += heard.filter(({ calls }) => calls > 0).length;
        for (const who of ears.keys()) stop(who);
        expect(world.open).toBe(0);
      }),
      { ...replay(), numRuns: 60 },
    );
    // Otherwise it has shown nothing.
    expect(Math.min(seen.calls, seen.told, seen.blind)).toBeGreaterThan(50);
  });
});

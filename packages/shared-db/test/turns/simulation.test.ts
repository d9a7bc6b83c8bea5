import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAULTS, TurnWorld, type Fault, type Scenario } from '../support/turn-world.ts';
import { isReplay, replay } from '../support/replay.ts';

/** How many schedules; more find more. A thousand take about six seconds on a quiet machine. */
const RUNS = 2_000;
/** The same ones each time, so that who changes something is told of that alone. `HIVE_SEED=$RANDOM` makes others. */
const SEED = 1;
/** Within this all faults happen and are over. */
const FAULTY_MS = 400;
/** How long it may take to recover from them: a rest of up to 1.5 s, and a turn that is passed over after a second before it. */
const SETTLE_MS = 2_600;

const fault: fc.Arbitrary<Fault> = fc.record({
  at: fc.integer({ min: 0, max: FAULTY_MS - 250 }),
  kind: fc.constantFrom(...FAULTS),
  who: fc.nat(49),
  ms: fc.integer({ min: 1, max: 250 }),
});

const scenarios: fc.Arbitrary<Scenario> = fc
  .record({
    seed: fc.nat(),
    processes: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 2, max: 6 }) },
      { weight: 1, arbitrary: fc.integer({ min: 7, max: 50 }) },
    ),
    groupMs: fc.constantFrom(0.5, 2, 5),
    thinkMs: fc.constantFrom(0, 0, 3),
    faults: fc.array(fault, { maxLength: 6 }),
    // Longer than a turn takes to come once all faults are over: from then on nobody gives up.
    patience: fc.constantFrom(Infinity, Infinity, 1, 4),
  })
  .map(({ patience, ...rest }) => ({ ...rest, patienceMs: patience * longestWaitMs(rest) }));

/** What the last of as many may wait for: a turn of each other, which lasts for four quanta at most, its last group and the way of the messages. */
function longestWaitMs({ processes, groupMs }: Pick<Scenario, 'processes' | 'groupMs'>): number {
  return 30 + 2 * processes * (4 + 1.5 * groupMs + 1);
}

/** What becomes of everybody while there are faults. */
function courseOf(scenario: Scenario): unknown {
  const world = new TurnWorld(scenario);
  world.isWatching = true;
  world.runUntil(FAULTY_MS);
  const each = world.processes.map(({ written, polled, longestWaitMs }) => [written, polled, longestWaitMs]);
  return [world.lostWrites, each];
}

describe('turns', () => {
  it('come to everybody in bounded time, in order, once all faults are over, and nothing that is written depends on them', () => {
    const happened = new Set<string>();
    fc.assert(
      fc.property(scenarios, (scenario) => {
        for (const { kind } of scenario.faults) happened.add(kind);
        const world = new TurnWorld(scenario);
        world.runUntil(FAULTY_MS + SETTLE_MS);
        world.isWatching = true;
        const limitMs = longestWaitMs(scenario);
        world.runUntil(FAULTY_MS + SETTLE_MS + 2 * limitMs);

        expect(world.violations).toEqual([]);
        expect(world.lostWrites).toBe(0);
        const alive = world.processes.filter(({ isRunning }) => isRunning);
        // They have found one arbiter, the newest, and stay with it.
        expect(new Set(alive.map(({ epoch }) => epoch)).size).toBeLessThan(2);
        for (const { epoch, written, polled, longestWaitMs, waitMs } of alive) {
          expect(epoch).toBe(world.live());
          expect(polled).toBe(0);
          expect(written).toBeGreaterThan(0);
          expect(Math.max(longestWaitMs, waitMs)).toBeLessThan(limitMs);
        }
      }),
      replay({ numRuns: RUNS, seed: SEED }),
    );
    expect(isReplay() ? [] : FAULTS.filter((kind) => !happened.has(kind))).toEqual([]);
  });

  it('come to everybody at the same moments again where the seed is the same: so a failure can be replayed', () => {
    const faults = FAULTS.map((kind, n): Fault => ({ kind, at: 10 * n, who: n, ms: 20 }));
    const scenario: Scenario = { seed: 1, processes: 6, groupMs: 2, thinkMs: 3, patienceMs: 50, faults };
    expect(courseOf(scenario)).toEqual(courseOf(scenario));
    expect(courseOf(scenario)).not.toEqual(courseOf({ ...scenario, seed: 2 }));
  });
});

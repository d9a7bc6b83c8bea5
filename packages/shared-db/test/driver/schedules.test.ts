import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isReplay, replay } from '../support/replay.ts';
import { CHOICES, take, type Step } from '../support/schedule-steps.ts';
import { ScheduleWorld, type Scene } from '../support/schedule-world.ts';

/** How many schedules. They take about ten seconds of a processor. */
const RUNS = 10_000;
/** The same ones each time, so that who changes something is told of that alone. `HIVE_SEED=$RANDOM` makes others. */
const SEED = 1;
/** What callers get and are told: each is to happen in some schedule. */
const PLACES = [
  'session done',
  'lent session done',
  'read done',
  'transaction done',
  'part done',
  'throws',
  'aborts',
  'budgets',
  'closes',
  'flush idle',
  'flush all',
  'flush leaked',
  'flush graceful',
  'ABORTED',
  'POOL_TIMEOUT',
  'POOL_SUSPENDED',
  'POOL_CLOSED',
  'CREATE_FAILED',
  'LEASE_STALE',
  'SESSION_EXPIRED',
  'TRANSACTION_EXPIRED',
  'OUTCOME_UNKNOWN',
  'CONNECTION_LOST',
  'CONFIG',
];

const number = fc.nat(7);
const step: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom(...CHOICES), number, number);
const schedules = fc.array(step, { minLength: 2, maxLength: 12, size: 'max' });
const scenes: fc.Arbitrary<Scene> = fc.record({
  singleWriter: fc.boolean(),
  poolSize: fc.integer({ min: 1, max: 2 }),
  maxOverflow: fc.nat(1),
  // A service costs more than all the rest.
  inService: fc.nat(199).map((chance) => chance === 199),
});

describe('whatever is asked of a database, in whatever order, and whatever befalls it', () => {
  it('nothing is in two hands, nothing is lost, everybody is told what became of him, and all is closed at the end', async () => {
    const seen = new Map<string, number>();
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => {
      unhandled.push(reason);
    };
    process.on('unhandledRejection', note);
    const { stackTraceLimit } = Error;
    // Most of the time would go into stacks that nobody reads.
    Error.stackTraceLimit = 0;
    try {
      await fc.assert(
        fc.asyncProperty(scenes, schedules, async (scene, steps) => {
          const world = await ScheduleWorld.open(scene);
          for (const one of steps) await take(world, one);
          await world.finish();
          if (unhandled.length > 0) throw new Error(`nobody has handled ${String(unhandled.splice(0)[0])}`);
          for (const [what, times] of world.seen) seen.set(what, (seen.get(what) ?? 0) + times);
        }),
        replay({ numRuns: RUNS, seed: SEED }),
      );
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
      process.off('unhandledRejection', note);
    }
    // The schedules have been everywhere.
    expect(isReplay() ? [] : PLACES.filter((place) => !seen.has(place))).toEqual([]);
  }, 120_000);
});

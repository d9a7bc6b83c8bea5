import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PoolStats } from '@hive/pool';
import { isReplay, replay } from './support/replay.ts';
import { STEPS, type Step } from './support/steps.ts';
import { World, type Setup } from './support/world.ts';

const setups: fc.Arbitrary<Setup> = fc.record({
  size: fc.integer({ min: 1, max: 3 }),
  maxOverflow: fc.integer({ min: 0, max: 2 }),
  minIdle: fc.integer({ min: 0, max: 1 }),
  maxWaiting: fc.constantFrom(3, 1_000),
  maxCreating: fc.constantFrom(1, 8),
  timeEvery: fc.constantFrom(1, 16),
  validates: fc.boolean(),
  validateAfterIdleMs: fc.constantFrom(0, 15),
  resets: fc.boolean(),
  tellsUse: fc.boolean(),
});

/** What fast-check hands from command to command: a world is model and reality in one. */
interface Stage {
  readonly world: World;
}

class Command implements fc.AsyncCommand<Stage, Stage> {
  readonly #step: Step;

  constructor(step: Step) {
    this.#step = step;
  }

  check({ world }: Stage): boolean {
    return this.#step.possible(world);
  }

  async run({ world }: Stage): Promise<void> {
    await this.#step.run(world);
    await world.clock.settle();
    world.verify();
  }

  toString(): string {
    return this.#step.name;
  }
}

const commands = fc.commands(
  STEPS.map((steps) => steps.map((step) => new Command(step))),
  { maxCommands: 60, size: 'max' },
);

describe('a pool', () => {
  it('keeps every rule, whatever is done to it in whatever order', async () => {
    const counted = new Map<string, number>();
    const count = ({ counters: { destroyed, ...counters } }: PoolStats): void => {
      for (const [name, times] of [...Object.entries(counters), ...Object.entries(destroyed)])
        counted.set(name, (counted.get(name) ?? 0) + times);
    };
    await fc.assert(
      fc.asyncProperty(setups, commands, async (setup, steps) => {
        const world = new World(setup);
        await fc.asyncModelRun(() => ({ model: { world }, real: { world } }), steps);
        count(await world.finish());
      }),
      replay({ numRuns: 1_000 }),
    );
    // The runs have been everywhere: only the garbage collector and a broken observer are left to other tests.
    const elsewhere = ['collected', 'observerErrors'];
    const left = [...counted].filter(([name, times]) => times === 0 && !elsewhere.includes(name));
    expect(isReplay() ? [] : left).toEqual([]);
  }, 120_000);
});

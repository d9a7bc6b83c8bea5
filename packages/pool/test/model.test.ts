import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PoolStats } from '@hive/pool';
import { isFit } from './support/budget-book.ts';
import { isReplay, replay } from './support/replay.ts';
import { anyBudgets, BUDGET_STEPS, STEPS, type Step } from './support/steps.ts';
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

type Steps = readonly fc.Arbitrary<Step>[];

const commandsOf = (all: Steps): fc.Arbitrary<Iterable<fc.AsyncCommand<Stage, Stage>>> =>
  fc.commands(
    all.map((steps) => steps.map((step) => new Command(step))),
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
      fc.asyncProperty(setups, commandsOf(STEPS), async (setup, steps) => {
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

  it('keeps every rule with budgets, whatever they become', async () => {
    const served = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        setups,
        anyBudgets,
        commandsOf(BUDGET_STEPS),
        async ({ size, maxOverflow, ...setup }, budgets, steps) => {
          fc.pre(isFit(budgets, size + maxOverflow));
          const world = new World({ ...setup, size, maxOverflow, budgets });
          await fc.asyncModelRun(() => ({ model: { world }, real: { world } }), steps);
          const { budgets: figures = [] } = await world.finish();
          for (const { name, counters } of figures) served.set(name, (served.get(name) ?? 0) + counters.waited);
        },
      ),
      replay({ numRuns: 400 }),
    );
    // The runs have been everywhere.
    const few = ['default', 'a', 'b'].filter((name) => (served.get(name) ?? 0) < 20);
    expect(isReplay() ? [] : few).toEqual([]);
  }, 120_000);
});

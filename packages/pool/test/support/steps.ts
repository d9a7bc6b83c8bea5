import * as fc from 'fast-check';
import type { Budgets, FlushMode } from '@hive/pool';
import { HOOKS, type Ending, type Hook, type Mood, type World } from './world.ts';

/** One thing that can happen to a pool. */
export interface Step {
  /** How a failing run shows it. */
  readonly name: string;
  readonly possible: (world: World) => boolean;
  readonly run: (world: World) => void | Promise<void>;
}

/** How budgets are called. */
const NAMES = ['default', 'a', 'b'] as const;

const always = (): boolean => true;
const holds = ({ held }: World): boolean => held.length > 0;
const held = ({ ended }: World): boolean => ended.length > 0;
const calls = ({ calls: open }: World): boolean => open.length > 0;
const open = ({ closing }: World): boolean => !closing;
const anyIndex = fc.nat({ max: 7 });

const budget = fc.constantFrom(...NAMES);

const acquire = fc
  .record({ timeoutMs: fc.constantFrom(0, 20, 300, 100_000), abortable: fc.boolean(), budget })
  .map(({ timeoutMs, abortable, budget: name }) => ({
    name: `acquire${abortable ? ' abortable' : ''} for ${timeoutMs} ms of ${name}`,
    possible: always,
    run: (world: World) => {
      world.acquire(timeoutMs, abortable, name);
    },
  }));

const abort = anyIndex.map((index) => ({
  name: `abort ${index}`,
  possible: ({ waiting }: World) => waiting.some(({ controller }) => controller !== undefined),
  run: ({ waiting }: World) => {
    const abortable = waiting.filter(({ controller }) => controller !== undefined);
    abortable[index % abortable.length]?.controller?.abort();
  },
}));

const tryAcquire = budget.map((name) => ({
  name: `tryAcquire of ${name}`,
  possible: always,
  run: (world: World) => {
    world.tryAcquire(name);
  },
}));

const how = fc.constantFrom<Ending>('release', 'release', 'release', 'destroy', 'takeAway');
const end = fc.tuple(anyIndex, how).map(([index, verb]) => ({
  name: `${verb} ${index}`,
  possible: holds,
  run: (world: World) => {
    world.end(index, verb);
  },
}));

const use = fc.tuple(anyIndex, fc.constantFrom('shortly' as const, 'for a while' as const)).map(([index, how]) => ({
  name: `use ${index} ${how}`,
  possible: holds,
  run: (world: World) => {
    world.use(index, how);
  },
}));

const endAgain = fc.tuple(anyIndex, how).map(([index, verb]) => ({
  name: `${verb} ${index} again`,
  possible: held,
  run: (world: World) => {
    world.endAgain(index, verb);
  },
}));

const answer = fc.tuple(anyIndex, fc.boolean()).map(([index, ok]) => ({
  name: `hook ${index} ${ok ? 'succeeds' : 'fails'}`,
  possible: calls,
  run: (world: World) => {
    const [call] = world.calls.splice(index % world.calls.length, 1);
    call?.answer(ok);
  },
}));

const mood = fc
  .tuple(fc.constantFrom<Hook>(...HOOKS), fc.constantFrom<Mood>('ok', 'fail', 'later', 'later'))
  .map(([hook, chosen]) => ({
    name: `${hook} is ${chosen}`,
    possible: always,
    run: ({ moods }: World) => {
      moods[hook] = chosen;
    },
  }));

const flush = fc.constantFrom<FlushMode>('idle', 'all', 'leaked', 'graceful').map((mode) => ({
  name: `flush ${mode}`,
  possible: always,
  run: (world: World) => {
    world.flush(mode);
  },
}));

const resize = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat({ max: 2 })).map(([size, maxOverflow]) => ({
  name: `resize to ${size}+${maxOverflow}`,
  possible: always,
  run: (world: World) => {
    world.resize(size, maxOverflow);
  },
}));

const terms = fc.record({
  reserved: fc.integer({ min: 0, max: 2 }),
  max: fc.constantFrom(undefined, 1, 2, 3),
  weight: fc.constantFrom(1, 3),
});

/** Budgets as they come: some reserve more than there is, some ask for more than they may have. */
export const anyBudgets: fc.Arbitrary<Budgets> = fc
  .dictionary(budget, terms, { maxKeys: NAMES.length })
  .map((budgets) => JSON.parse(JSON.stringify(budgets)) as Budgets);

const setBudgets = anyBudgets.map((budgets) => ({
  name: `setBudgets ${JSON.stringify(budgets)}`,
  possible: always,
  run: (world: World) => {
    world.setBudgets(budgets);
  },
}));

const suspend = fc.constant({
  name: 'suspend',
  possible: open,
  run: (world: World) => {
    world.suspend();
  },
});

const resume = fc.constant({
  name: 'resume',
  possible: always,
  run: (world: World) => {
    world.resume();
  },
});

const warm = fc.constant({
  name: 'warm',
  possible: always,
  run: (world: World) => {
    world.warm();
  },
});

const close = fc.constantFrom(0, 100, 5_000).map((graceMs) => ({
  name: `close within ${graceMs} ms`,
  possible: open,
  run: (world: World) => {
    world.close(graceMs);
  },
}));

const tick = fc.constantFrom(1, 16, 45, 70, 1_000, 5_000).map((ms) => ({
  name: `${ms} ms pass`,
  possible: always,
  run: async (world: World) => {
    await world.tick(ms);
  },
}));

const block = fc.constantFrom(6, 100).map((ms) => ({
  name: `the loop is blocked for ${ms} ms`,
  possible: always,
  run: ({ clock }: World) => {
    clock.block(ms);
  },
}));

/** Several things that callers and hooks do without a turn of the event loop in between. */
const together = fc
  .array(fc.oneof(acquire, acquire, acquire, end, end, abort, tryAcquire, endAgain, answer, mood, flush), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => ({
    name: parts.map(({ name }) => name).join(' and '),
    possible: (world: World) => parts.some(({ possible }) => possible(world)),
    run: (world: World) => {
      for (const { possible, run } of parts) if (possible(world)) run(world);
    },
  }));

/** Something that a hook does before it answers. */
const interrupt = fc.oneof(end, end, abort, endAgain, flush, resize, suspend, resume).map(within);

function within(step: Step): Step {
  return {
    name: `the next hook does: ${step.name}`,
    possible: always,
    run: (world: World) => {
      world.interruption = () => {
        if (step.possible(world)) void step.run(world);
      };
    },
  };
}

const times = (count: number, step: fc.Arbitrary<Step>): fc.Arbitrary<Step>[] =>
  Array.from({ length: count }, () => step);

/** What can happen, the frequent things more than once. */
export const STEPS: readonly fc.Arbitrary<Step>[] = [
  ...times(4, acquire),
  ...times(4, together),
  ...times(3, end),
  ...times(3, answer),
  ...times(3, tick),
  ...times(2, mood),
  ...times(2, interrupt),
  ...times(2, resume),
  ...times(2, use),
  abort,
  tryAcquire,
  endAgain,
  flush,
  resize,
  suspend,
  warm,
  block,
  close,
];

/** What can happen to a pool with budgets. */
export const BUDGET_STEPS: readonly fc.Arbitrary<Step>[] = [
  ...STEPS,
  ...times(4, acquire),
  ...times(3, end),
  ...times(2, setBudgets),
  setBudgets.map(within),
];

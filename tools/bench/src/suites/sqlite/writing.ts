import type { Scenario } from '../../scenario.ts';
import { IMMEDIATE, inserting } from './inserting.ts';
import type { Durability } from './stage.ts';

export function writeScenario(durability: Durability): Scenario {
  return {
    name: `write, ${durability}`,
    about: `One row in a transaction of its own, one at a time, durability ${durability}: write against transaction().immediate.`,
    against: IMMEDIATE,
    measures: [{ name: 'time each', unit: 'us', better: 'lower' }],
    rounds: durability === 'full' ? 41 : 101,
    contestants: inserting(durability, durability === 'full' ? 500 : 1_000, async (write, count) => {
      for (let i = 0; i < count; i++) await write();
    }),
  };
}
